import type { Operation } from '../schema/operation.ts'
import { arrays, isArray, isStruct, membersOf, type TypeName } from '../schema/types.ts'

/** A value that comes in the path or the query of a request. */
export interface Parameter {
  /** As clients write it. */
  name: string
  in: 'path' | 'query'
  /** Where it goes: the argument, then members. */
  at: readonly string[]
  /** A scalar, SipId (`user@domain`), or an array of those (with commas between). `sort` stands for an OrderBy. */
  type: TypeName
  doc: string | undefined
  values: readonly string[] | undefined
}

/** How an operation is called over HTTP, from its definition alone. */
export interface Shape {
  parameters: readonly Parameter[]
  /** `whole`: the body is this argument; `members`: an object of these arguments; `none`: there is no body. */
  body: { kind: 'none' } | { kind: 'whole'; argument: string } | { kind: 'members'; arguments: readonly string[] }
}

const PATH_PARAMETER = /\{([^}]+)\}/g
/** Their names say nothing: members of these stand on their own in a query. */
const transparent: ReadonlySet<string> = new Set(['query', 'filter', 'range', 'match'])

export function shapeOf(operation: Operation): Shape {
  const inPath = [...operation.rest.path.matchAll(PATH_PARAMETER)].map(([, name]) =>
    pathParameter(operation, name as string),
  )
  const taken = new Set(inPath.filter(({ at }) => at.length === 1).map(({ at }) => at[0]))
  const left = Object.keys(operation.input).filter((name) => !taken.has(name))
  const { method } = operation.rest
  if (method === 'GET' || method === 'DELETE') {
    // What the path has all members of is complete.
    const asked = left.filter((name) => !inPath.some(({ at }) => at[0] === name))
    const inQuery = asked.flatMap((name) => flat([name], operation.input[name] as TypeName, undefined, undefined))
    return { parameters: [...inPath, ...inQuery], body: { kind: 'none' } }
  }
  const [only] = left
  const whole = left.length === 1 && only !== undefined && isStruct(operation.input[only] as TypeName)
  if (left.length === 0) return { parameters: inPath, body: { kind: 'none' } }
  return {
    parameters: inPath,
    body: whole ? { kind: 'whole', argument: only as string } : { kind: 'members', arguments: left },
  }
}

function pathParameter(operation: Operation, name: string): Parameter {
  const at = name.split('.')
  let type = operation.input[at[0] as string] as TypeName
  let doc: string | undefined
  for (const member of at.slice(1)) {
    const found = isStruct(type) ? membersOf(type).find((one) => one.name === member) : undefined
    if (!found) throw new TypeError(`${operation.name}: ${name} is no member`)
    ;({ type, doc } = found)
  }
  return { name, in: 'path', at, type, doc: type === 'SipId' ? 'user@domain' : doc, values: undefined }
}

/** Whether a value of the type is written as one word. */
const isWord = (type: TypeName): boolean => type === 'SipId' || !(isStruct(type) || isArray(type))

function flat(at: string[], type: TypeName, doc?: string, values?: readonly string[]): Parameter[] {
  const name = at.filter((part) => !transparent.has(part)).join('.')
  const parameter = (more: Partial<Parameter> = {}): Parameter => ({
    name,
    in: 'query',
    at,
    type,
    doc,
    values,
    ...more,
  })
  if (type === 'OrderBy') {
    return [parameter({ name: 'sort', doc: 'a member to order by; with - in front, the greatest first' })]
  }
  if (type === 'SipId') return [parameter({ doc: 'user@domain' })]
  if (isStruct(type)) {
    return membersOf(type).flatMap((member) => flat([...at, member.name], member.type, member.doc, member.values))
  }
  if (!isArray(type)) return [parameter()]
  return isWord(arrays[type]) ? [parameter({ doc: [doc, 'with commas between'].filter(Boolean).join('; ') })] : []
}

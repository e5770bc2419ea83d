import { splitAor } from '@thor-node/core'
import { invalid, wrongType } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Operation } from '../schema/operation.ts'
import { arrays, isArray, isStruct, membersOf, type SchemaValue, type TypeName } from '../schema/types.ts'
import { type Parameter, type Shape, shapeOf } from './parameters.ts'

/** The parts of a request that arguments come from. */
export interface RestInput {
  /** By the names in the path of the operation. */
  path: Readonly<Record<string, string>>
  query: URLSearchParams
  /** Parsed JSON; undefined when there is none. */
  body: unknown
}

const shapes = new Map<Operation, Shape>()

/** The arguments of an operation. Throws PROVISION_INVALID_TYPE and PROVISION_INVALID_VALUE, which name the field. */
export function readArguments(operation: Operation, input: RestInput): Record<string, SchemaValue> {
  let shape = shapes.get(operation)
  if (!shape) {
    shape = shapeOf(operation)
    shapes.set(operation, shape)
  }
  const args = readBody(operation, shape, input.body)
  const known = new Set(shape.parameters.filter((one) => one.in === 'query').map(({ name }) => name))
  for (const name of input.query.keys())
    if (!known.has(name)) throw invalid(name, 'is not a parameter of this operation')
  for (const parameter of shape.parameters) {
    const texts = parameter.in === 'path' ? [input.path[parameter.name] ?? ''] : input.query.getAll(parameter.name)
    if (texts.length > 0) place(args, parameter.at, readParameter(parameter, texts))
  }
  return args
}

function readBody(operation: Operation, { body: shape }: Shape, body: unknown): Record<string, SchemaValue> {
  if (shape.kind === 'none') {
    if (body !== undefined) throw invalid('body', 'is not taken by this operation')
    return {}
  }
  const reader = new JsonReader()
  if (shape.kind === 'whole') {
    const value = reader.value(body ?? {}, operation.input[shape.argument] as TypeName, '')
    return { [shape.argument]: value ?? {} }
  }
  const given = object(body ?? {}, 'body')
  const args: Record<string, SchemaValue> = {}
  for (const [name, value] of Object.entries(given)) {
    if (!shape.arguments.includes(name)) throw invalid(name, 'is not an argument of this operation')
    args[name] = reader.value(value, operation.input[name] as TypeName, name)
  }
  return args
}

function place(args: Record<string, SchemaValue>, at: readonly string[], value: SchemaValue): void {
  if (value === undefined) return
  let into = args
  for (const name of at.slice(0, -1)) {
    const inner = into[name]
    const next = typeof inner === 'object' && !Array.isArray(inner) ? inner : {}
    into[name] = next
    into = next
  }
  into[at.at(-1) as string] = value
}

function readParameter({ name, type, in: where }: Parameter, texts: readonly string[]): SchemaValue {
  if (isArray(type)) {
    const words = texts.flatMap((text) => text.split(',')).filter((text) => text !== '')
    return words.map((word) => readWord(word, arrays[type], name))
  }
  const [text = ''] = texts
  if (texts.length > 1) throw invalid(name, 'is given more than once')
  if (type === 'OrderBy') {
    const [, minus, attribute = ''] = /^(-?)(.*)$/.exec(text) ?? []
    return { attribute, direction: minus === '-' ? 'DESC' : 'ASC' }
  }
  if (text === '' && where === 'path') throw invalid(name, 'is empty')
  return readWord(text, type, name)
}

function readWord(text: string, type: TypeName, name: string): SchemaValue {
  if (type === 'SipId') {
    const { user, domain } = splitAor(text.replace(/^sips?:/i, '')) ?? {}
    if (user === undefined || domain === undefined) throw invalid(name, 'is not an address, such as user@example.com')
    return { username: user, domain }
  }
  if (type === 'string') return text
  if (text === '') return undefined
  if (type === 'boolean') {
    if (/^(true|1)$/.test(text)) return true
    if (/^(false|0)$/.test(text)) return false
    throw wrongType(name, 'is not true or false')
  }
  return numberOf(text, type, name)
}

function numberOf(text: string, type: TypeName, field: string): number {
  const valid = type === 'int' ? /^-?\d{1,15}$/ : /^-?\d{1,15}(\.\d{1,10})?$/
  if (!valid.test(text)) throw wrongType(field, type === 'int' ? 'is not a whole number' : 'is not a number')
  return Number(text)
}

function object(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(field, 'is not an object')
  return value as Record<string, unknown>
}

/** Reads JSON by the type it should have. null is absent; members that the type does not have are refused. */
export class JsonReader {
  #left: number = limits.decodedValuesMax

  value(json: unknown, type: TypeName, field: string): SchemaValue {
    this.#left -= 1
    if (this.#left < 0) throw invalid(field, `the request has more than ${limits.decodedValuesMax} values`)
    if (json === null || json === undefined) return undefined
    if (type === 'SipId' && typeof json === 'string') return readWord(json, type, field)
    if (isStruct(type)) {
      const given = object(json, field === '' ? 'body' : field)
      const known = membersOf(type)
      const out: Record<string, SchemaValue> = {}
      for (const [name, inner] of Object.entries(given)) {
        const at = field === '' ? name : `${field}.${name}`
        const member = known.find((one) => one.name === name)
        if (!member) throw invalid(at, `is not a member of ${type}`)
        const value = this.value(inner, member.type, at)
        if (value !== undefined) out[name] = value
      }
      return out
    }
    if (isArray(type)) {
      if (!Array.isArray(json)) throw wrongType(field, 'is not an array')
      return json
        .map((item, index) => this.value(item, arrays[type], `${field}[${index}]`))
        .filter((item) => item !== undefined)
    }
    if (type === 'string' && typeof json === 'string') return json
    if (type === 'boolean' && typeof json === 'boolean') return json
    if ((type === 'int' || type === 'float') && typeof json === 'number') return numberOf(`${json}`, type, field)
    throw wrongType(field, `is not of the type ${type}`)
  }
}

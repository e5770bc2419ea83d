import type { Member, MemberInfo } from './member.ts'
import * as calls from './types/calls.ts'
import * as common from './types/common.ts'
import * as customers from './types/customers.ts'
import * as numbers from './types/numbers.ts'
import * as sip from './types/sip.ts'
import * as trunks from './types/trunks.ts'

/**
 * The data types of the interface, in one table: the readers (SOAP, REST) coerce by it, the writers encode by it, WSDL, OpenAPI
 * and the reference page print it, and TypeScript derives the shapes that operations handle. One more type is one more entry
 * in a file of `types/`.
 */
export const structs = {
  ...common.structs,
  ...sip.structs,
  ...trunks.structs,
  ...calls.structs,
  ...numbers.structs,
  ...customers.structs,
}

/** Array type → type of its items. */
export const arrays = {
  ...common.arrays,
  ...sip.arrays,
  ...trunks.arrays,
  ...calls.arrays,
  ...numbers.arrays,
  ...customers.arrays,
} as const satisfies Record<string, ScalarName | StructName>

export const scalars = ['string', 'int', 'boolean', 'float'] as const
export type ScalarName = (typeof scalars)[number]
export type StructName = keyof typeof structs
export type ArrayName = keyof typeof arrays
export type TypeName = ScalarName | StructName | ArrayName

type TypeOf<M> = M extends string ? M : M extends { type: infer T } ? T : never

/** What a value of a type is in TypeScript. Members may be absent: nil is the same as absent. */
export type Value<T> = T extends 'string'
  ? string
  : T extends 'int' | 'float'
    ? number
    : T extends 'boolean'
      ? boolean
      : T extends StructName
        ? { [F in keyof (typeof structs)[T]]?: Value<TypeOf<(typeof structs)[T][F]>> }
        : T extends ArrayName
          ? Value<(typeof arrays)[T]>[]
          : never

/** A value whose type is known only while the program runs. */
export type SchemaValue = string | number | boolean | undefined | SchemaValue[] | { [member: string]: SchemaValue }

const structNames: ReadonlySet<string> = new Set(Object.keys(structs))
const arrayNames: ReadonlySet<string> = new Set(Object.keys(arrays))
export const isStruct = (type: TypeName): type is StructName => structNames.has(type)
export const isArray = (type: TypeName): type is ArrayName => arrayNames.has(type)

export interface StructMember extends Readonly<MemberInfo<TypeName>> {
  name: string
}

const members = new Map<StructName, readonly StructMember[]>(
  Object.entries(structs).map(([name, table]) => [
    name as StructName,
    Object.entries<Member>(table).map(([member, info]) => ({
      name: member,
      ...((typeof info === 'string' ? { type: info } : info) as MemberInfo<TypeName>),
    })),
  ]),
)

/** Members of a struct in the order of the schema. */
export function membersOf(type: StructName): readonly StructMember[] {
  return members.get(type) as readonly StructMember[]
}

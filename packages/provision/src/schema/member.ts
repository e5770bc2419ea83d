/** A member of a structure that has more to say than its type. */
export interface MemberInfo<T extends string = string> {
  type: T
  /** A sentence, for the reference page and OpenAPI. */
  doc?: string
  /** What a record is known by: never nil in the schema. */
  key?: true
  /** Told, never taken: a value that a client sends back is ignored. */
  read?: true
  /** The values that it may have. */
  values?: readonly string[]
}

/** As written in the tables: the type alone, or more. */
export type Member = string | MemberInfo

export const field = <const T extends string>(type: T, doc: string): MemberInfo<T> => ({ type, doc })
export const key = <const T extends string>(type: T, doc?: string): MemberInfo<T> => ({
  type,
  ...(doc !== undefined && { doc }),
  key: true,
})
export const read = <const T extends string>(type: T, doc?: string): MemberInfo<T> => ({
  type,
  ...(doc !== undefined && { doc }),
  read: true,
})
export const oneOf = (values: readonly string[], doc: string): MemberInfo<'string'> => ({ type: 'string', values, doc })

/** Who owns a record, in the words of every type that has owners. */
export const customer = field('int', 'id of the customer whom the record belongs to; 0 is nobody')
export const reseller = field('int', 'id of the reseller whom the record belongs to; 0 is nobody')
export const inherited = {
  customer: read('int', 'inherited'),
  reseller: read('int', 'inherited'),
}
export const changeDate = read('string', 'YYYY-MM-DD HH:MM:SS, UTC')
/** The type of a query: its filter, and what all queries have. */
export const query = <const F extends string>(filter: F) => ({
  filter: field(filter, 'absent, empty and 0 are no constraint; % and _ are wildcards in strings'),
  orderBy: 'OrderBy' as const,
  range: 'Range' as const,
})

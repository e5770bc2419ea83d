/** What is kept of ENUM. */

/** Where a tree stands: the public one, one of one's own, or that of carriers (RFC 5067). */
export type TreeKind = 'public' | 'private' | 'infrastructure'

export interface RangeId {
  /** Digits that its numbers begin with. */
  prefix: string
  /** The tree: `e164.arpa`, `e164.example.net`. Canonical. */
  tld: string
}

/** `dnsrange/<tld>/<prefix>` */
export interface EnumRange extends RangeId {
  /** Seconds. */
  ttl: number
  minDigits: number
  maxDigits: number
  /** Numbers that it may have; 0: any number. */
  size: number
  /** Canonical names; empty: the nodes of the ring. */
  nameservers: string[]
  info: string
  customer: number
  reseller: number
  /** Epoch milliseconds. */
  changedAt: number
}

export interface NumberId {
  /** Digits, no +. */
  number: string
  tld: string
}

export interface EnumMapping {
  /** Its own within the number; kept when mappings are replaced. */
  id: number
  /** `sip`, `voice:tel`: of `ENUM_SERVICES`. */
  type: string
  /** A URI, or an expression `!ERE!replacement!`. */
  mapto: string
  /** Preference of the NAPTR: the lowest is tried first. */
  priority: number
  /** Seconds. */
  ttl: number
}

/** As blocks have it. */
export interface StoredNumber extends NumberId {
  /** Customer whose number this is: the person, who may change what it maps to; 0: nobody's. */
  owner: number
  info: string
  /** Without any it is known and leads nowhere. */
  mappings: EnumMapping[]
  /** Epoch milliseconds. */
  changedAt: number
}

export interface EnumNumber extends StoredNumber {
  /** Of the narrowest range that it is in. */
  customer: number
  reseller: number
}

export interface MappingInput {
  id?: number
  type?: string
  mapto?: string
  priority?: number
  ttl?: number
}

export interface RangeInput {
  prefix?: string
  tld?: string
  ttl?: number
  minDigits?: number
  maxDigits?: number
  size?: number
  nameservers?: readonly string[]
  info?: string
  customer?: number
  reseller?: number
}

export interface NumberInput {
  number?: string
  tld?: string
  owner?: number
  info?: string
  mappings?: readonly MappingInput[]
}

/** Who changes something: an administrator, or a user who may touch his own numbers alone. */
export interface Actor {
  /** Undefined: an administrator. */
  owner?: number
}

/** What is kept of zones. */
import type { ZoneType } from '../wire/codes.ts'

/** A record of a zone, as it was written. */
export interface ZoneRecord {
  /** One number for the record in the whole ring: below 2^31. */
  id: number
  /** Canonical, whole. */
  name: string
  type: ZoneType
  /** As in a zone file, without the priority of MX and SRV. */
  value: string
  /** Of MX and SRV; 0 elsewhere. */
  priority: number
  /** Seconds. */
  ttl: number
  /** Customer or account whose record this is; 0: of who owns the zone. */
  owner: number
  /** Epoch milliseconds. */
  changedAt: number
}

/** `MBOXFW`: mail for `name` goes to the address `value`. `URL`: browsers that ask for `name` are sent to `value`. */
export const FANCY_TYPES = ['MBOXFW', 'URL'] as const
export type FancyType = (typeof FANCY_TYPES)[number]

export interface FancyRecord extends Omit<ZoneRecord, 'type'> {
  type: FancyType
}

/** A zone with all its records. */
export interface StoredZone {
  /** Canonical. */
  name: string
  /** Its number: record ids begin with it. */
  no: number
  /** Of the person in charge, `hostmaster@example.com`. */
  email: string
  /** Seconds, all of these. `ttl`: of records that say nothing else. */
  ttl: number
  minimum: number
  refresh: number
  retry: number
  expire: number
  /** Grows with each change. */
  serial: number
  /** Canonical; empty: the nodes of the ring. */
  nameservers: string[]
  info: string
  customer: number
  reseller: number
  /** Epoch milliseconds. */
  changedAt: number
  records: ZoneRecord[]
  fancy: FancyRecord[]
  /** How many records there are, fancy ones with them. */
  count: number
}

export type ZoneFields = Omit<StoredZone, 'records' | 'fancy'>

/** `dnspage/<zone>/<no>`: never changed. */
export type PageBody = Pick<StoredZone, 'records' | 'fancy'>

export interface PageRef {
  no: string
  /** The first name that belongs there. */
  from: string
}

/** `dnszone/<name>`: its fields, the records before the first page, and which pages count. */
export interface ZoneHead extends StoredZone {
  /** In order of names. */
  pages: PageRef[]
}

export interface ZoneInput {
  name?: string
  email?: string
  ttl?: number
  minimum?: number
  refresh?: number
  retry?: number
  expire?: number
  info?: string
  nameservers?: readonly string[]
  customer?: number
  reseller?: number
}

export interface RecordInput {
  id?: number
  zone?: string
  /** Relative to the zone, or whole; empty: the zone itself. */
  name?: string
  type?: string
  value?: string
  priority?: number
  ttl?: number
  owner?: number
}

/** What can be asked of a node about zones and ENUM numbers. Part of `NodeOperations`. */

export interface ZoneView {
  zone: string
  serial: number
  records: number
  nameservers: string[]
  /** Epoch milliseconds. */
  changedAt: number
}

export interface RecordView {
  id: number
  name: string
  type: string
  value: string
  priority: number
  ttl: number
}

export interface CheckView {
  /** What to write into the zone above. */
  delegate: string[]
  findings: { ok: boolean; text: string }[]
}

export interface RangeView {
  tree: string
  prefix: string
  minDigits: number
  maxDigits: number
  /** The zone that is to be delegated. */
  zone: string
  /** Numbers that it has now. */
  numbers: number
  serial: number
}

export interface MappingView {
  id: number
  type: string
  mapto: string
  priority: number
  ttl: number
}

export interface NumberView {
  number: string
  tree: string
  owner: number
  info: string
  mappings: MappingView[]
}

/** `[number, type, mapto, priority, ttl, owner]`; the last three may be absent. */
export type EnumRow = [number: string, type: string, mapto: string, priority?: number, ttl?: number, owner?: number]

export interface RecordAddQuery {
  zone: string
  name: string
  type: string
  value: string
  ttl?: number
  priority?: number
}

/** All reject with `DNS_…` codes whose messages name the field. */
export interface DnsContract {
  dnsList(): Promise<{ zones: ZoneView[] }>
  dnsAdd(query: { zone: string; email?: string; nameservers?: string[]; ttl?: number }): Promise<{ zone: string }>
  dnsShow(query: { zone: string }): Promise<{ zone: ZoneView; records: RecordView[]; file: string }>
  dnsRemove(query: { zone: string }): Promise<{ removed: string }>
  dnsSet(query: RecordAddQuery): Promise<{ record: RecordView }>
  dnsUnset(query: { id: number }): Promise<{ removed: number }>
  /** A zone file in the place of the records that are there; the zone is made when there is none. */
  dnsImport(query: { zone: string; text: string }): Promise<{ zone: string; records: number }>
  /** Adds what leads phones of a customer's domain to the nodes of the ring, as far as it is not there. */
  dnsTemplate(query: { zone: string }): Promise<{ added: RecordView[] }>
  dnsCheck(query: { domain: string }): Promise<CheckView>
  enumRanges(): Promise<{ ranges: RangeView[] }>
  enumRangeAdd(query: {
    tree: string
    prefix: string
    minDigits?: number
    maxDigits?: number
    ttl?: number
    nameservers?: string[]
  }): Promise<{ range: RangeView }>
  enumRangeRemove(query: { tree: string; prefix: string }): Promise<{ removed: string }>
  enumAdd(query: { tree: string; number: string; mappings: Omit<MappingView, 'id'>[] }): Promise<{ number: NumberView }>
  enumShow(query: { tree: string; number: string }): Promise<NumberView>
  enumRemove(query: { tree: string; number: string }): Promise<{ removed: string }>
  /** Where a call to this number would be led, as this node sees it. */
  enumLookup(query: { number: string }): Promise<{ uris: string[] }>
  enumLoad(query: { tree: string; rows: EnumRow[] }): Promise<{ numbers: number }>
}

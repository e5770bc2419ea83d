/** What the server says of a number, ready-made: NAPTR with the owner as a pointer to the question. */
import { expressionFor } from '../ddds/substitution.ts'
import { CLASS, TYPE } from '../wire/codes.ts'
import type { DnsRecord } from '../wire/rdata.ts'
import type { EnumMapping } from './contract.ts'
import { type Naptr, naptrData, readNaptr } from './naptr.ts'
import { checkedService } from './services.ts'

/** The order is always the same, preference decides (RFC 5483 §3, ETSI TS 102 172). */
export const ENUM_ORDER = 100

/** An expression stays what it is; a URI becomes one that fits any number. */
export const expressionOf = (mapto: string): string => (/^[^A-Za-z0-9\\]/.test(mapto) ? mapto : expressionFor(mapto))

/** What an expression leads to, or the URI itself: its scheme counts. */
const uriIn = (mapto: string): string =>
  /^[^A-Za-z0-9\\]/.test(mapto) ? (mapto.split(mapto[0] as string)[2] ?? '') : mapto

export const naptrOf = ({ type, mapto, priority }: Pick<EnumMapping, 'type' | 'mapto' | 'priority'>): Naptr => ({
  order: ENUM_ORDER,
  preference: priority,
  flags: 'u',
  service: checkedService(type, () => uriIn(mapto)).service,
  regexp: expressionOf(mapto),
  replacement: '.',
})

/** Octets before RDATA: owner (a pointer to offset 12), type, class, TTL, length. */
const HEAD_BYTES = 12

/** How many records, then the records one after the other. */
export function packEntry(mappings: readonly EnumMapping[]): Buffer {
  const parts: Buffer[] = [Buffer.of(mappings.length)]
  for (const mapping of mappings.toSorted((a, b) => a.priority - b.priority)) {
    const data = naptrData(naptrOf(mapping))
    const head = Buffer.alloc(HEAD_BYTES)
    head.writeUInt16BE(0xc00c, 0)
    head.writeUInt16BE(TYPE.NAPTR, 2)
    head.writeUInt16BE(CLASS.IN, 4)
    head.writeUInt32BE(mapping.ttl, 6)
    head.writeUInt16BE(data.length, 10)
    parts.push(head, data)
  }
  return Buffer.concat(parts)
}

/** The records of an entry. `name`: of the owner. */
export function recordsOf(entry: Buffer, name: string): DnsRecord[] {
  const records: DnsRecord[] = []
  for (let at = 1; at < entry.length; ) {
    const start = at + HEAD_BYTES
    const end = start + entry.readUInt16BE(at + 10)
    records.push({
      name,
      type: TYPE.NAPTR,
      ttl: entry.readUInt32BE(at + 6),
      data: Buffer.from(entry.subarray(start, end)),
    })
    at = end
  }
  return records
}

export const naptrsOf = (records: readonly DnsRecord[]): Naptr[] => records.flatMap(({ data }) => readNaptr(data) ?? [])

/** Resource records as data, and how one is written: dns2 for the types that it knows, RDATA of our own for the others. */
import { Packet, type Resource } from 'dns2'
import type { OctetWriter } from './writer.ts'

export const TYPE = {
  A: 1,
  NS: 2,
  SOA: 6,
  HINFO: 13,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const

export const CLASS = { IN: 1, ANY: 255 } as const

export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const
export type Rcode = (typeof RCODE)[keyof typeof RCODE]

export type RecordData =
  | { type: typeof TYPE.A | typeof TYPE.AAAA; address: string }
  | { type: typeof TYPE.NS; ns: string }
  | {
      type: typeof TYPE.SOA
      primary: string
      admin: string
      serial: number
      refresh: number
      retry: number
      expiration: number
      minimum: number
    }
  | { type: typeof TYPE.SRV; priority: number; weight: number; port: number; target: string }
  | { type: typeof TYPE.NAPTR; order: number; preference: number; flags: string; service: string; replacement: string }
  | { type: typeof TYPE.HINFO; cpu: string; os: string }

/** `ttl` in seconds. */
export type ResourceRecord = { name: string; ttl: number } & RecordData

function characterString(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1').subarray(0, 255)
  return Buffer.concat([Buffer.of(bytes.length), bytes])
}

function uncompressedName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '')
  return Buffer.concat([...labels.map(characterString), Buffer.of(0)])
}

/** RFC 3403 §4.1; the replacement may not be compressed. */
export function naptrData(record: Extract<RecordData, { type: typeof TYPE.NAPTR }>): Buffer {
  const numbers = Buffer.alloc(4)
  numbers.writeUInt16BE(record.order, 0)
  numbers.writeUInt16BE(record.preference, 2)
  const texts = [record.flags, record.service, ''].map(characterString)
  return Buffer.concat([numbers, ...texts, uncompressedName(record.replacement)])
}

/** RFC 2782: the target may not be compressed, and resolvers refuse answers where it is. */
export function srvData(record: Extract<RecordData, { type: typeof TYPE.SRV }>): Buffer {
  const numbers = Buffer.alloc(6)
  numbers.writeUInt16BE(record.priority, 0)
  numbers.writeUInt16BE(record.weight, 2)
  numbers.writeUInt16BE(record.port, 4)
  return Buffer.concat([numbers, uncompressedName(record.target)])
}

function toResource(record: ResourceRecord): Resource {
  const base = { ...record, class: CLASS.IN }
  if (record.type === TYPE.NAPTR) return { ...base, data: naptrData(record) } as unknown as Resource
  if (record.type === TYPE.HINFO) {
    return {
      ...base,
      data: Buffer.concat([characterString(record.cpu), characterString(record.os)]),
    } as unknown as Resource
  }
  return base as unknown as Resource
}

const TTL_SECONDS_MAX = 0x7fffffff

export function writeRecord(record: ResourceRecord, writer: OctetWriter): void {
  // dns2 compresses the target.
  if (record.type === TYPE.SRV) {
    Packet.Name.encode(record.name, writer.forDns2)
    writer.write(TYPE.SRV, 16)
    writer.write(CLASS.IN, 16)
    writer.write(Math.min(record.ttl, TTL_SECONDS_MAX), 32)
    const data = srvData(record)
    writer.write(data.length, 16)
    writer.append(data)
    return
  }
  Packet.Resource.encode(toResource(record), writer.forDns2)
}

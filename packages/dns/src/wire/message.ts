/** Writes an answer. */
import { UDP_ANSWER_MAX_BYTES } from '../limits.ts'
import { RCODE, type Rcode, TYPE } from './codes.ts'
import { nameToWire } from './names.ts'
import type { Query } from './query.ts'
import type { DnsRecord } from './rdata.ts'
import { MessageWriter } from './writer.ts'

/** What is to be said, before it is octets. */
export interface Sections {
  rcode: Rcode
  authoritative: boolean
  answers: DnsRecord[]
  authorities: DnsRecord[]
  additionals: DnsRecord[]
}

const HEADER_BYTES = 12
const OPT_BYTES = 11
const COOKIE_OPTION = 10

export const noRecords = (rcode: Rcode, authoritative = false): Sections => ({
  rcode,
  authoritative,
  answers: [],
  authorities: [],
  additionals: [],
})

/** RFC 6891 §6.1.2: the class is the size that we take, the TTL holds high RCODE bits, version and DO. */
function writeOpt(writer: MessageWriter, query: Query, rcode: number, cookie: Uint8Array | undefined): void {
  writer.u8(0)
  writer.u16(TYPE.OPT)
  writer.u16(UDP_ANSWER_MAX_BYTES)
  writer.u8(rcode >>> 4)
  writer.u8(0)
  writer.u16(query.edns?.dnssecOk ? 0x8000 : 0)
  writer.u16(cookie ? cookie.length + 4 : 0)
  if (!cookie) return
  writer.u16(COOKIE_OPTION)
  writer.u16(cookie.length)
  writer.append(cookie)
}

/**
 * An answer of at most `limitBytes`. Additional records that do not fit are left out; when an answer does not fit, all are, and
 * TC tells the client to come back over TCP (RFC 2181 §9). `cookie`: client's and ours.
 */
export function writeAnswer(query: Query, sections: Sections, limitBytes: number, cookie?: Uint8Array): Buffer {
  const writer = new MessageWriter()
  writer.append(EMPTY_HEADER)
  if (query.question) {
    writer.append(query.question.raw)
    writer.remember(query.question.raw.subarray(0, -4), HEADER_BYTES)
  }
  const room = limitBytes - (query.edns ? OPT_BYTES + (cookie ? cookie.length + 4 : 0) : 0)
  const questionEnd = writer.length
  const counts = { answers: 0, authorities: 0, additionals: 0 }
  const wireNames = new Map<string, Buffer>()
  const wireNameOf = (name: string): Buffer => {
    const known = wireNames.get(name)
    if (known) return known
    const made = nameToWire(name)
    wireNames.set(name, made)
    return made
  }
  let truncated = false
  writing: for (const section of ['answers', 'authorities', 'additionals'] as const) {
    for (const record of sections[section]) {
      const before = writer.length
      writer.record(wireNameOf(record.name), record)
      if (writer.length > room) {
        writer.cut(before)
        truncated = section !== 'additionals'
        break writing
      }
      counts[section]++
    }
  }
  if (truncated) {
    writer.cut(questionEnd)
    Object.assign(counts, { answers: 0, authorities: 0 })
  }
  if (query.edns) {
    writeOpt(writer, query, sections.rcode, cookie)
    counts.additionals++
  }
  const flags =
    0x8000 |
    (query.opcode << 11) |
    (sections.authoritative ? 0x0400 : 0) |
    (truncated ? 0x0200 : 0) |
    (query.recursionDesired ? 0x0100 : 0) |
    (sections.rcode & 0xf)
  const header = [query.id, flags, query.question ? 1 : 0, counts.answers, counts.authorities, counts.additionals]
  for (const [index, value] of header.entries()) writer.patch16(index * 2, value)
  return writer.toBuffer()
}

const EMPTY_HEADER = Buffer.alloc(HEADER_BYTES)

/** The question again with TC and nothing else: an answer that is no longer than what was asked. */
export const writeTruncated = (query: Query, authoritative: boolean, cookie?: Uint8Array): Buffer => {
  const bytes = writeAnswer(query, noRecords(RCODE.NOERROR, authoritative), UDP_ANSWER_MAX_BYTES, cookie)
  bytes[2] = (bytes[2] as number) | 0x02
  return bytes
}

/** Before any zone is asked: what the query itself is refused for. */
export function refusalOf(query: Query): Sections | undefined {
  if (query.refusal !== undefined) return noRecords(query.refusal)
  if (query.edns && query.edns.version > 0) return noRecords(RCODE.BADVERS)
  return undefined
}

/** Writes an answer. The records go through dns2's encoders; header, question and OPT are octets of our own. */
import { UDP_ANSWER_MAX_BYTES } from './limits.ts'
import type { Edns, Query } from './query.ts'
import { RCODE, TYPE, writeRecord } from './records.ts'
import { OctetWriter } from './writer.ts'
import type { Sections } from './zone.ts'

const HEADER_BYTES = 12
const OPT_BYTES = 11

/** RFC 6891 §6.1.2: no options; the class is the size that we take, the TTL holds high RCODE bits, version and DO. */
function writeOpt(writer: OctetWriter, edns: Edns, rcode: number): void {
  writer.write(0, 8)
  writer.write(TYPE.OPT, 16)
  writer.write(UDP_ANSWER_MAX_BYTES, 16)
  writer.write(rcode >>> 4, 8)
  writer.write(0, 8)
  writer.write(edns.dnssecOk ? 0x8000 : 0, 16)
  writer.write(0, 16)
}

/**
 * An answer of at most `limitBytes`. Additional records that do not fit are left out; when an answer does not fit, all are, and
 * TC tells the client to come back over TCP (RFC 2181 §9).
 */
export function writeAnswer(query: Query, sections: Sections, limitBytes: number): Buffer {
  const writer = new OctetWriter()
  writer.append(Buffer.alloc(HEADER_BYTES))
  if (query.question) {
    for (const [offset, name] of query.question.suffixes) writer.names.set(name, offset)
    writer.append(query.question.raw)
  }
  const room = limitBytes - (query.edns ? OPT_BYTES : 0)
  const questionEnd = writer.length
  const counts = { answers: 0, authorities: 0, additionals: 0 }
  let truncated = false
  writing: for (const section of ['answers', 'authorities', 'additionals'] as const) {
    for (const record of sections[section]) {
      const before = writer.length
      writeRecord(record, writer)
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
    writeOpt(writer, query.edns, sections.rcode)
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
  for (const [index, value] of header.entries()) writer.patch(index * 16, value, 16)
  return writer.toBuffer()
}

/** An answer without records. */
export function refusal(rcode: Sections['rcode']): Sections {
  return { rcode, authoritative: false, answers: [], authorities: [], additionals: [] }
}

/** Before any zone is asked: what the query itself is refused for. */
export function refusalOf(query: Query): Sections | undefined {
  if (query.refusal !== undefined) return refusal(query.refusal)
  if (query.edns && query.edns.version > 0) return refusal(RCODE.BADVERS)
  return undefined
}

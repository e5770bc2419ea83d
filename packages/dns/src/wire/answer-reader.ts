/** Reads what another server answered. */
import { TYPE } from './codes.ts'
import { nameFromMessage, nameToWire } from './names.ts'
import type { DnsRecord } from './rdata.ts'

export interface Answer {
  rcode: number
  truncated: boolean
  /** Of the answer section. */
  records: DnsRecord[]
  /** How long this may be remembered: the shortest life; of a negative answer that of the SOA (RFC 2308 §5). */
  ttlSeconds: number
}

const HEADER_BYTES = 12
const RECORDS_MAX = 256

/** RDATA with its names whole; undefined when it cannot be read. */
function wholeData(bytes: Buffer, type: number, from: number, end: number): Buffer | undefined {
  const before = type === TYPE.MX ? 2 : type === TYPE.SRV ? 6 : 0
  const names = { [TYPE.NS]: 1, [TYPE.CNAME]: 1, [TYPE.PTR]: 1, [TYPE.MX]: 1, [TYPE.SRV]: 1, [TYPE.SOA]: 2 }[type] ?? 0
  if (type === TYPE.NAPTR) return wholeNaptr(bytes, from, end)
  const parts = [bytes.subarray(from, Math.min(end, from + before))]
  let at = from + before
  for (let index = 0; index < names; index++) {
    const found = nameFromMessage(bytes, at)
    if (!found || found.end > end) return undefined
    parts.push(nameToWire(found.name))
    at = found.end
  }
  return at > end ? undefined : Buffer.concat([...parts, bytes.subarray(at, end)])
}

/** Some servers compress its replacement, though none may. */
function wholeNaptr(bytes: Buffer, from: number, end: number): Buffer | undefined {
  let at = from + 4
  for (let index = 0; index < 3; index++) {
    if (at >= end) return undefined
    at += 1 + (bytes[at] as number)
  }
  const found = at < end ? nameFromMessage(bytes, at) : undefined
  if (found?.end !== end) return undefined
  return Buffer.concat([bytes.subarray(from, at), nameToWire(found.name)])
}

function readRecord(bytes: Buffer, from: number): { record: DnsRecord; end: number } | undefined {
  const owner = nameFromMessage(bytes, from)
  if (!owner || owner.end + 10 > bytes.length) return undefined
  const type = bytes.readUInt16BE(owner.end)
  const start = owner.end + 10
  const end = start + bytes.readUInt16BE(owner.end + 8)
  if (end > bytes.length) return undefined
  const data = wholeData(bytes, type, start, end)
  if (!data) return undefined
  return {
    record: { name: owner.name.toLowerCase(), type, ttl: bytes.readUInt32BE(owner.end + 4) & 0x7fffffff, data },
    end,
  }
}

/** Undefined for what is no answer to this very query: id and question must be the same, letter by letter. */
export function readAnswer(bytes: Buffer, query: Buffer): Answer | undefined {
  let questionEnd = HEADER_BYTES
  while ((query[questionEnd] ?? 0) !== 0) questionEnd += 1 + (query[questionEnd] as number)
  questionEnd += 5
  if (bytes.length < questionEnd || bytes.readUInt16BE(0) !== query.readUInt16BE(0)) return undefined
  if (((bytes[2] as number) & 0xf8) !== 0x80 || bytes.readUInt16BE(4) !== 1) return undefined
  if (!bytes.subarray(HEADER_BYTES, questionEnd).equals(query.subarray(HEADER_BYTES, questionEnd))) return undefined
  const answer: Answer = {
    rcode: (bytes[3] as number) & 0xf,
    truncated: ((bytes[2] as number) & 2) !== 0,
    records: [],
    ttlSeconds: 0,
  }
  const [answers, authorities] = [bytes.readUInt16BE(6), bytes.readUInt16BE(8)]
  const lives: number[] = []
  let at = questionEnd
  for (let index = 0; index < Math.min(answers + authorities, RECORDS_MAX); index++) {
    const found = readRecord(bytes, at)
    if (!found) return answer.truncated ? answer : undefined
    at = found.end
    const { record } = found
    if (index < answers) {
      answer.records.push(record)
      lives.push(record.ttl)
    } else if (record.type === TYPE.SOA && answers === 0 && record.data.length >= 22) {
      lives.push(Math.min(record.ttl, record.data.readUInt32BE(record.data.length - 4)))
    }
  }
  answer.ttlSeconds = lives.length > 0 ? Math.min(...lives) : 0
  return answer
}

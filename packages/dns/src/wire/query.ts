/** Reads a query: header, the one question, EDNS. Records of a stranger's packet are stepped over, not read. */
import { QUERY_MAX_BYTES } from '../limits.ts'
import { OPCODE, RCODE, TYPE } from './codes.ts'
import { lowerCase, nameOf } from './names.ts'

export interface Question {
  /** Lower case, without the final dot; `.` for the root. Dots and backslashes inside a label are escaped by a backslash. */
  name: string
  type: number
  class: number
  /** As it came: an answer repeats it octet by octet. */
  raw: Buffer
}

export interface Edns {
  /** Longest UDP answer that the client takes, in octets. */
  size: number
  version: number
  dnssecOk: boolean
  /** Option 10 (RFC 7873): 8 octets of the client, then 8 to 32 that a server gave it. `'bad'` when it is neither. */
  cookie?: Buffer | 'bad'
}

export interface Query {
  id: number
  opcode: number
  recursionDesired: boolean
  question: Question | undefined
  edns: Edns | undefined
  /** Of an IXFR: the serial that the client has (RFC 1995 §3). */
  has?: number
  /** What is wrong with it already, if anything. */
  refusal: typeof RCODE.FORMERR | typeof RCODE.NOTIMP | undefined
}

const HEADER_BYTES = 12
const NAME_MAX_BYTES = 255
const POINTER = 0xc0

function readQuestion(bytes: Buffer): Question | undefined {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (;;) {
    const length = bytes[at]
    if (length === undefined || (length & POINTER) !== 0) return undefined
    if (length === 0) break
    if (at + 1 + length >= bytes.length || at + 1 + length - HEADER_BYTES >= NAME_MAX_BYTES) return undefined
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  if (at + 5 > bytes.length) return undefined
  return {
    name: lowerCase(nameOf(labels)),
    type: bytes.readUInt16BE(at + 1),
    class: bytes.readUInt16BE(at + 3),
    raw: bytes.subarray(HEADER_BYTES, at + 5),
  }
}

/** Offset after a name; a pointer ends it. */
function skipName(bytes: Buffer, from: number): number | undefined {
  let at = from
  for (;;) {
    const length = bytes[at]
    if (length === undefined) return undefined
    if (length === 0) return at + 1
    if ((length & POINTER) === POINTER) return at + 2
    if ((length & POINTER) !== 0) return undefined
    at += 1 + length
  }
}

const COOKIE_OPTION = 10

/** Looks through the options of OPT; undefined when they do not fit it. */
function readCookie(options: Buffer): Buffer | 'bad' | 'none' | undefined {
  let cookie: Buffer | 'bad' | 'none' = 'none'
  let at = 0
  while (at < options.length) {
    if (at + 4 > options.length) return undefined
    const code = options.readUInt16BE(at)
    const end = at + 4 + options.readUInt16BE(at + 2)
    if (end > options.length) return undefined
    // RFC 7873 §5.2: of several the first counts.
    if (code === COOKIE_OPTION && cookie === 'none') {
      const length = end - at - 4
      cookie = length === 8 || (length >= 16 && length <= 40) ? options.subarray(at + 4, end) : 'bad'
    }
    at = end
  }
  return cookie
}

/** EDNS, if there is any; `'bad'` when records do not fit the message, or there are two OPT (RFC 6891 §6.1.1). */
function readEdns(bytes: Buffer, from: number, records: number): Edns | undefined | 'bad' {
  let edns: Edns | undefined
  let at = from
  for (let index = 0; index < records; index++) {
    const fixed = skipName(bytes, at)
    if (fixed === undefined || fixed + 10 > bytes.length) return 'bad'
    const end = fixed + 10 + bytes.readUInt16BE(fixed + 8)
    if (end > bytes.length) return 'bad'
    if (bytes.readUInt16BE(fixed) === TYPE.OPT) {
      if (edns || fixed !== at + 1) return 'bad'
      const cookie = readCookie(bytes.subarray(fixed + 10, end))
      if (cookie === undefined) return 'bad'
      edns = {
        size: bytes.readUInt16BE(fixed + 2),
        version: bytes.readUInt8(fixed + 5),
        dnssecOk: (bytes.readUInt8(fixed + 6) & 0x80) !== 0,
        ...(cookie !== 'none' && { cookie }),
      }
    }
    at = end
  }
  return at === bytes.length ? edns : 'bad'
}

/** Undefined for what gets no answer at all: no header, or an answer. */
export function readQuery(bytes: Buffer): Query | undefined {
  if (bytes.length < HEADER_BYTES) return undefined
  const flags = bytes.readUInt16BE(2)
  if (flags & 0x8000) return undefined
  const query: Query = {
    id: bytes.readUInt16BE(0),
    opcode: (flags >>> 11) & 0xf,
    recursionDesired: (flags & 0x0100) !== 0,
    question: undefined,
    edns: undefined,
    refusal: undefined,
  }
  if (query.opcode !== OPCODE.QUERY) return { ...query, refusal: RCODE.NOTIMP }
  const bad: Query = { ...query, refusal: RCODE.FORMERR }
  if (bytes.length > QUERY_MAX_BYTES || bytes.readUInt16BE(4) !== 1) return bad
  const question = readQuestion(bytes)
  if (!question) return bad
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10)
  const edns = readEdns(bytes, HEADER_BYTES + question.raw.length, records)
  if (edns === 'bad') return { ...bad, question }
  // RFC 7873 §5.2.2
  if (edns?.cookie === 'bad') return { ...bad, question, edns }
  const has = question.type === TYPE.IXFR ? serialIn(bytes, HEADER_BYTES + question.raw.length) : undefined
  return { ...query, question, edns, ...(has !== undefined && { has }) }
}

/** Of the SOA that is the first record. */
function serialIn(bytes: Buffer, from: number): number | undefined {
  if (bytes.readUInt16BE(8) === 0) return undefined
  const fixed = skipName(bytes, from)
  if (fixed === undefined || bytes.readUInt16BE(fixed) !== TYPE.SOA) return undefined
  const end = fixed + 10 + bytes.readUInt16BE(fixed + 8)
  const primary = skipName(bytes, fixed + 10)
  const numbers = primary === undefined ? undefined : skipName(bytes, primary)
  return numbers !== undefined && numbers + 20 === end ? bytes.readUInt32BE(numbers) : undefined
}

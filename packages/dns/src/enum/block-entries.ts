/**
 * From a packed block (block.ts) to ready-made records (entry.ts) without objects in between: a change of one number brings the whole
 * block, a hundred numbers of which ninety-nine are what they were, and questions are answered by the same thread.
 */
import { ThorError } from '@thor-node/core'
import { CLASS, TYPE } from '../wire/codes.ts'
import { BLOCK_VERSION, readMapping } from './block.ts'
import { BlockReader } from './block-reader.ts'
import { ENUM_ORDER, packEntry } from './entry.ts'
import { powerFor } from './number.ts'
import { ENUM_SERVICES } from './services.ts'

/** `entry`: the first `length` octets of it, good until the next one; none for a number without mappings. */
export type VisitEntry = (key: number, entry: Buffer, length: number) => void

const MAPPINGS_MAX = 255
/** Head, numbers, flags, service, expression, replacement. */
const RECORD_BYTES_MAX = 12 + 4 + 2 + 256 + 256 + 1
const scratch = Buffer.allocUnsafeSlow(1 + MAPPINGS_MAX * RECORD_BYTES_MAX)
const empty = Buffer.alloc(0)
interface Service {
  type: Buffer
  service: Buffer
}

const services = new Map(
  ENUM_SERVICES.map(({ type, service }): [string, Service] => [
    type,
    { type: Buffer.from(type, 'latin1'), service: Buffer.from(service, 'latin1') },
  ]),
)
/** Most often the next one is of the same type. */
let last: Service | undefined
const BANG = 0x21
const BACKSLASH = 0x5c
/** `!^.*$!` */
const ANY_NUMBER = Buffer.from('!^.*$!', 'latin1')

/** A mapping where it stands in the block. */
interface Span {
  service: Buffer
  from: number
  to: number
  priority: number
  ttl: number
}

/** Visits every number of a block, and returns when it was changed last. Throws `DNS_INVALID_VALUE` for what is no block. */
export function readEntries(bytes: Uint8Array, at: { tld: string; prefix: string }, visit: VisitEntry): number {
  const block = new BlockReader(bytes)
  let base = 0
  for (let i = 0; i < at.prefix.length; i++) base = base * 11 + at.prefix.charCodeAt(i) - 47
  try {
    if (block.uint(1) !== BLOCK_VERSION) throw new RangeError('a version of the future')
    const changedAt = block.uint(6)
    while (block.more) {
      let key = base
      const digits = block.text()
      for (let i = digits; i < block.at; i++) key = key * 11 + block.octet(i) - 47
      key *= powerFor(at.prefix.length + block.at - digits)
      // Owner and time.
      block.at += 10
      block.text()
      entryOf(block, key, visit)
    }
    return changedAt
  } catch (cause) {
    throw new ThorError('DNS_INVALID_VALUE', `dnsblock/${at.tld}/${at.prefix} is no block of numbers`, { cause })
  }
}

function entryOf(block: BlockReader, key: number, visit: VisitEntry): void {
  const count = block.uint(1)
  if (count === 0) {
    visit(key, empty, 0)
    return
  }
  const from = block.at
  const spans: Span[] = []
  for (let n = 0; n < count; n++) {
    const span = spanOf(block)
    if (span) spans.push(span)
  }
  if (spans.length < count) {
    block.at = from
    const entry = packEntry(Array.from({ length: count }, () => readMapping(block)))
    visit(key, entry, entry.length)
    return
  }
  if (count > 1) spans.sort((a, b) => a.priority - b.priority)
  scratch[0] = count
  let end = 1
  for (const span of spans) end = write(block, span, end)
  visit(key, scratch, end)
}

/** Undefined: something about it is not plain, so it is read the long way. */
function spanOf(block: BlockReader): Span | undefined {
  block.at += 2
  const type = block.text()
  if (!last || !block.is(type, last.type)) last = services.get(block.latin1(type))
  const service = last?.service
  const from = block.text()
  const to = block.at
  const span = { service, from, to, priority: block.uint(2), ttl: block.uint(4) }
  if (!service || to - from > 240 || !isLetter(block.octet(from))) return undefined
  for (let at = from; at < to; at++) {
    const octet = block.octet(at)
    if (octet === BANG || octet === BACKSLASH) return undefined
  }
  return span as Span
}

const isLetter = (octet: number): boolean => (octet | 0x20) >= 0x61 && (octet | 0x20) <= 0x7a

function put16(value: number, at: number): number {
  scratch[at] = value >>> 8
  scratch[at + 1] = value & 0xff
  return at + 2
}

function putAll(octets: Buffer, at: number): number {
  for (let n = 0; n < octets.length; n++) scratch[at + n] = octets[n] as number
  return at + octets.length
}

/** As `packEntry` writes it. */
function write(block: BlockReader, { service, from, to, priority, ttl }: Span, start: number): number {
  const length = to - from
  let at = put16(0xc00c, start)
  at = put16(TYPE.NAPTR, at)
  at = put16(CLASS.IN, at)
  at = put16(ttl >>> 16, at)
  at = put16(ttl & 0xffff, at)
  at = put16(4 + 2 + 1 + service.length + 1 + ANY_NUMBER.length + length + 1 + 1, at)
  at = put16(ENUM_ORDER, at)
  at = put16(priority, at)
  scratch[at++] = 1
  scratch[at++] = 0x75
  scratch[at++] = service.length
  at = putAll(service, at)
  scratch[at++] = ANY_NUMBER.length + length + 1
  at = putAll(ANY_NUMBER, at)
  block.copy(scratch, at, from, to)
  at += length
  scratch[at++] = BANG
  scratch[at++] = 0
  return at
}

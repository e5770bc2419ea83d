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
const services = new Map(ENUM_SERVICES.map(({ type, service }) => [type, Buffer.from(service, 'latin1')]))
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
  const service = services.get(block.latin1(type))
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

/** As `packEntry` writes it. */
function write(block: BlockReader, { service, from, to, priority, ttl }: Span, start: number): number {
  const length = to - from
  let at = scratch.writeUInt16BE(0xc00c, start)
  at = scratch.writeUInt16BE(TYPE.NAPTR, at)
  at = scratch.writeUInt16BE(CLASS.IN, at)
  at = scratch.writeUInt32BE(ttl, at)
  at = scratch.writeUInt16BE(4 + 2 + 1 + service.length + 1 + ANY_NUMBER.length + length + 1 + 1, at)
  at = scratch.writeUInt16BE(ENUM_ORDER, at)
  at = scratch.writeUInt16BE(priority, at)
  scratch[at++] = 1
  scratch[at++] = 0x75
  scratch[at++] = service.length
  scratch.set(service, at)
  at += service.length
  scratch[at++] = ANY_NUMBER.length + length + 1
  scratch.set(ANY_NUMBER, at)
  at += ANY_NUMBER.length
  block.copy(scratch, at, from, to)
  at += length
  scratch[at++] = BANG
  scratch[at++] = 0
  return at
}

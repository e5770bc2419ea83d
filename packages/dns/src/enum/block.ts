/**
 * Numbers that differ in their last two digits alone are kept together in one register, packed: a million numbers in a row are ten
 * thousand registers, which are written, listed and copied a hundred times as fast. Each number is still changed by itself.
 *
 *     version 1, time of the last change (6 octets), then for each number:
 *     digits behind the block's prefix (length, text), owner (4 octets), time (6),
 *     info (length, text), mappings (count, then each: id 2, type, mapto (length, text), priority 2, TTL 4)
 */
import { ThorError } from '@thor-node/core'
import { BlockReader } from './block-reader.ts'
import type { EnumMapping, NumberId, StoredNumber } from './contract.ts'

/** Digits that numbers of one block differ in. */
const LAST_DIGITS = 2
export const BLOCK_VERSION = 1

export interface EnumBlock {
  /** Epoch milliseconds of the last change, of numbers that are gone too. */
  changedAt: number
  numbers: StoredNumber[]
}

/** Where a number is kept: all digits but the last two. */
export const blockPrefix = (number: string): string => number.slice(0, Math.max(0, number.length - LAST_DIGITS))

/** The placement key of its register, `dnsblock/<tld>/<digits>`. */
export const blockKey = ({ number, tld }: NumberId): string => `${tld}/${blockPrefix(number)}-${number.length}`

/** Tree, common digits and how many digits its numbers have, from the name of a register. */
export function blockOfName(name: string): { tld: string; prefix: string; length: number } | undefined {
  const parts = /^dnsblock\/([^/]+)\/(\d*)-(\d+)$/.exec(name)
  return parts ? { tld: parts[1] as string, prefix: parts[2] as string, length: Number(parts[3]) } : undefined
}

class Packer {
  #bytes = Buffer.allocUnsafe(1_024)
  #at = 0

  uint(value: number, bytes: number): void {
    this.#room(bytes)
    this.#at = this.#bytes.writeUIntBE(value, this.#at, bytes)
  }

  text(text: string): void {
    const length = Buffer.byteLength(text)
    this.uint(length, 2)
    this.#room(length)
    this.#at += this.#bytes.write(text, this.#at)
  }

  octets(octets: Uint8Array): void {
    this.#room(octets.length)
    this.#bytes.set(octets, this.#at)
    this.#at += octets.length
  }

  number({ number, owner, changedAt, info, mappings }: StoredNumber, prefix: string): void {
    this.text(number.slice(prefix.length))
    this.uint(owner, 4)
    this.uint(changedAt, 6)
    this.text(info)
    this.uint(mappings.length, 1)
    for (const { id, type, mapto, priority, ttl } of mappings) {
      this.uint(id, 2)
      this.text(type)
      this.text(mapto)
      this.uint(priority, 2)
      this.uint(ttl, 4)
    }
  }

  done(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#at))
  }

  #room(more: number): void {
    if (this.#at + more <= this.#bytes.length) return
    const bigger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + more))
    bigger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = bigger
  }
}

export function packBlock({ changedAt, numbers }: EnumBlock, prefix: string): Uint8Array {
  const out = new Packer()
  out.uint(BLOCK_VERSION, 1)
  out.uint(changedAt, 6)
  for (const number of numbers) out.number(number, prefix)
  return out.done()
}

export function readMapping(from: BlockReader): EnumMapping {
  const [id, type, mapto] = [from.uint(2), from.string(), from.string()]
  return { id, type, mapto, priority: from.uint(2), ttl: from.uint(4) }
}

interface Place {
  tld: string
  prefix: string
}

function readNumber(from: BlockReader, { tld, prefix }: Place): StoredNumber {
  const number = prefix + from.string()
  const owner = from.uint(4)
  const changedAt = from.uint(6)
  const info = from.string()
  const mappings = Array.from({ length: from.uint(1) }, () => readMapping(from))
  return { number, tld, owner, changedAt, info, mappings }
}

/** Goes over a block with `each` at every number, and returns when it was changed last. Throws `DNS_INVALID_VALUE` for what is none. */
function overNumbers(bytes: Uint8Array, { tld, prefix }: Place, each: (from: BlockReader) => void): number {
  const from = new BlockReader(bytes)
  try {
    if (from.uint(1) !== BLOCK_VERSION) throw new RangeError('a version of the future')
    const changedAt = from.uint(6)
    while (from.more) each(from)
    return changedAt
  } catch (cause) {
    throw new ThorError('DNS_INVALID_VALUE', `dnsblock/${tld}/${prefix} is no block of numbers`, { cause })
  }
}

/** Throws `DNS_INVALID_VALUE` for what is no block. */
export function unpackBlock(bytes: Uint8Array, place: Place): EnumBlock {
  const numbers: StoredNumber[] = []
  const changedAt = overNumbers(bytes, place, (from) => numbers.push(readNumber(from, place)))
  return { changedAt, numbers }
}

/** A block that is to be changed: a number is unpacked when it is asked for, and the others stay the octets that they are. */
export class BlockInChange {
  readonly #place: Place
  /** Octets as they stood in the block, or what came instead. */
  readonly #numbers = new Map<string, Uint8Array | StoredNumber>()

  /** Undefined: there was none. Throws `DNS_INVALID_VALUE` for what is no block. */
  constructor(bytes: Uint8Array | undefined, place: Place) {
    this.#place = place
    if (!bytes) return
    overNumbers(bytes, place, (from) => {
      const { at } = from
      const number = place.prefix + from.string()
      from.skip(10)
      from.text()
      for (let mappings = from.uint(1); mappings > 0; mappings--) {
        from.skip(2)
        from.text()
        from.text()
        from.skip(6)
      }
      this.#numbers.set(number, bytes.subarray(at, from.at))
    })
  }

  get(number: string): StoredNumber | undefined {
    const known = this.#numbers.get(number)
    return known instanceof Uint8Array ? readNumber(new BlockReader(known), this.#place) : known
  }

  set(number: StoredNumber): void {
    this.#numbers.set(number.number, number)
  }

  delete(number: string): void {
    this.#numbers.delete(number)
  }

  /** In order. `changedAt`: epoch milliseconds. */
  packed(changedAt: number): Uint8Array {
    const out = new Packer()
    out.uint(BLOCK_VERSION, 1)
    out.uint(changedAt, 6)
    const inOrder = [...this.#numbers].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [, one] of inOrder) {
      if (one instanceof Uint8Array) out.octets(one)
      else out.number(one, this.#place.prefix)
    }
    return out.done()
  }
}

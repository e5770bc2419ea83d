/** All numbers of all trees as this node serves them: in memory, from the blocks of the ring. */
import { Arena } from './arena.ts'
import { readEntries } from './block-entries.ts'
import type { EnumRange } from './contract.ts'
import { digitsOfKey, keyAfter, keyOf } from './number.ts'
import { SortedKeys } from './sorted-keys.ts'

/** One tree: numbers, and the ranges that they are delegated by. */
export class EnumTree {
  readonly tld: string
  readonly numbers = new SortedKeys()
  readonly #arena: Arena
  /** By prefix. */
  readonly ranges = new Map<string, EnumRange>()
  /** Lengths of prefixes, the longest first. */
  #lengths: readonly number[] = []
  /** Epoch seconds of the latest change, by range. */
  readonly #changed = new Map<string, number>()

  constructor(tld: string, arena: Arena) {
    this.tld = tld
    this.#arena = arena
  }

  setRange(range: EnumRange): void {
    this.ranges.set(range.prefix, range)
    this.#note(range.prefix, range.changedAt)
    this.#measure()
  }

  deleteRange(prefix: string): void {
    this.ranges.delete(prefix)
    this.#measure()
  }

  #measure(): void {
    this.#lengths = [...new Set([...this.ranges.keys()].map(({ length }) => length))].sort((a, b) => b - a)
  }

  /** The range with the longest prefix that a number has. */
  rangeOf(digits: string): EnumRange | undefined {
    for (const length of this.#lengths) {
      if (length > digits.length) continue
      const range = this.ranges.get(digits.slice(0, length))
      if (range) return range
    }
    return undefined
  }

  entry(key: number): Buffer | undefined {
    const place = this.numbers.get(key)
    return place === undefined ? undefined : this.#arena.get(place)
  }

  /** Numbers of a range that are in no narrower one. */
  usedAlone(prefix: string): number {
    const inner = [...this.ranges.keys()].filter((one) => one !== prefix && one.startsWith(prefix))
    const outer = inner.filter((one) => !inner.some((other) => other !== one && one.startsWith(other)))
    return outer.reduce((count, one) => count - this.used(one), this.used(prefix))
  }

  /** Numbers that begin so. */
  used(prefix: string): number {
    return this.numbers.count(keyOf(prefix), keyAfter(prefix))
  }

  *entries(prefix: string): Iterable<{ digits: string; entry: Buffer }> {
    for (const [key, place] of this.numbers.entries(keyOf(prefix), keyAfter(prefix))) {
      yield { digits: digitsOfKey(key), entry: this.#arena.get(place) }
    }
  }

  /** In order. */
  numbersIn(prefix: string): string[] {
    return [...this.numbers.entries(keyOf(prefix), keyAfter(prefix))].map(([key]) => digitsOfKey(key))
  }

  /** Takes the place of what the block said before. `length`: digits of its numbers. Throws `DNS_INVALID_VALUE`. */
  setPacked({ prefix, length }: { prefix: string; length: number }, bytes: Uint8Array): void {
    const keys: number[] = []
    const changedAt = readEntries(bytes, { tld: this.tld, prefix }, (key, entry, size) => {
      if (size === 0) return
      keys.push(key)
      const place = this.numbers.getInOrder(key)
      if (place !== undefined && this.#arena.holds(place, entry, size)) return
      const piece = entry.subarray(0, size)
      const now = place === undefined ? this.#arena.put(piece) : this.#arena.replace(place, piece)
      if (now !== place) this.numbers.set(key, now)
    })
    const [from, to] = [keyOf(prefix), keyAfter(prefix)]
    if (this.numbers.count(from, to) !== keys.length) {
      const kept = new Set(keys)
      for (const [key] of [...this.numbers.entries(from, to)]) {
        if (!kept.has(key) && digitsOfKey(key).length === length) this.#drop(key)
      }
    }
    for (const range of this.#rangesOfBlock(prefix)) this.#note(range, changedAt)
  }

  /** Ranges that numbers of a block may be in: the one around it, and those that begin within its last two digits. */
  *#rangesOfBlock(prefix: string): Iterable<string> {
    const around = this.rangeOf(prefix)
    if (around) yield around.prefix
    for (const length of this.#lengths) {
      const more = length - prefix.length
      if (more !== 1 && more !== 2) continue
      for (let last = 0; last < 10 ** more; last++) {
        const inner = prefix + String(last).padStart(more, '0')
        if (this.ranges.has(inner)) yield inner
      }
    }
  }

  #drop(key: number): void {
    const place = this.numbers.delete(key)
    if (place !== undefined) this.#arena.free(place)
  }

  #note(prefix: string, changedAt: number): void {
    const seconds = Math.floor(changedAt / 1_000)
    if (seconds > (this.#changed.get(prefix) ?? 0)) this.#changed.set(prefix, seconds)
  }

  /**
   * Of the SOA: the same on all nodes, for it is made of the data. During the second of a change it is that of the second before, so
   * that a copy taken within it is found to be old afterwards.
   */
  serial(prefix: string, wallMs: number): number {
    const changed = this.#changed.get(prefix) ?? 0
    return Math.min(changed + 1, Math.max(changed, Math.floor(wallMs / 1_000))) >>> 0
  }
}

export class EnumIndex {
  readonly #arena = new Arena()
  readonly #trees = new Map<string, EnumTree>()
  /** Grows when trees or ranges change. */
  version = 0

  tree(tld: string): EnumTree | undefined {
    return this.#trees.get(tld)
  }

  trees(): Iterable<EnumTree> {
    return this.#trees.values()
  }

  get size(): number {
    let size = 0
    for (const { numbers } of this.#trees.values()) size += numbers.size
    return size
  }

  /** Octets of records and keys. */
  get bytes(): number {
    let bytes = this.#arena.bytes
    for (const { numbers } of this.#trees.values()) bytes += numbers.bytes
    return bytes
  }

  setRange(range: EnumRange): void {
    this.#own(range.tld).setRange(range)
    this.version++
  }

  deleteRange({ tld, prefix }: { tld: string; prefix: string }): void {
    this.#trees.get(tld)?.deleteRange(prefix)
    this.version++
  }

  /** A block as it is stored. Throws `DNS_INVALID_VALUE`. */
  setPacked(at: { tld: string; prefix: string; length: number }, bytes: Uint8Array): void {
    this.#own(at.tld).setPacked(at, bytes)
  }

  #own(tld: string): EnumTree {
    const known = this.#trees.get(tld)
    if (known) return known
    const tree = new EnumTree(tld, this.#arena)
    this.#trees.set(tld, tree)
    this.version++
    return tree
  }
}

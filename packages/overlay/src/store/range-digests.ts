import { type Disk, prefixEnd, RANGE_COUNT, type RangeId, ThorError } from '@thor-node/core'
import { DigestSum, diskKey, splitDiskKey } from './encoding.ts'

/**
 * `reg.digests`, `set.digests`: digests in the same order. A range that is at another epoch there has none (an empty text):
 * what it holds may not be what counts any more, or not all of it.
 */
export interface DigestsRequest {
  ranges: RangeId[]
  epochs: number[]
}

export interface RangeDigestsInit {
  /** First letter of the keys on the disk. */
  letter: string
  /** What a record adds to the digest of its range; undefined when it does not count. */
  itemOf: (key: string, bytes: Uint8Array) => string | undefined
}

/**
 * Order-free digests of the records of one kind, by range: counted once from the disk, then changed with each write. Empty ranges
 * have a digest too, which is kept like any other: who asks for thousands of them must not cost thousands of seeks each time.
 */
export class RangeDigests {
  readonly #disk: Disk
  readonly #init: RangeDigestsInit
  readonly #known = new Map<RangeId, DigestSum>()
  readonly #counting = new Map<RangeId, { count: number; answer: Promise<string> }>()
  /** Writes begun and ended, and those that run: a digest counted meanwhile is not kept. */
  readonly #changes = new Map<RangeId, { count: number; running: number }>()

  constructor(components: { disk: Disk }, init: RangeDigestsInit) {
    this.#disk = components.disk
    this.#init = init
  }

  /** A large range takes a while to count: whoever asks meanwhile gets the same answer, unless anything changed since. */
  of(range: RangeId): Promise<string> {
    const known = this.#known.get(range)
    if (known) return Promise.resolve(known.toString())
    const { count, running } = this.#changeOf(range)
    const counting = this.#counting.get(range)
    if (counting?.count === count && running === 0) return counting.answer
    const mine = { count, answer: this.#count(range) }
    this.#counting.set(range, mine)
    const ended = (): void => {
      if (this.#counting.get(range) === mine) this.#counting.delete(range)
    }
    mine.answer.then(ended, ended)
    return mine.answer
  }

  /** In the order of the ranges. */
  async ofAll(ranges: readonly RangeId[]): Promise<string[]> {
    await this.#learnEmpty(ranges)
    const digests = new Map<RangeId, string>()
    for (const range of new Set(ranges)) digests.set(range, await this.of(range))
    return ranges.map((range) => digests.get(range) as string)
  }

  /** Throws `STORE_BAD_REQUEST`. */
  async answer(
    { ranges, epochs }: DigestsRequest,
    configs: { get(range: RangeId): { epoch: number } },
  ): Promise<string[]> {
    const isRange = (range: number): boolean => Number.isInteger(range) && range >= 0 && range < RANGE_COUNT
    if (!Array.isArray(ranges) || !Array.isArray(epochs) || ranges.length > RANGE_COUNT || !ranges.every(isRange)) {
      throw new ThorError('STORE_BAD_REQUEST', 'digests of what are no ranges')
    }
    const isHere = (range: RangeId, index: number): boolean => configs.get(range).epoch === epochs[index]
    const here = ranges.filter(isHere)
    const digests = await this.ofAll(here)
    const known = new Map(here.map((range, index) => [range, digests[index]]))
    return ranges.map((range, index) => (isHere(range, index) ? (known.get(range) ?? '') : ''))
  }

  /** Runs a write; `removed` and `added` are the items that it changes when it is done. */
  async during(
    range: RangeId,
    { removed, added }: { removed?: string | undefined; added?: string | undefined },
    write: () => Promise<void>,
  ): Promise<void> {
    const change = this.#changeOf(range)
    change.count++
    change.running++
    try {
      await write()
    } catch (error) {
      // It may be there nevertheless.
      this.#known.delete(range)
      throw error
    } finally {
      change.count++
      change.running--
    }
    const sum = this.#known.get(range)
    if (removed !== undefined) sum?.remove(removed)
    if (added !== undefined) sum?.add(added)
  }

  /** A write of this range is under way. */
  isChanging(range: RangeId): boolean {
    return this.#changeOf(range).running > 0
  }

  /** To be counted anew. */
  forget(range: RangeId): void {
    this.#changeOf(range).count++
    this.#known.delete(range)
  }

  async #count(range: RangeId): Promise<string> {
    const change = this.#changeOf(range)
    const before = change.running === 0 ? change.count : -1
    const sum = new DigestSum()
    const prefix = diskKey(this.#init.letter, range)
    for await (const [key, bytes] of this.#disk.entries({ from: prefix, to: prefixEnd(prefix) })) {
      const item = this.#init.itemOf(key, bytes)
      if (item !== undefined) sum.add(item)
    }
    if (change.count === before) this.#known.set(range, sum)
    return sum.toString()
  }

  /** Of ranges without a digest: one seek passes over all empty ones up to the next record. */
  async #learnEmpty(ranges: readonly RangeId[]): Promise<void> {
    const unknown = ranges.filter((range) => !this.#known.has(range)).sort((a, b) => a - b)
    const before = unknown.map((range) => ({ ...this.#changeOf(range) }))
    let filled = -1
    for (const [i, range] of unknown.entries()) {
      if (range > filled) filled = await this.#nextFilled(range)
      const { count, running } = before[i] as { count: number; running: number }
      const isSure = running === 0 && this.#changeOf(range).count === count
      if (range < filled && isSure) this.#known.set(range, new DigestSum())
    }
  }

  /** This range or the first after it of which anything is stored. */
  async #nextFilled(range: RangeId): Promise<number> {
    const { letter } = this.#init
    for await (const [key] of this.#disk.entries({ from: diskKey(letter, range), to: prefixEnd(letter) })) {
      return splitDiskKey(key).range
    }
    return RANGE_COUNT
  }

  #changeOf(range: RangeId): { count: number; running: number } {
    let change = this.#changes.get(range)
    if (!change) {
      change = { count: 0, running: 0 }
      this.#changes.set(range, change)
    }
    return change
  }
}

import type { Disk, RangeId } from '@thor-node/core'
import { decodeRecord, rangeEndKey, recordKeyOf, splitKey } from './acceptor-record.ts'
import type { Ballot } from './ballot.ts'
import { DigestSum } from './encoding.ts'

/** Name and ballot say it all: under one ballot there is one value. */
const itemText = (name: string, accepted: Ballot): string => `${name}\u0000${accepted.join(' ')}`

/**
 * Order-free digests of what this node accepted, by range: counted once from the disk, then changed with each write. Damaged
 * registers are left out, so that the copies differ and the register is mended.
 */
export class AcceptorDigests {
  readonly #disk: Disk
  readonly #known = new Map<RangeId, DigestSum>()
  readonly #counting = new Map<RangeId, { count: number; answer: Promise<string> }>()
  /** Writes begun and ended, and those that run: a digest counted meanwhile is not kept. */
  readonly #changes = new Map<RangeId, { count: number; running: number }>()

  constructor(components: { disk: Disk }) {
    this.#disk = components.disk
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

  async #count(range: RangeId): Promise<string> {
    const change = this.#changeOf(range)
    const before = change.running === 0 ? change.count : -1
    const sum = new DigestSum()
    for await (const [key, bytes] of this.#disk.entries({ from: recordKeyOf(range, ''), to: rangeEndKey(range) })) {
      const record = intact(key, bytes)
      if (record?.value) sum.add(itemText(splitKey(key).name, record.accepted))
    }
    if (change.count === before) this.#known.set(range, sum)
    return sum.toString()
  }

  /** Runs a write that replaces what was accepted under a name; `undefined` stands for nothing. */
  async during(
    range: RangeId,
    name: string,
    [before, after]: readonly [before: Ballot | undefined, after: Ballot | undefined],
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
    if (before) sum?.remove(itemText(name, before))
    if (after) sum?.add(itemText(name, after))
  }

  /** To be counted anew. */
  forget(range: RangeId): void {
    this.#changeOf(range).count++
    this.#known.delete(range)
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

/** The state on the disk, or undefined when it is damaged. */
export function intact(key: string, bytes: Uint8Array): ReturnType<typeof decodeRecord> | undefined {
  try {
    return decodeRecord(key, bytes)
  } catch {
    return undefined
  }
}

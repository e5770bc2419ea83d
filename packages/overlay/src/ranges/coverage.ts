/** Which ranges an answer speaks for: one bit per range, so that a list with holes is not taken for a complete one. */
import type { RangeId } from '@thor-node/core'
import type { RangeConfigs } from './contract.ts'

/** Ranges of which this node has a complete copy as a member. */
export function coverageOf(configs: Pick<RangeConfigs, 'all' | 'standing'>): Uint8Array {
  const all = configs.all()
  const bits = new Uint8Array(Math.ceil(all.length / 8))
  for (const { range } of all) {
    if (configs.standing(range) === 'member') bits[range >>> 3] = (bits[range >>> 3] as number) | (1 << (range & 7))
  }
  return bits
}

/** Takes a range out again. */
export function uncover(bits: Uint8Array, range: RangeId): void {
  bits[range >>> 3] = (bits[range >>> 3] as number) & ~(1 << (range & 7))
}

/** Gathers the coverage of several nodes. */
export class Coverage {
  readonly #bits: Uint8Array
  readonly #count: number

  constructor(count: number) {
    this.#count = count
    this.#bits = new Uint8Array(Math.ceil(count / 8))
  }

  /** One node's pages: only what it covered at each of them counts. */
  add(pages: readonly unknown[]): void {
    for (let at = 0; at < this.#bits.length; at++) {
      let all = 0xff
      for (const page of pages) all &= page instanceof Uint8Array ? (page[at] ?? 0) : 0
      if (pages.length > 0) this.#bits[at] = (this.#bits[at] as number) | all
    }
  }

  /** A range that nobody spoke for. */
  get missing(): RangeId | undefined {
    for (let range = 0; range < this.#count; range++) {
      if (((this.#bits[range >>> 3] as number) & (1 << (range & 7))) === 0) return range
    }
    return undefined
  }
}

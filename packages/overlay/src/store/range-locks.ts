import type { RangeId } from '@thor-node/core'

/**
 * Nobody copies a range twice at once: after a start, several reasons to copy it come together, and a second copy that ran
 * beside the first would carry everything again. Nobody waits while holding anything, so there are no deadlocks.
 */
export class RangeLocks {
  readonly #held = new Map<RangeId, Promise<void>>()

  /** Runs `work` on all of these, those first that are free; `work` is to look anew, as another copy may have ended. */
  async run(ranges: readonly RangeId[], work: (ranges: RangeId[]) => Promise<void>): Promise<void> {
    let left = [...ranges]
    while (left.length > 0) {
      const free = left.filter((range) => !this.#held.has(range))
      if (free.length === 0) {
        await Promise.race(left.map((range) => this.#held.get(range)))
        continue
      }
      const { promise, resolve } = Promise.withResolvers<void>()
      for (const range of free) this.#held.set(range, promise)
      try {
        await work(free)
      } finally {
        for (const range of free) this.#held.delete(range)
        resolve()
      }
      left = left.filter((range) => !free.includes(range))
    }
  }
}

import { type Clock, makeRoom } from '@thor-node/core'
import { limits } from '../limits.ts'

interface Counted {
  /** Monotonic. */
  at: number
  has: Promise<number>
  /** Let pass at this node since. */
  passed: number
}

/**
 * How many records customers have, for limits: to count them is to list those of the whole ring, so one count serves for half a
 * second, with what was let pass meanwhile. Nobody is refused for an old count, and near the limit, where what other nodes let
 * pass matters, there is none: then it is made anew.
 */
export class CreditCounts {
  readonly #clock: Pick<Clock, 'now'>
  readonly #counted = new Map<string, Counted>()

  constructor(components: { clock: Pick<Clock, 'now'> }) {
    this.#clock = components.clock
  }

  /**
   * How many there are, before those that are to be added: as many as are `allowed` with them let them pass. Throws what `count` throws.
   */
  async before(key: string, allowed: number, count: () => Promise<number>, adding = 1): Promise<number> {
    const known = this.#counted.get(key)
    if (known && this.#clock.now() - known.at < limits.creditCountMs) {
      const has = (await known.has) + known.passed
      if (has + adding - 1 + limits.creditNear < allowed) {
        known.passed += adding
        return has
      }
    }
    const counted: Counted = { at: this.#clock.now(), has: count(), passed: 0 }
    this.#counted.delete(key)
    makeRoom(this.#counted, limits.creditCountsMax)
    this.#counted.set(key, counted)
    try {
      const has = await counted.has
      if (has + adding <= allowed) counted.passed += adding
      return has
    } catch (error) {
      if (this.#counted.get(key) === counted) this.#counted.delete(key)
      throw error
    }
  }
}

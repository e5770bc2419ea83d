import type { Ballot } from './ballot.ts'
import { regLimits } from './reg-limits.ts'
import type { Held } from './reg-value.ts'

/** A promise that rode on an accepted value: good for one accept, which must be based on that value. */
export interface Carried {
  ballot: Ballot
  held: Held
  /** Median clock of the quorum minus this node's monotonic clock, milliseconds. */
  wallOffset: number
}

/** At most `regLimits.carriedMax`; the one unused for longest goes first. Losing one costs a round trip, never safety. */
export class CarriedPromises {
  readonly #byKey = new Map<string, Carried>()

  /** Takes the promise out: whoever sends under it, does so once. Promises of other epochs are void. */
  take(key: string, epoch: number): Carried | undefined {
    const carried = this.#byKey.get(key)
    this.#byKey.delete(key)
    return carried?.ballot[0] === epoch ? carried : undefined
  }

  put(key: string, carried: Carried): void {
    this.#byKey.delete(key)
    this.#byKey.set(key, carried)
    if (this.#byKey.size <= regLimits.carriedMax) return
    const oldest = this.#byKey.keys().next()
    if (!oldest.done) this.#byKey.delete(oldest.value)
  }

  get size(): number {
    return this.#byKey.size
  }
}

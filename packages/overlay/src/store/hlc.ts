import type { Clock } from '@thor-node/core'

/** Stamps per millisecond; 2^53 / 1024 milliseconds reach into the 23rd century. */
const STEPS_PER_MS = 1024

/**
 * A hybrid logical clock: stamps are numbers near wall time that never go back and are above every stamp seen. They order
 * soft state and nothing else; a wrong wall clock makes them odd, never unsafe.
 */
export class HybridClock {
  readonly #clock: Clock
  #last = 0

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock
  }

  /** A stamp above `replaced`, above all given out before, and not below wall time. */
  next(replaced = 0): number {
    this.#last = Math.max(Math.floor(this.#clock.wall()) * STEPS_PER_MS, this.#last + 1, replaced + 1)
    return this.#last
  }
}

/** Wall time of a stamp, epoch milliseconds. */
export function stampMs(stamp: number): number {
  return Math.floor(stamp / STEPS_PER_MS)
}

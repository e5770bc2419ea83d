import type { Clock, Timer } from '../clock.ts'

/** A clock that stands still until it is told to move. Timers fire in order of time, then of creation. */
export class SimClock implements Clock {
  #now = 0
  #order = 0
  readonly #wallOffset: number
  readonly #timers: { at: number; order: number; fn: () => void }[] = []

  constructor(wallStart: number = Date.UTC(2026, 0, 1)) {
    this.#wallOffset = wallStart
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#wallOffset + this.#now
  }

  after(afterMs: number, fn: () => void): Timer {
    const timer = { at: this.#now + Math.max(0, afterMs), order: this.#order++, fn }
    this.#insert(timer)
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer)
        if (index >= 0) this.#timers.splice(index, 1)
      },
    }
  }

  /** Timers that are armed: a test that ends with any has leaked them. */
  get armed(): number {
    return this.#timers.length
  }

  /** Time of the next timer, or undefined. */
  get nextAt(): number | undefined {
    return this.#timers[0]?.at
  }

  /** Moves to the next timer and fires it; false when none is armed. Promise reactions run before this resolves. */
  async step(): Promise<boolean> {
    const timer = this.#timers.shift()
    if (!timer) return false
    this.#now = timer.at
    timer.fn()
    await settle()
    return true
  }

  /** Moves forward by `ms`, firing what becomes due on the way. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await settle()
    while (this.nextAt !== undefined && this.nextAt <= until) await this.step()
    this.#now = until
  }

  #insert(timer: { at: number; order: number; fn: () => void }): void {
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#timers[middle] as { at: number }).at <= timer.at) low = middle + 1
      else high = middle
    }
    this.#timers.splice(low, 0, timer)
  }
}

/** Lets every promise reaction that is ready run. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

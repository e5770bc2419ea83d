import type { Clock, Timer } from '@thor-node/core'
import type { TimerValues } from './contract.ts'

/** RFC 3261 Table 4; Timer C (§16.6 step 11) is longer than three minutes by rule. */
export const defaultTimers: TimerValues = { t1: 500, t2: 4_000, t4: 5_000, timerC: 181_000 }

/** Letters as in RFC 3261 Table 4, L and M as in RFC 6026. */
export type TimerName = 'A' | 'B' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M'

interface Entry {
  at: number
  fn: (() => void) | undefined
}

/**
 * Timers in a queue per duration. Most transactions arm the same few durations, so due times within one queue never
 * decrease, and tens of thousands of timers cost one timer of the clock per queue. A cancelled entry stays until its time.
 */
export class TimerQueue {
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  readonly #queues = new Map<number, { entries: Entry[]; head: number; timer: Timer | undefined }>()

  /** What a timer's function throws goes to `onError`; the others still run. */
  constructor(clock: Clock, onError: (error: unknown) => void) {
    this.#clock = clock
    this.#onError = onError
  }

  after(afterMs: number, fn: () => void): Timer {
    let queue = this.#queues.get(afterMs)
    if (!queue) {
      queue = { entries: [], head: 0, timer: undefined }
      this.#queues.set(afterMs, queue)
    }
    const entry: Entry = { at: this.#clock.now() + afterMs, fn }
    queue.entries.push(entry)
    if (!queue.timer) this.#arm(afterMs)
    return {
      cancel() {
        entry.fn = undefined
      },
    }
  }

  /** Forgets everything. */
  clear(): void {
    for (const queue of this.#queues.values()) queue.timer?.cancel()
    this.#queues.clear()
  }

  #arm(afterMs: number): void {
    const queue = this.#queues.get(afterMs)
    if (!queue) return
    while (queue.head < queue.entries.length && !queue.entries[queue.head]?.fn) queue.head++
    const first = queue.entries[queue.head]
    if (!first) {
      this.#queues.delete(afterMs)
      return
    }
    if (queue.head > 1_024 && queue.head * 2 > queue.entries.length) {
      queue.entries.splice(0, queue.head)
      queue.head = 0
    }
    queue.timer = this.#clock.after(Math.max(0, first.at - this.#clock.now()), () => this.#fire(afterMs))
  }

  #fire(afterMs: number): void {
    const queue = this.#queues.get(afterMs)
    if (!queue) return
    // Half a millisecond early is due: clocks round.
    const due = this.#clock.now() + 0.5
    for (
      let entry = queue.entries[queue.head];
      entry && (!entry.fn || entry.at <= due);
      entry = queue.entries[queue.head]
    ) {
      queue.head++
      const { fn } = entry
      entry.fn = undefined
      try {
        fn?.()
      } catch (error) {
        this.#onError(error)
      }
    }
    queue.timer = undefined
    this.#arm(afterMs)
  }
}

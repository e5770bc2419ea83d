import type { Clock, Timer } from './clock.ts'

interface Entry {
  readonly at: number
  /** Undefined once it has fired or was cancelled. */
  fn: (() => void) | undefined
}

interface Queue {
  readonly entries: Entry[]
  head: number
  /** Entries that are neither fired nor cancelled. */
  open: number
  /** What came while the process stood still has been given time. */
  waited: boolean
  timer: Timer | undefined
}

/** A timer that is so late tells that the process stood still, for so long at least. */
const STOOD_STILL_MS = 50

export interface TimerQueueInit {
  /** Told of what a timer's function throws; the others still run. */
  onError(error: unknown): void
  /**
   * When the process stood still, what came meanwhile (in sockets, from threads) has not been read yet: timers then wait for as long
   * as it did, this many ms at most, once. @default 0
   */
  waitMsMax?: number
}

/**
 * Timers in a queue per duration, where few durations are armed again and again: due times within one queue never decrease, and
 * tens of thousands of timers cost one timer of the clock per queue. One that is cancelled leaves its place when its time has
 * come, or when the whole queue is over.
 */
export class TimerQueue {
  readonly #clock: Clock
  readonly #init: TimerQueueInit
  readonly #queues = new Map<number, Queue>()

  constructor(components: { clock: Clock }, init: TimerQueueInit) {
    this.#clock = components.clock
    this.#init = init
  }

  after(afterMs: number, fn: () => void): Timer {
    let queue = this.#queues.get(afterMs)
    if (!queue) {
      queue = { entries: [], head: 0, open: 0, waited: false, timer: undefined }
      this.#queues.set(afterMs, queue)
    }
    const its = queue
    const entry: Entry = { at: this.#clock.now() + afterMs, fn }
    its.entries.push(entry)
    its.open++
    if (!its.timer) this.#arm(afterMs, its)
    return {
      cancel: () => {
        if (!entry.fn) return
        entry.fn = undefined
        if (--its.open === 0) this.#empty(afterMs, its)
      },
    }
  }

  /** Forgets everything. */
  clear(): void {
    for (const [afterMs, queue] of [...this.#queues]) this.#empty(afterMs, queue)
  }

  #arm(afterMs: number, queue: Queue): void {
    const { entries } = queue
    while (queue.head < entries.length && !entries[queue.head]?.fn) queue.head++
    const first = entries[queue.head]
    if (!first) {
      this.#empty(afterMs, queue)
      return
    }
    if (queue.head > 1_024 && queue.head * 2 > entries.length) {
      entries.splice(0, queue.head)
      queue.head = 0
    }
    queue.timer = this.#clock.after(Math.max(0, first.at - this.#clock.now()), () => this.#fire(afterMs, queue))
  }

  #fire(afterMs: number, queue: Queue): void {
    queue.timer = undefined
    const now = this.#clock.now()
    const { entries } = queue
    const lateMs = now - (entries[queue.head]?.at ?? now)
    const { waitMsMax = 0 } = this.#init
    if (waitMsMax > 0 && lateMs >= STOOD_STILL_MS && !queue.waited) {
      queue.waited = true
      queue.timer = this.#clock.after(Math.min(lateMs, waitMsMax), () => this.#fire(afterMs, queue))
      return
    }
    queue.waited = false
    // Half a millisecond early is due: clocks round.
    const due = now + 0.5
    for (let first = entries[queue.head]; first && first.at <= due; first = entries[queue.head]) {
      queue.head++
      const { fn } = first
      if (!fn) continue
      first.fn = undefined
      queue.open--
      try {
        fn()
      } catch (error) {
        this.#init.onError(error)
      }
    }
    // What fired may have begun something new.
    if (!queue.timer) this.#arm(afterMs, queue)
  }

  #empty(afterMs: number, queue: Queue): void {
    queue.timer?.cancel()
    queue.timer = undefined
    for (const entry of queue.entries) entry.fn = undefined
    queue.entries.length = 0
    queue.head = 0
    queue.open = 0
    if (this.#queues.get(afterMs) === queue) this.#queues.delete(afterMs)
  }
}

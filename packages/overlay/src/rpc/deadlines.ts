import type { Clock, Timer } from '@thor-node/core'

export interface Deadline {
  /** What it was for is over: it never expires. Idempotent. */
  end(): void
}

interface Entry {
  readonly at: number
  /** Undefined once it is over. */
  expire: (() => void) | undefined
}

interface Queue {
  readonly entries: Entry[]
  head: number
  /** What came while the process stood still has been given time. */
  waited: boolean
  /** Entries that are not over. */
  open: number
  timer: Timer | undefined
}

/** A timer that is so late tells that the process stood still, for so long at least. */
const STOOD_STILL_MS = 50
/** It waits for what came meanwhile as long as it stood still, and no longer than this. */
const WAIT_MS_MAX = 500

/**
 * Time-outs of calls, in a queue per duration. Nearly all calls end long before, and most have one of a few durations: one timer of
 * the clock per queue serves all that wait at the same time.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #queues = new Map<number, Queue>()

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock
  }

  after(afterMs: number, expire: () => void): Deadline {
    let queue = this.#queues.get(afterMs)
    if (!queue) {
      queue = { entries: [], head: 0, waited: false, open: 0, timer: undefined }
      this.#queues.set(afterMs, queue)
    }
    const its = queue
    const entry: Entry = { at: this.#clock.now() + afterMs, expire }
    its.entries.push(entry)
    its.open++
    if (!its.timer) this.#arm(afterMs, its)
    return {
      end: () => {
        if (!entry.expire) return
        entry.expire = undefined
        if (--its.open === 0) this.#empty(afterMs, its)
      },
    }
  }

  #arm(afterMs: number, queue: Queue): void {
    const { entries } = queue
    while (queue.head < entries.length && !entries[queue.head]?.expire) queue.head++
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
    if (lateMs >= STOOD_STILL_MS && !queue.waited) {
      // The process stood still: answers that came meanwhile have not been read yet.
      queue.waited = true
      queue.timer = this.#clock.after(Math.min(lateMs, WAIT_MS_MAX), () => this.#fire(afterMs, queue))
      return
    }
    queue.waited = false
    // Half a millisecond early is due: clocks round.
    const due = now + 0.5
    for (let first = entries[queue.head]; first && first.at <= due; first = entries[queue.head]) {
      queue.head++
      const { expire } = first
      if (!expire) continue
      first.expire = undefined
      queue.open--
      expire()
    }
    // What expired may have begun something new.
    if (!queue.timer) this.#arm(afterMs, queue)
  }

  #empty(afterMs: number, queue: Queue): void {
    queue.timer?.cancel()
    queue.timer = undefined
    queue.entries.length = 0
    queue.head = 0
    if (this.#queues.get(afterMs) === queue) this.#queues.delete(afterMs)
  }
}

import type { Clock, Timer } from '../clock.ts'

interface Armed {
  at: number
  order: number
  /** Undefined once it was cancelled: it stays in the heap until its time. */
  fn: (() => void) | undefined
}

/** A clock that stands still until it is told to move. Timers fire in order of time, then of creation. */
export class SimClock implements Clock {
  #now = 0
  #order = 0
  #armed = 0
  readonly #wallOffset: number
  /** A binary heap: simulations arm and cancel a timer for each request. */
  readonly #heap: Armed[] = []

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
    const timer: Armed = { at: this.#now + Math.max(0, afterMs), order: this.#order++, fn }
    this.#push(timer)
    this.#armed++
    return {
      cancel: () => {
        if (!timer.fn) return
        timer.fn = undefined
        this.#armed--
      },
    }
  }

  /** Timers that are armed: a test that ends with any has leaked them. */
  get armed(): number {
    return this.#armed
  }

  /** Time of the next timer, or undefined. */
  get nextAt(): number | undefined {
    while (this.#heap[0] && !this.#heap[0].fn) this.#pop()
    return this.#heap[0]?.at
  }

  /** Moves to the next timer and fires it; false when none is armed. Promise reactions run before this resolves. */
  async step(): Promise<boolean> {
    if (this.nextAt === undefined) return false
    const timer = this.#pop() as Armed
    this.#now = timer.at
    const { fn } = timer
    timer.fn = undefined
    this.#armed--
    fn?.()
    await react()
    return true
  }

  /** Moves forward by `ms`, firing what becomes due on the way. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await settle()
    for (let at = this.nextAt; at !== undefined && at <= until; at = this.nextAt) await this.step()
    this.#now = until
  }

  #push(timer: Armed): void {
    const heap = this.#heap
    let at = heap.push(timer) - 1
    while (at > 0) {
      const above = (at - 1) >>> 1
      if (isBefore(heap[above] as Armed, timer)) break
      heap[at] = heap[above] as Armed
      at = above
    }
    heap[at] = timer
  }

  #pop(): Armed | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (heap.length === 0 || !last) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      const right = heap[below + 1]
      if (right && isBefore(right, heap[below] as Armed)) below++
      if (isBefore(last, heap[below] as Armed)) break
      heap[at] = heap[below] as Armed
      at = below
    }
    heap[at] = last
    return first
  }
}

const isBefore = (one: Armed, other: Armed): boolean =>
  one.at < other.at || (one.at === other.at && one.order < other.order)

/** Lets every promise reaction that is ready run, and the event loop turn once. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Every so many turns the event loop has its turn: signals, real timers, the guard around a test. */
const TURNS_PER_LOOP = 4_096
let turns = 0

/**
 * Lets every promise reaction that is ready run. A tick of the process comes after all of them, at a fraction of the price of
 * a turn of the event loop: a simulation does this a million times.
 */
function react(): Promise<void> {
  turns++
  return turns % TURNS_PER_LOOP === 0 ? settle() : new Promise((resolve) => process.nextTick(resolve))
}

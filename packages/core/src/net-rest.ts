/**
 * Rests of the event loop. A datagram that wakes a loop costs twice as much as one of a batch: what it needs has left the caches
 * of the processor meanwhile. So while many come one by one, and there is time to spare, the loop stands still for a moment at the
 * end of a turn, and then finds several: as network cards put off interrupts while much comes in.
 */

/** How long a rest is: more makes larger batches, and everything later. */
const REST_MS = 0.5
/** Whether to rest is decided anew after so long. */
const LOOK_MS = 20
/** Datagrams per millisecond from which on rests begin, and below which they end. */
const BEGIN_PER_MS = 1.5
const END_PER_MS = 1
/** No rest where they come in such batches anyway, on average or in the turn that ends. */
const BATCH_AVERAGE = 8
const BATCH = 16
/** Share of the time that must be spare, rests included: a loop that has much to do finds batches when it looks. */
const SPARE = 0.25

/** What was seen since the last decision. */
export interface LoopSeen {
  elapsedMs: number
  /** The loop waited or rested. */
  spareMs: number
  turns: number
  datagrams: number
}

export function shallRest(resting: boolean, { elapsedMs, spareMs, turns, datagrams }: LoopSeen): boolean {
  if (spareMs < elapsedMs * SPARE) return false
  if (resting) return datagrams >= elapsedMs * END_PER_MS
  return datagrams >= elapsedMs * BEGIN_PER_MS && datagrams < turns * BATCH_AVERAGE
}

export interface LoopRestComponents {
  /** Monotonic, milliseconds. */
  now(): number
  /** Milliseconds that the loop has waited for something to happen, since its start. */
  idle(): number
  /** Stands still. */
  rest(ms: number): void
}

export class LoopRests {
  readonly #c: LoopRestComponents
  #resting = false
  #since: number
  #idleBefore: number
  #restedBefore = 0
  #turns = 0
  #datagrams = 0
  #restedMs = 0

  constructor(components: LoopRestComponents) {
    this.#c = components
    this.#since = components.now()
    this.#idleBefore = components.idle()
  }

  /** All rests together, ms: time in which nothing was done, though the loop did not wait. */
  get restedMs(): number {
    return this.#restedMs
  }

  /** At the end of a turn in which so many datagrams came, when all answers are sent. */
  turn(datagrams: number): void {
    this.#turns++
    this.#datagrams += datagrams
    const now = this.#c.now()
    if (now - this.#since >= LOOK_MS) this.#decide(now)
    if (!this.#resting || datagrams >= BATCH) return
    this.#c.rest(REST_MS)
    this.#restedMs += this.#c.now() - now
  }

  #decide(now: number): void {
    const idle = this.#c.idle()
    this.#resting = shallRest(this.#resting, {
      elapsedMs: now - this.#since,
      spareMs: idle - this.#idleBefore + this.#restedMs - this.#restedBefore,
      turns: this.#turns,
      datagrams: this.#datagrams,
    })
    this.#since = now
    this.#idleBefore = idle
    this.#restedBefore = this.#restedMs
    this.#turns = 0
    this.#datagrams = 0
  }
}

const cell = new Int32Array(new SharedArrayBuffer(4))

/** Of this thread's loop. */
export const loopRests: LoopRests = new LoopRests({
  now: () => performance.now(),
  idle: () => performance.eventLoopUtilization().idle,
  rest: (ms) => void Atomics.wait(cell, 0, 0, ms),
})

/**
 * What requests over datagrams were answered, for those that come again: the completed state of non-INVITE server transactions
 * (RFC 3261 §17.2.2) as bytes alone. Most transactions of a node are in it at any time, for 32 seconds each, so it holds no
 * objects and no timers: answers lie one after the other in large pieces of memory, by generations that are forgotten whole.
 */
import type { Clock, Timer } from '@thor-node/core'
import { transactionLimits } from '../limits.ts'

/** Answers of one piece of the lifetime. */
interface Generation {
  /** Where the answer of a transaction begins, in units of `UNIT_BYTES` over all pieces. */
  readonly places: Map<string, number>
  readonly pieces: Buffer[]
  /** Bytes of the last piece that are used. */
  used: number
}

const GENERATIONS = 4
const PIECE_BYTES = 256 * 1024
const UNIT_BYTES = 8
const UNITS_PER_PIECE = PIECE_BYTES / UNIT_BYTES
const LENGTH_BYTES = 4

const empty = (): Generation => ({ places: new Map(), pieces: [], used: PIECE_BYTES })

/** Bounded: when full, the oldest quarter is forgotten, and what comes again after that counts as new. */
export class Answers {
  readonly #clock: Clock
  readonly #turnMs: number
  readonly #max: number
  /** Newest first. */
  #generations: Generation[] = [empty()]
  /** Runs while there is anything. */
  #timer: Timer | undefined
  #size = 0

  /** `lifetimeMs`: an answer is kept for at least so long. */
  constructor(components: { clock: Clock }, init: { lifetimeMs: number; max?: number }) {
    this.#clock = components.clock
    this.#turnMs = init.lifetimeMs / GENERATIONS
    this.#max = init.max ?? transactionLimits.answersMax
  }

  get size(): number {
    return this.#size
  }

  /** Larger answers than a piece are not kept. */
  keep(key: string, answer: Uint8Array): void {
    const bytes = LENGTH_BYTES + answer.length
    if (bytes > PIECE_BYTES) return
    if (this.#size >= this.#max) this.#forgetOldest()
    const generation = this.#generations[0] as Generation
    if (generation.used + bytes > PIECE_BYTES) {
      generation.pieces.push(Buffer.allocUnsafeSlow(PIECE_BYTES))
      generation.used = 0
    }
    const piece = generation.pieces.at(-1) as Buffer
    piece.writeUInt32LE(answer.length, generation.used)
    piece.set(answer, generation.used + LENGTH_BYTES)
    const at = (generation.pieces.length - 1) * UNITS_PER_PIECE + generation.used / UNIT_BYTES
    generation.used += Math.ceil(bytes / UNIT_BYTES) * UNIT_BYTES
    if (!generation.places.has(key)) this.#size++
    generation.places.set(key, at)
    this.#timer ??= this.#clock.after(this.#turnMs, () => this.#turn())
  }

  /** To be sent at once: the memory is used again. */
  find(key: string): Uint8Array | undefined {
    if (this.#size === 0) return undefined
    for (const { places, pieces } of this.#generations) {
      const at = places.get(key)
      if (at === undefined) continue
      const piece = pieces[Math.floor(at / UNITS_PER_PIECE)] as Buffer
      const start = (at % UNITS_PER_PIECE) * UNIT_BYTES
      return piece.subarray(start + LENGTH_BYTES, start + LENGTH_BYTES + piece.readUInt32LE(start))
    }
    return undefined
  }

  clear(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#generations = [empty()]
    this.#size = 0
  }

  /** There is one generation more than the lifetime has: the newest is not full of time yet. */
  #turn(): void {
    this.#timer = undefined
    this.#generations.unshift(empty())
    if (this.#generations.length > GENERATIONS + 1) this.#drop()
    if (this.#size > 0) this.#timer = this.#clock.after(this.#turnMs, () => this.#turn())
    else this.#generations = [empty()]
  }

  #forgetOldest(): void {
    if (this.#generations.length === 1) this.#generations.unshift(empty())
    this.#drop()
  }

  #drop(): void {
    this.#size -= this.#generations.pop()?.places.size ?? 0
  }
}

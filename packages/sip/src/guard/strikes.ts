import { makeRoom } from '@thor-node/core'

/**
 * Points against names (a source, an account) that drain away evenly: after `windowMs` without a new one, `limit` of them are
 * gone. Bounded: when full, the names that were struck longest ago are forgotten.
 */
export class Strikes {
  readonly #scores = new Map<string, { score: number; at: number }>()
  readonly #limit: number
  readonly #windowMs: number
  readonly #max: number

  constructor(init: { limit: number; windowMs: number; max: number }) {
    this.#limit = init.limit
    this.#windowMs = init.windowMs
    this.#max = init.max
  }

  get size(): number {
    return this.#scores.size
  }

  /** True when the limit is reached with these points. */
  add(name: string, points: number, now: number): boolean {
    const score = this.scoreOf(name, now) + points
    this.#scores.delete(name)
    makeRoom(this.#scores, this.#max)
    this.#scores.set(name, { score, at: now })
    return score >= this.#limit
  }

  scoreOf(name: string, now: number): number {
    const known = this.#scores.get(name)
    if (!known) return 0
    return Math.max(0, known.score - ((now - known.at) * this.#limit) / this.#windowMs)
  }

  forget(name: string): void {
    this.#scores.delete(name)
  }
}

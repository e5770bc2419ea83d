import { createHash, type Hash } from 'node:crypto'
import type { Clock } from '@thor-node/core'

/** What happened, in order: hashed whole, kept in words as far as a story needs it. */
export class Trace {
  readonly #clock: Clock
  readonly #hash: Hash = createHash('sha256')
  readonly lines: string[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(what: string): void {
    const line = `${this.#clock.now().toFixed(3).padStart(12)}  ${what}`
    this.#hash.update(line)
    this.lines.push(line)
  }

  /** Of everything so far. */
  get hash(): string {
    return this.#hash.copy().digest('hex').slice(0, 16)
  }
}

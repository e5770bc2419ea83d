import { strict as assert } from 'node:assert'
import { type Random, ThorError } from '@thor-node/core'

/** Ports `from` … `to`, both inclusive. */
export interface PortRange {
  from: number
  to: number
}

/**
 * Pairs of an even port for RTP and the next odd one for RTCP (RFC 3550 §11). Starts somewhere in the range, so that a
 * restarted relay does not meet the stragglers of its former calls, and goes round: a freed pair is the last to come again.
 */
export class PortPool {
  /** Even ports that are free, a ring buffer in order of use. */
  readonly #free: Uint16Array
  /** By pair: 1 when taken. */
  readonly #taken: Uint8Array
  readonly #first: number
  #head = 0
  #count: number

  /** Throws `MEDIA_PORT_RANGE` when the range has no pair. */
  constructor(components: { random: Random }, init: PortRange) {
    const first = init.from + (init.from % 2)
    const pairs = Math.floor((init.to - first + 1) / 2)
    if (!(init.from >= 1 && init.to <= 65_535 && pairs >= 1)) {
      throw new ThorError(
        'MEDIA_PORT_RANGE',
        `no pair of ports in ${init.from}–${init.to}; give a range within 1–65535 with an even and the next odd port`,
      )
    }
    const start = components.random.int(pairs)
    this.#first = first
    this.#free = Uint16Array.from({ length: pairs }, (_, i) => first + 2 * ((start + i) % pairs))
    this.#taken = new Uint8Array(pairs)
    this.#count = pairs
  }

  /** Pairs left. */
  get free(): number {
    return this.#count
  }

  get size(): number {
    return this.#free.length
  }

  /** An even port; it and the next are the caller's until `give`. Throws `MEDIA_PORTS_EXHAUSTED`. */
  take(): number {
    if (this.#count === 0) {
      throw new ThorError('MEDIA_PORTS_EXHAUSTED', `all ${this.size} pairs of media ports are in use; widen the range`)
    }
    const port = this.#free[this.#head] as number
    this.#head = (this.#head + 1) % this.size
    this.#count -= 1
    this.#taken[this.#slot(port)] = 1
    return port
  }

  give(port: number): void {
    assert.ok(this.#taken[this.#slot(port)] === 1, 'a pair is given back once, by who took it')
    this.#taken[this.#slot(port)] = 0
    this.#free[(this.#head + this.#count) % this.size] = port
    this.#count += 1
  }

  #slot(port: number): number {
    return (port - this.#first) / 2
  }
}

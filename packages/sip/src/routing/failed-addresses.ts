import { type Address, type Clock, formatAddress, makeRoom } from '@thor-node/core'
import type { TransportName } from '../transport/contract.ts'
import { FAILED_MAX, FAILED_MS } from './limits.ts'

interface Way {
  transport: TransportName
  remote: Address
}

interface Failure {
  until: number
  /** It said so itself, with Retry-After. */
  asked: boolean
}

/**
 * Which addresses did not answer a moment ago: they are tried after the others, so that not each request waits for them. Those
 * that named a time (503 with Retry-After, RFC 3261 §21.5.4) are left alone until then.
 */
export class FailedAddresses {
  readonly #clock: Clock
  /** By transport and address. */
  readonly #known = new Map<string, Failure>()

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock
  }

  get size(): number {
    return this.#known.size
  }

  /** `leaveAloneMs`: it asked for so long. */
  failed(way: Way, leaveAloneMs?: number): void {
    const key = keyOf(way)
    const now = this.#clock.now()
    const asked = leaveAloneMs !== undefined
    const until = now + (leaveAloneMs ?? FAILED_MS)
    const known = this.#known.get(key)
    // Who asked for an hour, and cannot be reached either, is not asked sooner for that.
    if (known?.asked && known.until > now && (!asked || known.until > until)) return
    this.#known.delete(key)
    makeRoom(this.#known, FAILED_MAX)
    this.#known.set(key, { until, asked })
  }

  /** A time that it asked for stands: requests that must go to it all the same, such as BYE, are answered meanwhile. */
  answered(way: Way): void {
    const key = keyOf(way)
    if (!this.#asksFor(key)) this.#known.delete(key)
  }

  /** In their order, but those that failed last. */
  sort<T extends Way>(ways: readonly T[]): T[] {
    const now = this.#clock.now()
    const bad = new Set(ways.filter((way) => (this.#known.get(keyOf(way))?.until ?? now) > now))
    return [...ways.filter((way) => !bad.has(way)), ...bad]
  }

  /** How long (ms) this one is left alone; 0: it may be asked. */
  leftAloneMs(way: Way): number {
    return this.#asksFor(keyOf(way))
  }

  #asksFor(key: string): number {
    const known = this.#known.get(key)
    return known?.asked ? Math.max(0, known.until - this.#clock.now()) : 0
  }
}

const keyOf = ({ transport, remote }: Way): string => `${transport} ${formatAddress(remote)}`

import { type Address, type Clock, formatAddress } from '@thor-node/core'
import type { TransportName } from '../transport/contract.ts'
import { FAILED_MAX, FAILED_MS } from './limits.ts'

interface Way {
  transport: TransportName
  remote: Address
}

/** Which addresses did not answer a moment ago: they are tried after the others, so that not each request waits for them. */
export class FailedAddresses {
  readonly #clock: Clock
  /** Until when, by transport and address. */
  readonly #until = new Map<string, number>()

  constructor(components: { clock: Clock }) {
    this.#clock = components.clock
  }

  get size(): number {
    return this.#until.size
  }

  failed(way: Way): void {
    const key = keyOf(way)
    this.#until.delete(key)
    const [oldest] = this.#until.keys()
    if (this.#until.size >= FAILED_MAX && oldest !== undefined) this.#until.delete(oldest)
    this.#until.set(key, this.#clock.now() + FAILED_MS)
  }

  answered(way: Way): void {
    this.#until.delete(keyOf(way))
  }

  /** In their order, but those that failed last. */
  sort<T extends Way>(ways: readonly T[]): T[] {
    const now = this.#clock.now()
    const bad = new Set(ways.filter((way) => (this.#until.get(keyOf(way)) ?? now) > now))
    return [...ways.filter((way) => !bad.has(way)), ...bad]
  }
}

const keyOf = ({ transport, remote }: Way): string => `${transport} ${formatAddress(remote)}`

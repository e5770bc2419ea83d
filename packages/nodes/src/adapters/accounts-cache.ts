import { type Aor, type Clock, type RegStore, recordKey, type Versioned } from '@thor-node/core'
import type { AddressRecord } from '@thor-node/provision'

const FRESH_MS = 10_000
const FALLBACK_MS = 15 * 60_000
const ENTRIES_MAX = 100_000

/**
 * Address records as the home reads them. A strict read, kept for some seconds while nobody announces a change; when the
 * range has no quorum, the last known copy serves for 15 minutes, so that phones go on working in a minority.
 */
export class AccountsCache {
  /** Grows with every change that was announced: what was read while one came may be older than it. */
  #changes = 0
  /** What was read up to then is read again before it is used; without a quorum it still serves. */
  #freshAfter = Number.NEGATIVE_INFINITY
  readonly #entries = new Map<Aor, { record: AddressRecord; readAt: number }>()
  readonly #clock: Clock
  readonly #reg: RegStore

  constructor(components: { clock: Clock; reg: RegStore }) {
    this.#clock = components.clock
    this.#reg = components.reg
    this.#reg.watch('acct/', (name) => this.#forget(name?.slice('acct/'.length)))
  }

  async get(aor: Aor): Promise<AddressRecord | undefined> {
    const known = this.#entries.get(aor)
    if (known && known.readAt > this.#freshAfter && this.#clock.now() - known.readAt < FRESH_MS) return known.record
    const changes = this.#changes
    let value: Versioned<AddressRecord> | undefined
    try {
      value = await this.#reg.read<AddressRecord>(recordKey('acct', aor), 'strict')
    } catch (error) {
      if (known && this.#clock.now() - known.readAt < FALLBACK_MS) return known.record
      throw error
    }
    this.#entries.delete(aor)
    // What does not exist is not remembered: an account works the moment it is made.
    if (!value) return undefined
    if (this.#entries.size >= ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value as Aor)
    if (changes === this.#changes) this.#entries.set(aor, { record: value.body, readAt: this.#clock.now() })
    return value.body
  }

  /** Undefined: all may have changed. */
  #forget(aor: Aor | undefined): void {
    this.#changes++
    if (aor === undefined) this.#freshAfter = this.#clock.now()
    const known = aor === undefined ? undefined : this.#entries.get(aor)
    if (known) known.readAt = Number.NEGATIVE_INFINITY
  }
}

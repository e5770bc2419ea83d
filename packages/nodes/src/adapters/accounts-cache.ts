import {
  type Aor,
  type Clock,
  errorCode,
  inTime,
  type RangeId,
  type RegStore,
  rangeOf,
  recordKey,
} from '@thor-node/core'
import type { AddressRecord } from '@thor-node/provision'

const FRESH_MS = 10_000
/** A blocked account may go on for so long at a node that sees no quorum. */
const FALLBACK_MS = 15 * 60_000
/** While a range has no quorum, one read in so long looks whether it has one again; the others do not wait for it. */
const PROBE_MS = 1_000
/** A strict read that takes longer is not waited for while the last known copy may be used. */
const SOON_MS = 300
const ENTRIES_MAX = 100_000

interface Known {
  record: AddressRecord
  rev: number
  /** -Infinity: a change was announced since. */
  readAt: number
}

/**
 * Address records as the home reads them. A strict read, kept for some seconds while nobody announces a change; when the
 * range has no quorum, the last known copy (what was read, or what this replica has) serves for 15 minutes after a quorum was
 * last heard, at once, so that phones go on working in a minority. That an account does not exist is said by a quorum only.
 */
export class AccountsCache {
  /** Grows with every change that was announced: what was read while one came may be older than it. */
  #changes = 0
  /** What was read up to then is read again before it is used; without a quorum it still serves. */
  #freshAfter = Number.NEGATIVE_INFINITY
  readonly #entries = new Map<Aor, Known>()
  /** When a quorum of the range was heard last, and since it is silent, when to look again. */
  readonly #quorums = new Map<RangeId, { heardAt: number; probeAt: number | undefined }>()
  readonly #clock: Clock
  readonly #reg: RegStore

  constructor(components: { clock: Clock; reg: RegStore }) {
    this.#clock = components.clock
    this.#reg = components.reg
    this.#reg.watch('acct/', (name) => this.#forget(name?.slice('acct/'.length)))
  }

  /** It was there when it was read last. */
  has(aor: Aor): boolean {
    return this.#entries.has(aor)
  }

  async get(aor: Aor): Promise<AddressRecord | undefined> {
    const known = this.#entries.get(aor)
    const now = this.#clock.now()
    if (known && known.readAt > this.#freshAfter && now - known.readAt < FRESH_MS) return known.record
    const quorum = this.#quorums.get(rangeOf(aor))
    if (quorum?.probeAt !== undefined) {
      const copy = await this.#lastKnown(aor)
      if (copy && now < quorum.probeAt) return copy
      if (copy) {
        quorum.probeAt = now + PROBE_MS
        this.#readStrict(aor).catch(() => undefined)
        return copy
      }
    }
    try {
      const strict = this.#readStrict(aor)
      // Of one that is known and that nobody said has changed, a phone does not wait for a quorum that may not be there.
      if (known && known.readAt !== Number.NEGATIVE_INFINITY && !(await inTime(this.#clock, strict, SOON_MS))) {
        const copy = await this.#lastKnown(aor)
        if (copy) return copy
      }
      return await strict
    } catch (error) {
      const copy = isNoQuorum(error) ? await this.#lastKnown(aor) : undefined
      if (copy) return copy
      throw error
    }
  }

  async #readStrict(aor: Aor): Promise<AddressRecord | undefined> {
    const changes = this.#changes
    const range = rangeOf(aor)
    const value = await this.#reg.read<AddressRecord>(recordKey('acct', aor), 'strict').catch((error: unknown) => {
      const quorum = this.#quorums.get(range)
      if (isNoQuorum(error) && quorum) quorum.probeAt ??= this.#clock.now() + PROBE_MS
      throw error
    })
    const now = this.#clock.now()
    this.#quorums.set(range, { heardAt: now, probeAt: undefined })
    const before = this.#entries.get(aor)
    this.#entries.delete(aor)
    // What does not exist is not remembered: an account works the moment it is made.
    if (!value) return undefined
    // The same object while it is the same record: what others worked out of it stays good.
    const record = before?.rev === value.rev ? before.record : value.body
    if (this.#entries.size >= ENTRIES_MAX) this.#entries.delete(this.#entries.keys().next().value as Aor)
    if (changes === this.#changes) this.#entries.set(aor, { record, rev: value.rev, readAt: now })
    return record
  }

  /** Undefined when there is no copy, or none that may still be used. */
  async #lastKnown(aor: Aor): Promise<AddressRecord | undefined> {
    const heardAt = this.#quorums.get(rangeOf(aor))?.heardAt ?? Number.NEGATIVE_INFINITY
    if (this.#clock.now() - heardAt >= FALLBACK_MS) return undefined
    const known = this.#entries.get(aor)
    if (known && known.readAt !== Number.NEGATIVE_INFINITY) return known.record
    const near = await this.#reg.read<AddressRecord>(recordKey('acct', aor), 'near').catch(() => undefined)
    return near?.body
  }

  /** Undefined: all may have changed. */
  #forget(aor: Aor | undefined): void {
    this.#changes++
    if (aor === undefined) this.#freshAfter = this.#clock.now()
    const known = aor === undefined ? undefined : this.#entries.get(aor)
    if (known) known.readAt = Number.NEGATIVE_INFINITY
  }
}

const isNoQuorum = (error: unknown): boolean => errorCode(error) === 'STORE_UNAVAILABLE'

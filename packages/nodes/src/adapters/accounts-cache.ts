import {
  type Aor,
  type Clock,
  errorCode,
  inTime,
  makeRoom,
  type RangeId,
  type RegStore,
  rangeOf,
  recordKey,
} from '@thor-node/core'
import type { AddressRecord } from '@thor-node/provision'
import { Packr } from 'msgpackr'

const FRESH_MS = 10_000
/** A blocked account may go on for so long at a node that sees no quorum. */
const FALLBACK_MS = 15 * 60_000
/** While a range has no quorum, one read in so long looks whether it has one again; the others do not wait for it. */
const PROBE_MS = 1_000
/** A strict read that takes longer is not waited for while the last known copy may be used. */
const SOON_MS = 300
const ENTRIES_MAX = 100_000

/** Records of the last seconds that are kept as objects; more are packed before their time. */
const YOUNG_MAX = 20_000
const PACK_MS = 1_000
/** 14 µs each. */
const PACKED_AT_ONCE = 300

/** As in the store; buffers are copies, as what they come in is a pool. */
const packr = new Packr({ useRecords: false, copyBuffers: true })

interface Known {
  /** Packed, a character per byte, when it is not fresh any more: as objects it takes several times as much. */
  record: AddressRecord | string
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
  /** Those of the entries that are not packed, the one read first first. */
  readonly #young = new Set<Known>()
  #packAt = 0
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
    if (known && known.readAt > this.#freshAfter && now - known.readAt < FRESH_MS) return open(known)
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
    this.#delete(aor)
    // What does not exist is not remembered: an account works the moment it is made.
    if (!value) return undefined
    // The same object while it is the same record: what others worked out of it stays good.
    const same = before?.rev === value.rev && typeof before.record !== 'string' ? before.record : undefined
    const record = same ?? value.body
    makeRoom(this.#entries, ENTRIES_MAX, (oldest) => this.#delete(oldest))
    if (changes === this.#changes) {
      const known = { record, rev: value.rev, readAt: now }
      this.#entries.set(aor, known)
      this.#young.add(known)
    }
    this.#pack(now)
    return record
  }

  #delete(aor: Aor): void {
    const known = this.#entries.get(aor)
    if (!known) return
    this.#entries.delete(aor)
    this.#young.delete(known)
  }

  /**
   * Some hundred at a time, not to hold up what else waits; and not one, as to look for the first of a set from which the first ones
   * went takes its time.
   */
  #pack(now: number): void {
    const full = this.#young.size > YOUNG_MAX
    if (now < this.#packAt && !full) return
    let left = PACKED_AT_ONCE
    for (const known of this.#young) {
      if (left-- === 0) return
      const isYoung = known.readAt > now - FRESH_MS
      if (isYoung && !full) break
      this.#young.delete(known)
      known.record = packr.pack(known.record).toString('latin1')
    }
    this.#packAt = now + PACK_MS
  }

  /** Undefined when there is no copy, or none that may still be used. */
  async #lastKnown(aor: Aor): Promise<AddressRecord | undefined> {
    const heardAt = this.#quorums.get(rangeOf(aor))?.heardAt ?? Number.NEGATIVE_INFINITY
    if (this.#clock.now() - heardAt >= FALLBACK_MS) return undefined
    const known = this.#entries.get(aor)
    if (known && known.readAt !== Number.NEGATIVE_INFINITY) return open(known)
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

const open = ({ record }: Known): AddressRecord =>
  typeof record === 'string' ? (packr.unpack(Buffer.from(record, 'latin1')) as AddressRecord) : record

const isNoQuorum = (error: unknown): boolean => errorCode(error) === 'STORE_UNAVAILABLE'

/**
 * What a node takes on while it is slower than it should be. Judged by measured time: how late timers come, and how long a
 * datagram to itself takes, which is how old a request is when it is read. In the manner of CoDel (RFC 8289) the least of an interval
 * counts, so a burst is no overload; in the manner of RFC 7415 what is taken on is then cut and let grow again. Requests that
 * belong to something that runs are never shed.
 */
import { type Clock, type Random, randomHex } from '@thor-node/core'
import { guardLimits } from '../limits.ts'
import type { SipMessage } from '../message/contract.ts'
import { SourceBuckets } from './buckets.ts'
import { type PeekClass, peek, refusal } from './peek.ts'
import { sourceKey } from './source.ts'

export interface OverloadSettings {
  /** Requests that are older than this when they are read, all through an interval, are too old. */
  targetMs: number
  intervalMs: number
  /** Messages of one source per second, whatever the load; 0: any number. */
  perSource: number
}

export const defaultOverload: OverloadSettings = { targetMs: 100, intervalMs: 100, perSource: 20_000 }

/** Which share of what is taken on each class may fill: who has got further goes ahead. */
const SHARES: Record<Exclude<PeekClass, 'kept'>, number> = { proven: 1, first: 0.7, probe: 0.3 }
/** What is taken on grows by these shares per interval while time allows, and is cut by these where it does not. */
const GROW = 1.03
const GROW_FAST = 1.25
const CUT = 0.92
const CUT_HARD = 0.8
/**
 * Never cut below this share of what was done in time lately: a process that stood still because others had its core is not slow
 * for good. What was done is forgotten by so much per interval.
 */
const FLOOR = 0.25
const FORGET = 0.99
/** Intervals in time, with less asked than allowed, after which nothing is shed any more. */
const CALM_INTERVALS = 10
/** Turns in a row that must be late before anything is shed: one is a pause of the process, and shedding mends no pause. */
const LATE_TURNS = 3
/** Refusals per request taken on: more would cost what they save. The rest is dropped. */
const REFUSALS = 4
/** What was taken on is known for this long, twice: its retransmissions pass. */
const KNOWN_MS = 8_000
const RETRY_AFTER_SECONDS = 4

export class Overload {
  readonly #clock: Clock
  readonly #isTrusted: (host: string) => boolean
  readonly #isUrgent: (bytes: Buffer) => boolean
  /** Urgent ones that passed in this interval. */
  #urgent = 0
  readonly #settings: OverloadSettings
  readonly #buckets: SourceBuckets
  readonly #tag: string
  readonly #random: Random
  /** New requests per second; Infinity: all. */
  #limit = Number.POSITIVE_INFINITY
  /** Of these, how many may come now: never more than are done within the target. */
  #tokens = 0
  #refilledAt: number
  #turnedAt: number
  #least = Number.POSITIVE_INFINITY
  #taken = 0
  #asked = 0
  #refused = 0
  /** New requests per second that were done in time lately. */
  #able = 0
  #calm = 0
  #late = 0
  #bySource = new Map<string, number>()
  #sources = 1
  /** Of branches, not themselves: as pieces of messages they would keep these. Two that look alike do no harm. */
  #known: [Set<number>, Set<number>] = [new Set(), new Set()]
  #knownSince: number
  readonly #counts = { refused: 0, dropped: 0, overRate: 0 }

  constructor(
    components: {
      clock: Clock
      random: Random
      isTrusted?: (host: string) => boolean
      isUrgent?: (bytes: Buffer) => boolean
    },
    init: { settings?: Partial<OverloadSettings> } = {},
  ) {
    this.#clock = components.clock
    this.#random = components.random
    this.#isTrusted = components.isTrusted ?? (() => false)
    this.#isUrgent = components.isUrgent ?? (() => false)
    this.#settings = { ...defaultOverload, ...init.settings }
    const { perSource: perSecond } = this.#settings
    this.#buckets = new SourceBuckets({ perSecond, burstSeconds: 2, max: guardLimits.namesMax })
    this.#tag = randomHex(components.random, 6)
    this.#knownSince = components.clock.now()
    this.#refilledAt = this.#knownSince
    this.#turnedAt = this.#knownSince
  }

  get intervalMs(): number {
    return this.#settings.intervalMs
  }

  /** Wall time since when new requests are shed, ms; undefined when none are. */
  sheddingSince: number | undefined

  /** New requests are being shed. */
  get shedding(): boolean {
    return this.#limit !== Number.POSITIVE_INFINITY
  }

  /** How old something was when its turn came, ms. */
  measured(ageMs: number): void {
    this.#least = Math.min(this.#least, ageMs)
  }

  /** At the end of each interval. */
  turn(): void {
    const { targetMs } = this.#settings
    const now = this.#clock.now()
    // A node that is late turns late: what was taken on counts for the time that it really took.
    const seconds = Math.max(1, now - this.#turnedAt) / 1_000
    this.#turnedAt = now
    const least = this.#least === Number.POSITIVE_INFINITY ? 0 : this.#least
    this.#late = least > targetMs ? this.#late + 1 : 0
    this.#able = Math.max(this.#able * FORGET, this.#late === 0 ? this.#taken / seconds : 0)
    if (this.#late >= (this.shedding ? 1 : LATE_TURNS)) {
      const cut = least > 4 * targetMs ? CUT_HARD : CUT
      const next = this.shedding ? this.#limit * cut : (this.#taken / seconds) * CUT
      this.#limit = Math.max(guardLimits.takenMin, this.#able * FLOOR, next)
      this.#calm = 0
      if (this.sheddingSince === undefined) {
        this.sheddingSince = this.#clock.wall()
        this.#tokens = 0
        this.#refilledAt = now
      }
    } else if (this.shedding && this.#late === 0) {
      this.#limit = this.#limit * (least < targetMs / 2 ? GROW_FAST : GROW) + 1
      this.#calm = this.#asked / seconds < this.#limit ? this.#calm + 1 : 0
      if (this.#calm >= CALM_INTERVALS) {
        this.#limit = Number.POSITIVE_INFINITY
        this.sheddingSince = undefined
      }
    }
    this.#sources = Math.max(1, this.#bySource.size)
    this.#bySource.clear()
    this.#least = Number.POSITIVE_INFINITY
    this.#taken = 0
    this.#asked = 0
    this.#urgent = 0
    this.#refused = 0
  }

  /**
   * Ahead of parsing: pass it on, drop it, or send this back. While nothing is shed the bytes are not looked at, and what passed is
   * to be told by `passed`.
   */
  judge(bytes: Buffer, host: string): 'pass' | 'drop' | Buffer {
    const now = this.#clock.now()
    const trusted = this.#isTrusted(host)
    if (!trusted && !this.#buckets.takes(host, now)) {
      this.#counts.overRate++
      return 'drop'
    }
    if (!this.shedding) return 'pass'
    const { class: kind, branch } = peek(bytes)
    if (kind === 'kept' || this.#isKnown(hashOf(branch), now)) return 'pass'
    this.#asked++
    if (this.#urgent < guardLimits.urgentMax && this.#isUrgent(bytes)) {
      this.#urgent++
      this.#take(hashOf(branch))
      return 'pass'
    }
    if (!this.#mayPass(kind, host, trusted, now)) return this.#shed(bytes)
    this.#take(hashOf(branch))
    return 'pass'
  }

  /** A message that passed while nothing was shed, once it is parsed. */
  passed(message: SipMessage): void {
    if (this.shedding || !isNew(message)) return
    const hash = hashOf(message.vias[0]?.params.get('branch') ?? '')
    if (this.#isKnown(hash, this.#clock.now())) return
    this.#asked++
    this.#take(hash)
  }

  snapshot(): Record<string, unknown> {
    const limit = this.shedding ? Math.round(this.#limit) : null
    return { ...this.#counts, newPerSecondMax: limit, sources: this.#buckets.size }
  }

  #mayPass(kind: Exclude<PeekClass, 'kept'>, host: string, trusted: boolean, now: number): boolean {
    const { targetMs, intervalMs } = this.#settings
    const most = Math.max(guardLimits.burstMin, (this.#limit * targetMs) / 1_000)
    this.#tokens = Math.min(most, this.#tokens + (this.#limit * (now - this.#refilledAt)) / 1_000)
    this.#refilledAt = now
    // The less there is left, the fewer kinds get some of it.
    if (this.#tokens < Math.max(1, most * (1 - SHARES[kind]))) return false
    if (!trusted && !this.#hasPart(host, (this.#limit * intervalMs) / 1_000)) return false
    this.#tokens--
    return true
  }

  /** No source has more than twice its part of an interval, so that a flood from one leaves room for the others. */
  #hasPart(host: string, perInterval: number): boolean {
    const key = sourceKey(host)
    const taken = this.#bySource.get(key) ?? 0
    if (taken >= Math.max(1, (2 * perInterval) / this.#sources)) return false
    if (taken > 0 || this.#bySource.size < guardLimits.namesMax) this.#bySource.set(key, taken + 1)
    return true
  }

  #shed(bytes: Buffer): 'drop' | Buffer {
    if (this.#refused < (this.#limit * this.#settings.intervalMs * REFUSALS) / 1_000) {
      const spread = Math.floor(this.#random.float() * RETRY_AFTER_SECONDS)
      const answer = refusal(bytes, this.#tag, RETRY_AFTER_SECONDS + spread)
      if (answer) {
        this.#refused++
        this.#counts.refused++
        return answer
      }
    }
    this.#counts.dropped++
    return 'drop'
  }

  #take(hash: number): void {
    this.#taken++
    if (hash !== 0 && this.#known[0].size < guardLimits.knownMax) this.#known[0].add(hash)
  }

  #isKnown(hash: number, now: number): boolean {
    if (now - this.#knownSince >= KNOWN_MS) {
      this.#knownSince = now
      this.#known = [new Set(), this.#known[0]]
    }
    return hash !== 0 && (this.#known[0].has(hash) || this.#known[1].has(hash))
  }
}

const KEPT_METHODS = new Set(['ACK', 'BYE', 'CANCEL', 'PRACK', 'UPDATE'])

/** Not part of something that runs: what `peek` tells from the bytes. */
function isNew(message: SipMessage): boolean {
  if (message.kind === 'response' || KEPT_METHODS.has(message.method)) return false
  return !message.to.params.has('tag')
}

/** FNV-1a in 30 bits; 0 for nothing. */
function hashOf(text: string): number {
  if (text === '') return 0
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 2) | 1
}

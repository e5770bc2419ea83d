/**
 * Who has failed too often is refused for a while, on every node: what one node counts it tells the others (`news`), and what
 * they tell it takes (`take`). Names are sources (`sourceKey`) and accounts. Nothing here reads a socket.
 */
import type { Clock, Logger } from '@thor-node/core'
import { guardLimits } from '../limits.ts'
import { type Block, type BlockCause, Blocks } from './blocks.ts'
import { sourceKey } from './source.ts'
import { Strikes } from './strikes.ts'

/** What speaks against a source, in points. */
export const POINTS = {
  /** A wrong password, or a right one for nobody. */
  failure: 1,
  /** A first request as an account that does not exist. */
  'unknown-account': 1,
  /** A stranger called who is not there. */
  'unknown-callee': 1,
} as const

export interface GuardSettings {
  /** Points within `windowMs` at which a source or an account is blocked. */
  failures: number
  windowMs: number
  /** First block; each further one of the same name within a day is twice as long, a day at most. */
  blockMs: number
  /** Parts of User-Agent values, in any case, whose senders are blocked at once. */
  scanners: readonly string[]
}

export const defaultGuard: GuardSettings = {
  failures: 20,
  windowMs: 60_000,
  blockMs: 10 * 60_000,
  scanners: ['friendly-scanner', 'friendly-request', 'sipvicious', 'sipcli', 'sip-scan', 'sundayddr', 'iwar', 'pplsip'],
}

/** Between nodes. Durations instead of times: monotonic clocks are each node's own. */
export interface GuardNews {
  strikes: [name: string, points: number][]
  blocks: { name: string; cause: BlockCause; at: number; leftMs: number; level: number; silent: boolean }[]
  lifted: [name: string, at: number][]
}

export type SourceVerdict = 'pass' | 'silent' | { retryAfterSeconds: number }

/** A source that is refused and asks this often again is not answered any more. */
const PATIENCE = 10

export class Guard {
  /** A block began here or elsewhere; ended by an operator. */
  onBlock: ((block: Block, by: 'here' | 'elsewhere') => void) | undefined
  readonly #clock: Clock
  readonly #log: Logger
  readonly #settings: GuardSettings
  readonly #strikes: Strikes
  readonly #blocks: Blocks
  readonly #isTrusted: (host: string) => boolean
  /** Blocks that were made here: told again and again, since news may be lost. */
  readonly #own = new Set<string>()
  #struck = new Map<string, number>()
  #made: string[] = []
  #lifted: [string, number][] = []
  #untold = 0

  constructor(
    components: { clock: Clock; logger: Logger; isTrusted?: (host: string) => boolean },
    init: { settings?: Partial<GuardSettings>; sourcesMax?: number; blocksMax?: number } = {},
  ) {
    this.#clock = components.clock
    this.#log = components.logger.forComponent('sip:guard')
    this.#isTrusted = components.isTrusted ?? (() => false)
    this.#settings = { ...defaultGuard, ...init.settings }
    const { failures: limit, windowMs } = this.#settings
    this.#strikes = new Strikes({ limit, windowMs, max: init.sourcesMax ?? guardLimits.namesMax })
    this.#blocks = new Blocks({ max: init.blocksMax ?? guardLimits.blocksMax })
  }

  /** Ahead of parsing: false for those whom nothing is answered. */
  hears(host: string): boolean {
    if (this.#blocks.size === 0) return true
    const block = this.#blocks.of(sourceKey(host), this.#clock.now())
    if (!block?.silent || this.#isTrusted(host)) return true
    block.refused++
    return false
  }

  /** For a request that begins something. */
  judge(host: string, userAgent: string | undefined): SourceVerdict {
    if (this.#isTrusted(host)) return 'pass'
    const name = sourceKey(host)
    const block = this.#blocks.of(name, this.#clock.now())
    if (block) {
      block.refused++
      if (block.refused >= PATIENCE && !block.silent) this.#silence(block)
      return block.silent ? 'silent' : { retryAfterSeconds: this.#secondsLeft(block) }
    }
    if (userAgent === undefined || !this.#isScanner(userAgent)) return 'pass'
    this.#block(name, 'scanner')
    return 'silent'
  }

  /** Seconds until this account may be tried again; undefined when it may now. The same for one that does not exist. */
  accountRetryAfter(aor: string): number | undefined {
    const block = this.#blocks.of(accountKey(aor), this.#clock.now())
    return block && this.#secondsLeft(block)
  }

  /** A log-in failed. Counted against the source, and against the account, from wherever it is tried. */
  failed(host: string, aor: string): void {
    this.#strike(accountKey(aor), POINTS.failure)
    this.saw(host, 'failure')
  }

  saw(host: string, what: keyof typeof POINTS): void {
    if (!this.#isTrusted(host)) this.#strike(sourceKey(host), POINTS[what])
  }

  list(): (Block & { secondsLeft: number })[] {
    return this.#blocks.list(this.#clock.now()).map((block) => ({ ...block, secondsLeft: this.#secondsLeft(block) }))
  }

  /** An operator's word. False when nobody of that name was blocked here. */
  lift(name: string): boolean {
    const key = name.includes('@') ? accountKey(name) : sourceKey(name)
    if (!this.#blocks.of(key, this.#clock.now())) return false
    this.#lifted.push([key, this.#blocks.lift(key, this.#clock.wall())])
    if (this.#lifted.length > guardLimits.newsMax) this.#lifted.shift()
    this.#strikes.forget(key)
    this.#own.delete(key)
    this.#log.info('block lifted', { name: key })
    return true
  }

  block(name: string): void {
    this.#block(name.includes('@') ? accountKey(name) : sourceKey(name), 'operator')
  }

  /** What happened here since the last time, for all others; with `again`, all blocks made here as well. */
  news(again = false): GuardNews | undefined {
    const now = this.#clock.now()
    const strikes = [...this.#struck]
    const names = new Set(again ? [...this.#made, ...this.#own] : this.#made)
    const blocks = [...names].flatMap((name) => {
      const block = this.#blocks.of(name, now)
      if (!block) this.#own.delete(name)
      return block ? [wireOf(block, now)] : []
    })
    const lifted = this.#lifted
    this.#struck = new Map()
    this.#made = []
    this.#lifted = []
    return strikes.length + blocks.length + lifted.length > 0 ? { strikes, blocks, lifted } : undefined
  }

  take(news: GuardNews): void {
    const now = this.#clock.now()
    for (const [name, at] of news.lifted.slice(0, guardLimits.newsMax)) {
      this.#blocks.lift(name, at)
      this.#strikes.forget(name)
      this.#own.delete(name)
    }
    for (const { leftMs, ...block } of news.blocks.slice(0, guardLimits.blocksMax)) {
      const taken = { ...block, until: now + Math.min(leftMs, 86_400_000), refused: 0 }
      if (this.#blocks.put(taken, now)) this.#tell(taken, 'elsewhere')
    }
    for (const [name, points] of news.strikes.slice(0, guardLimits.newsMax)) {
      if (this.#strikes.add(name, points, now)) this.#block(name, 'failed-logins')
    }
  }

  snapshot(): Record<string, unknown> {
    return { names: this.#strikes.size, blocks: this.#blocks.list(this.#clock.now()).length, untold: this.#untold }
  }

  #strike(name: string, points: number): void {
    const told = this.#struck.get(name)
    if (told !== undefined || this.#struck.size < guardLimits.newsMax) this.#struck.set(name, (told ?? 0) + points)
    else this.#untold++
    if (this.#strikes.add(name, points, this.#clock.now())) this.#block(name, 'failed-logins')
  }

  #block(name: string, cause: BlockCause): void {
    const now = this.#clock.now()
    if (this.#blocks.of(name, now)) return
    const { level, durationMs } = this.#blocks.next(name, this.#settings.blockMs, now)
    const silent = cause === 'scanner'
    const block = { name, cause, at: this.#clock.wall(), until: now + durationMs, level, silent, refused: 0 }
    if (!this.#blocks.put(block, now)) return
    this.#strikes.forget(name)
    this.#own.add(name)
    this.#made.push(name)
    this.#tell(block, 'here')
  }

  #silence(block: Block): void {
    block.silent = true
    this.#made.push(block.name)
  }

  #tell(block: Block, by: 'here' | 'elsewhere'): void {
    const { name, cause } = block
    if (by === 'here') this.#log.warn('blocked', { name, cause, seconds: this.#secondsLeft(block) })
    this.onBlock?.(block, by)
  }

  #isScanner(userAgent: string): boolean {
    const text = userAgent.toLowerCase()
    return this.#settings.scanners.some((part) => text.includes(part.toLowerCase()))
  }

  #secondsLeft(block: Block): number {
    return Math.max(1, Math.ceil((block.until - this.#clock.now()) / 1_000))
  }
}

/** Hosts in any case. */
const accountKey = (aor: string): string => aor.toLowerCase()

const wireOf = ({ name, cause, at, until, level, silent }: Block, now: number): GuardNews['blocks'][number] => ({
  name,
  cause,
  at,
  leftMs: Math.round(until - now),
  level,
  silent,
})

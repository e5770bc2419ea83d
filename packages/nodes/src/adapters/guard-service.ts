import { type Clock, errorMessage, every, type Lifecycle, type Logger, ThorError, type Timer } from '@thor-node/core'
import type { Alarm } from '@thor-node/overlay'
import type { BlockCause, Guard, GuardNews, Overload } from '@thor-node/sip'
import type { BlockView } from '../control/guard-contract.ts'
import { type RingAccess, tellOthers } from './ring-access.ts'

/** What happened is told to all live nodes this often, so that a limit counts for the whole ring well within a second. */
const TELL_MS = 100
/** Blocks that were made here are told again: news may be lost, and nodes join. */
const AGAIN_MS = 5_000
/** Sources that an alarm names. */
const NAMED_MAX = 3

const CAUSES: ReadonlySet<string> = new Set<BlockCause>(['failed-logins', 'scanner', 'operator'])

/** The guard of this node, in step with those of the others. */
export class GuardService implements Lifecycle {
  readonly #ring: Pick<RingAccess, 'members' | 'rpc' | 'self'>
  readonly #guard: Guard
  readonly #overload: Pick<Overload, 'sheddingSince'> | undefined
  readonly #clock: Clock
  readonly #log: Logger
  #timer: Timer | undefined
  #toldAgainAt = Number.NEGATIVE_INFINITY
  #attackedSince: number | undefined

  constructor(components: {
    ring: Pick<RingAccess, 'members' | 'rpc' | 'self'>
    guard: Guard
    overload?: Pick<Overload, 'sheddingSince'>
    clock: Clock
    logger: Logger
  }) {
    this.#ring = components.ring
    this.#guard = components.guard
    this.#overload = components.overload
    this.#clock = components.clock
    this.#log = components.logger.forComponent('node:guard')
    this.#ring.rpc.serve<unknown, void>('guard.news', (news) => {
      const read = readNews(news)
      if (read) this.#guard.take(read)
    })
  }

  async start(): Promise<void> {
    this.#timer ??= every(
      this.#clock,
      TELL_MS,
      () => this.tell(),
      (error) => this.#log.warn('blocks not told', { error: errorMessage(error) }),
    )
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  tell(): void {
    const now = this.#clock.now()
    const again = now - this.#toldAgainAt >= AGAIN_MS
    if (again) this.#toldAgainAt = now
    const news = this.#guard.news(again)
    if (!news) return
    tellOthers(this.#ring, 'guard.news', news)
  }

  get shedding(): boolean {
    return this.#overload?.sheddingSince !== undefined
  }

  list(): BlockView[] {
    return this.#guard.list().map(({ name, cause, at, secondsLeft, silent, refused }) => ({
      name,
      cause,
      since: at,
      secondsLeft,
      silent,
      refused,
    }))
  }

  /** Rejects when nobody of that name is blocked. */
  unblock(name: string): void {
    if (!this.#guard.lift(name))
      throw new ThorError('NODE_NOT_BLOCKED', `${name} is not blocked; see: thor-node guard list`)
    this.tell()
  }

  block(name: string): void {
    this.#guard.block(name)
    this.tell()
  }

  alarms(): Alarm[] {
    const since = this.#overload?.sheddingSince
    const text = 'more is asked of it than it can do: some new requests get 503; look at who sends them, or add a node'
    return [...this.#attacks(), ...(since === undefined ? [] : [{ kind: 'overload', text, since }])]
  }

  /** One alarm as long as anybody is blocked for what he did. */
  #attacks(): Alarm[] {
    const blocks = this.#guard.list().filter(({ cause }) => cause !== 'operator')
    if (blocks.length === 0) this.#attackedSince = undefined
    if (blocks.length === 0) return []
    this.#attackedSince ??= Math.min(...blocks.map(({ at }) => at))
    const named = blocks.slice(0, NAMED_MAX).map(({ name }) => name)
    const more = blocks.length > NAMED_MAX ? ` and ${blocks.length - NAMED_MAX} more` : ''
    const text = `blocked for failed log-ins or scanning: ${named.join(', ')}${more}; see thor-node guard list`
    return [{ kind: 'attack', text, since: this.#attackedSince }]
  }
}

/** Of another version, or broken: nothing is taken. */
function readNews(value: unknown): GuardNews | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { strikes, blocks, lifted } = value as Partial<GuardNews>
  if (!Array.isArray(strikes) || !Array.isArray(blocks) || !Array.isArray(lifted)) return undefined
  const isPair = (one: unknown): boolean => Array.isArray(one) && typeof one[0] === 'string' && Number.isFinite(one[1])
  const isBlock = ({ name, cause, at, leftMs, level }: GuardNews['blocks'][number]): boolean =>
    typeof name === 'string' && CAUSES.has(cause) && [at, leftMs, level].every(Number.isFinite)
  return { strikes: strikes.filter(isPair), blocks: blocks.filter(isBlock), lifted: lifted.filter(isPair) }
}

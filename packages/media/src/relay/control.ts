import {
  type Clock,
  errorMessage,
  every,
  type Logger,
  type Metrics,
  type Net,
  type Random,
  silentLogger,
  ThorError,
  type Timer,
} from '@thor-node/core'
import { ABANDONED_MS, NO_TRAFFIC_MS, SESSIONS_MAX, SILENCE_CHECK_MS, SILENCE_MS, UNANSWERED_MS } from '../limits.ts'
import { parseSdp } from '../sdp/parse.ts'
import { type IcePolicy, isRelayed } from '../sdp/rewrite.ts'
import type { MediaRelay, SessionStats } from './contract.ts'
import { PortPool, type PortRange } from './port-pool.ts'
import { RelaySession, type SessionInit } from './session.ts'
import { judgeSilence, type SilenceLimits } from './silence.ts'

export interface RelayComponents {
  clock: Clock
  random: Random
  net: Net
  logger?: Logger
  metrics?: Metrics
}

export interface RelayInit {
  /** Address that the ports are bound on. */
  host: string
  /** Address that phones are told, where it is another one (NAT, a floating address). @default host */
  advertisedHost?: string
  /** A second address, of the other family: for parties that are reached over it. */
  otherHost?: string
  /** @default 40000–59999: 5,000 streams */
  ports?: PortRange
  /** @default 5000 */
  sessionsMax?: number
  /** Silence of both sides before `onSilence`. @default 60_000 */
  silenceMs?: number
  /** The same when no packet ever came since both sides are known. @default half as much again: 90_000 */
  noTrafficMs?: number
  /** @default 'relay-only' */
  ice?: IcePolicy
}

/** The relay in user space: every packet through this process (docs/LIMITS.md has the figure). */
export class UserSpaceRelay implements MediaRelay {
  readonly #components: RelayComponents
  readonly #init: Required<Omit<RelayInit, 'host' | 'advertisedHost' | 'otherHost'>>
  readonly #hosts: SessionInit['hosts']
  readonly #limits: SilenceLimits
  readonly #logger: Logger
  readonly #pool: PortPool
  readonly #sessions = new Map<string, RelaySession>()
  readonly #closing = new Set<Promise<void>>()
  #state: 'new' | 'running' | 'draining' | 'stopped' = 'new'
  #timer: Timer | undefined
  onSilence: ((callUuid: string, silentMs: number) => void) | undefined

  constructor(components: RelayComponents, init: RelayInit) {
    this.#components = components
    const { host, advertisedHost = host, otherHost } = init
    const other = otherHost === undefined ? [] : [{ bind: otherHost, advertised: otherHost }]
    this.#hosts = [{ bind: host, advertised: advertisedHost }, ...other]
    this.#init = {
      ports: init.ports ?? { from: 40_000, to: 59_999 },
      sessionsMax: init.sessionsMax ?? SESSIONS_MAX,
      silenceMs: init.silenceMs ?? SILENCE_MS,
      noTrafficMs: init.noTrafficMs ?? (init.silenceMs ?? SILENCE_MS) * (NO_TRAFFIC_MS / SILENCE_MS),
      ice: init.ice ?? 'relay-only',
    }
    this.#limits = {
      silenceMs: this.#init.silenceMs,
      noTrafficMs: this.#init.noTrafficMs,
      unansweredMs: UNANSWERED_MS,
      abandonedMs: ABANDONED_MS,
    }
    this.#logger = (components.logger ?? silentLogger).forComponent('media:relay')
    this.#pool = new PortPool(components, this.#init.ports)
    components.metrics?.gauge('thor_media_sessions', 'Calls in this relay', () => this.#sessions.size)
    components.metrics?.gauge('thor_media_port_pairs_free', 'Pairs of media ports left', () => this.#pool.free)
  }

  /** Pairs of ports that are free: four ports, two pairs, make a stream. */
  get freePairs(): number {
    return this.#pool.free
  }

  async start(): Promise<void> {
    if (this.#state === 'running' || this.#state === 'draining') return
    this.#state = 'running'
    const failed = (error: unknown): void =>
      this.#logger.error('looking for silence failed', { error: errorMessage(error) })
    this.#timer = every(this.#components.clock, SILENCE_CHECK_MS, () => this.#lookForSilence(), failed)
  }

  /** Sessions that run go on; new ones are refused with `MEDIA_DRAINING`. */
  async drain(): Promise<void> {
    if (this.#state === 'running') this.#state = 'draining'
  }

  async stop(): Promise<void> {
    this.#state = 'stopped'
    this.#timer?.cancel()
    this.#timer = undefined
    for (const callUuid of [...this.#sessions.keys()]) this.release(callUuid)
    await Promise.all(this.#closing)
  }

  async rewrite(query: Parameters<MediaRelay['rewrite']>[0]): Promise<string> {
    const sdp = parseSdp(query.sdp)
    const { callUuid } = query
    const known = this.#sessions.get(callUuid)
    if (!known && !sdp.streams.some((stream) => isRelayed(stream) && stream.port !== 0)) return query.sdp
    const session = known ?? this.#open(query)
    try {
      return await session.rewrite(query, sdp)
    } catch (error) {
      if (!known && this.#sessions.get(callUuid) === session && !session.usable) this.release(callUuid)
      throw error
    }
  }

  release(callUuid: string): SessionStats | undefined {
    const session = this.#sessions.get(callUuid)
    if (!session) return undefined
    this.#sessions.delete(callUuid)
    const closing = session
      .close()
      .catch((error) => this.#logger.warn('media ports did not close', { call: callUuid, error: errorMessage(error) }))
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
    return session.stats()
  }

  stats(callUuid: string): SessionStats | undefined {
    return this.#sessions.get(callUuid)?.stats()
  }

  sessions(): SessionStats[] {
    return [...this.#sessions.values()].map((session) => session.stats())
  }

  #open({ callUuid, kind }: Parameters<MediaRelay['rewrite']>[0]): RelaySession {
    if (this.#state !== 'running') throw new ThorError('MEDIA_DRAINING', 'this media relay takes no new calls')
    if (kind === 'answer') {
      throw new ThorError(
        'MEDIA_SESSION_UNKNOWN',
        `call ${callUuid} is answered here, but was never offered to this relay`,
      )
    }
    const { sessionsMax, ice } = this.#init
    if (this.#sessions.size >= sessionsMax) {
      throw new ThorError('MEDIA_TOO_MANY_SESSIONS', `this media relay has its ${sessionsMax} calls already`)
    }
    const components = { ...this.#components, pool: this.#pool }
    const session = new RelaySession(components, { callUuid, hosts: this.#hosts, ice })
    this.#sessions.set(callUuid, session)
    return session
  }

  #lookForSilence(): void {
    const now = this.#components.clock.now()
    for (const [callUuid, session] of this.#sessions) {
      const judged = judgeSilence(session.silence(), now, this.#limits)
      if (judged.verdict === 'abandoned') {
        this.#logger.warn('a call was given up by whoever carried it; its media ports are freed', { call: callUuid })
        this.release(callUuid)
      } else if (judged.verdict === 'silent') {
        session.reportedAt = now
        this.#tell(callUuid, judged.silentMs)
      }
    }
  }

  #tell(callUuid: string, silentMs: number): void {
    try {
      this.onSilence?.(callUuid, silentMs)
    } catch (error) {
      this.#logger.error('the listener for silence failed', { call: callUuid, error: errorMessage(error) })
    }
  }
}

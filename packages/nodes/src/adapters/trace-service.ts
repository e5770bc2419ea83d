import {
  type Aor,
  type Clock,
  type Lifecycle,
  type Logger,
  type Random,
  randomHex,
  rangeOf,
  recordKey,
  type Timer,
} from '@thor-node/core'
import type { RunningTrace, SipTraces, TracedSip } from '@thor-node/provision'
import { type DialPlan, type TracedMessage, TraceRecorder, type Transports } from '@thor-node/sip'
import { RecordsCopy } from './records-copy.ts'
import { othersOf, type RingAccess, tellOthers } from './ring-access.ts'

/** `trace/<aor>` */
interface TraceRecord extends RunningTrace {
  names: readonly Aor[]
}

interface Asked {
  account?: Aor
  after?: number
  callId?: string
}

interface Answer {
  messages: TracedMessage[]
  dropped: number
}

const ANSWER_MS = 1_000

/**
 * SIP traces of accounts: records of the ring say who is traced, every node keeps in memory what passes it, and whoever asks
 * gets it of all. While nobody is traced the transports are not even listened to.
 */
export class TraceService implements SipTraces, Lifecycle {
  readonly #ring: RingAccess
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Logger
  readonly #recorder: TraceRecorder
  readonly #transport: Pick<Transports, 'tap'>
  readonly #copy: RecordsCopy<TraceRecord>
  #records: readonly TraceRecord[] = []
  /** When the next trace ends. */
  #ends: Timer | undefined

  constructor(components: {
    ring: RingAccess
    clock: Clock
    random: Random
    logger: Logger
    transport: Pick<Transports, 'tap'>
    planOf(domain: string | undefined): DialPlan
  }) {
    const { ring, clock, planOf } = components
    this.#ring = ring
    this.#clock = clock
    this.#random = components.random
    this.#log = components.logger.forComponent('node:trace')
    this.#transport = components.transport
    const onCall = (account: Aor, callId: string): void => {
      tellOthers(ring, 'trace.call', { account, callId })
    }
    this.#recorder = new TraceRecorder({ clock, planOf, onCall })
    ring.rpc.serve<{ account: Aor; callId: string }, void>('trace.call', ({ account, callId }) => {
      if (typeof account === 'string' && typeof callId === 'string') this.#recorder.learn(account, callId)
    })
    this.#copy = new RecordsCopy<TraceRecord>(
      { ring, clock, log: this.#log },
      { prefix: 'trace/', onList: (records) => this.#use(records) },
    )
    ring.rpc.serve<null, void>('trace.look', () => this.#copy.refresh())
    ring.rpc.serve<Asked, Answer>('trace.read', (asked) => this.#own(asked))
  }

  start(): Promise<void> {
    return this.#copy.start()
  }

  async stop(): Promise<void> {
    await this.#copy.stop()
    this.#ends?.cancel()
    this.#use([])
  }

  async begin(trace: TraceRecord): Promise<void> {
    await this.#change(trace.account, trace)
    this.#log.info('an account is traced', { account: trace.account, until: trace.until })
    // Whoever does not answer hears of the change a moment later.
    await this.#ask('trace.look', null)
  }

  async end(account: Aor): Promise<boolean> {
    const ended = await this.#change(account, undefined)
    if (ended) this.#log.info('an account is traced no more', { account })
    await this.#ask('trace.look', null)
    return ended
  }

  async list(): Promise<RunningTrace[]> {
    await this.#copy.refresh()
    return this.#records.map(({ account, startedAt, until }) => ({ account, startedAt, until }))
  }

  async read(account: Aor, after: Readonly<Record<string, number>>): ReturnType<SipTraces['read']> {
    const { found, silent } = await this.#collect((name) => ({ account, after: after[name] ?? 0 }))
    const dropped = found.reduce((sum, one) => sum + one.dropped, 0)
    return { messages: inOrder(found), dropped, silent, now: this.#clock.wall() }
  }

  async ofCall({ callId, nodeIp }: { callId: string; nodeIp?: string | undefined }): Promise<TracedSip[]> {
    const { found } = await this.#collect(() => ({ callId }), nodeIp === '' ? undefined : nodeIp)
    return inOrder(found)
  }

  #use(records: readonly TraceRecord[]): void {
    const now = this.#clock.wall()
    this.#records = records.filter(({ until }) => until > now)
    this.#recorder.watch(this.#records)
    this.#transport.tap = this.#recorder.active ? this.#recorder : undefined
    for (const { account, until } of records) {
      // Those that are over are nobody's but their home's to take away.
      if (until <= now && this.#ring.ranges.isHome(rangeOf(account))) void this.#change(account, undefined, until)
    }
    this.#ends?.cancel()
    const next = Math.min(...this.#records.map(({ until }) => until))
    if (Number.isFinite(next)) this.#ends = this.#clock.after(next - now + 1, () => void this.#copy.look())
  }

  /** True when there was one before. `until`: only that one is taken away. */
  #change(account: Aor, body: TraceRecord | undefined, until?: number): Promise<boolean> {
    const key = recordKey('trace', account)
    const change = this.#ring.store.reg.change<TraceRecord, boolean>(key, randomHex(this.#random, 16), (current) =>
      until !== undefined && current?.body.until !== until
        ? { keep: true, result: false }
        : { body, result: current !== undefined },
    )
    return until === undefined ? change : change.catch(() => false)
  }

  #own({ account, after = 0, callId }: Asked): Answer {
    if (typeof account === 'string') return this.#recorder.read(account, after)
    return { messages: typeof callId === 'string' ? this.#recorder.ofCall(callId) : [], dropped: 0 }
  }

  async #collect(
    question: (name: string) => Asked,
    nodeIp?: string,
  ): Promise<{ found: (Answer & { name: string })[]; silent: string[] }> {
    const { members, rpc } = this.#ring
    const silent: string[] = []
    const live = members
      .list()
      .filter(({ nodeId, services }) => members.isLive(nodeId) && (nodeIp === undefined || services.host === nodeIp))
    const found = await Promise.all(
      live.map(async ({ nodeId, name }) => {
        try {
          const answer = await rpc.call<Answer>(nodeId, 'trace.read', question(name), { timeoutMs: ANSWER_MS })
          return [{ ...answer, name }]
        } catch {
          silent.push(name)
          return []
        }
      }),
    )
    return { found: found.flat(), silent }
  }

  async #ask(method: string, body: unknown): Promise<void> {
    const nodes = [...othersOf(this.#ring), this.#ring.self]
    const asked = nodes.map((nodeId) => this.#ring.rpc.call(nodeId, method, body, { timeoutMs: ANSWER_MS }))
    await Promise.all(asked.map((one) => one.catch(() => undefined)))
  }
}

const inOrder = (found: readonly (Answer & { name: string })[]): TracedSip[] =>
  found
    .flatMap(({ messages, name }) => messages.map((one) => ({ ...one, node: name })))
    .sort((a, b) => a.at - b.at || a.seq - b.seq)

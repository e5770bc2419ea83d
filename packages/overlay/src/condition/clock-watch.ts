import { type Clock, every, type Lifecycle, type Logger, type Random, shuffled, type Timer } from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { Alarms } from './alarms.ts'
import { type ClockState, clockState, ownOffset } from './clock-offset.ts'
import { conditionLimits } from './limits.ts'

export interface ClockWatchComponents {
  clock: Clock
  random: Random
  log: Logger
  rpc: Rpc
  members: Members
  alarms: Alarms
}

/** Compares this node's wall clock with those of its peers. Decides nothing about safety. */
export class ClockWatch implements Lifecycle {
  readonly #components: ClockWatchComponents
  readonly #onChange: () => void
  /** Each peer's time minus ours, and when that was found. */
  readonly #offsets = new Map<NodeId, { offsetMs: number; at: number }>()
  #state: ClockState = 'right'
  #offsetMs = 0
  #timer: Timer | undefined

  constructor(components: ClockWatchComponents, init: { onChange: () => void }) {
    this.#components = components
    this.#onChange = init.onChange
    components.rpc.serve<null, number>('clock.read', () => components.clock.wall())
  }

  async start(): Promise<void> {
    const { clock, log, random } = this.#components
    const { clockPeriodMs } = conditionLimits
    const onError = (error: unknown): void => log.error('the clocks could not be compared', { error })
    this.#timer ??= every(clock, clockPeriodMs, () => this.#compare(), onError, 1_000 * (0.5 + random.float()))
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Own time, put right by most of the others' while this clock is wrong. */
  get ringWall(): number {
    return this.#components.clock.wall() + (this.#state === 'wrong' ? this.#offsetMs : 0)
  }

  get state(): ClockState {
    return this.#state
  }

  snapshot(): { state: ClockState; offsetMs: number; peers: number } {
    return { state: this.#state, offsetMs: Math.round(this.#offsetMs), peers: this.#offsets.size }
  }

  async #compare(): Promise<void> {
    const { clock, members, random } = this.#components
    const live = members.list().flatMap(({ nodeId, state }) => (state === 'alive' ? [nodeId] : []))
    const others = live.filter((nodeId) => nodeId !== members.self.nodeId)
    const some = others.length > conditionLimits.clockPeersMax ? shuffled(random, others) : others
    await Promise.all(some.slice(0, conditionLimits.clockPeersMax).map((nodeId) => this.#ask(nodeId)))
    const from = clock.now() - conditionLimits.clockMemoryMs
    for (const [nodeId, { at }] of this.#offsets) if (at < from || !members.isLive(nodeId)) this.#offsets.delete(nodeId)
    this.#judge()
  }

  async #ask(nodeId: NodeId): Promise<void> {
    const { clock, rpc } = this.#components
    const before = clock.now()
    try {
      const theirs = await rpc.call<unknown>(nodeId, 'clock.read', null, { timeoutMs: conditionLimits.clockAnswerMs })
      const tookMs = clock.now() - before
      if (typeof theirs !== 'number' || !Number.isFinite(theirs) || tookMs > conditionLimits.clockAnswerMs) return
      this.#offsets.set(nodeId, { offsetMs: theirs + tookMs / 2 - clock.wall(), at: clock.now() })
    } catch {
      // The next round asks again.
    }
  }

  #judge(): void {
    const { alarms } = this.#components
    const offsets = [...this.#offsets.values()].map(({ offsetMs }) => offsetMs)
    this.#offsetMs = ownOffset(offsets)
    const before = this.#state
    this.#state = clockState(before, this.#offsetMs)
    alarms.set('clock-off', this.#text(offsets))
    const wrong = 'this node is home only when no other can be, and stamps by the clocks of the others'
    alarms.set('wrong-clock', this.#state === 'wrong' ? `${this.#text(offsets)}: ${wrong}` : undefined)
    if (before !== this.#state) this.#onChange()
  }

  /** With one peer nobody can say whose clock is wrong. */
  #text(offsets: readonly number[]): string | undefined {
    const [only] = offsets
    const offMs = offsets.length === 1 ? (only as number) : this.#offsetMs
    if (offsets.length === 1 && clockState('right', offMs) !== 'right') {
      return `the clocks of the two nodes differ by ${seconds(offMs)} s; run NTP on both`
    }
    if (this.#state === 'right') return undefined
    return `the clock of this node is ${seconds(offMs)} s ${offMs > 0 ? 'slow' : 'fast'}; run NTP`
  }
}

const seconds = (ms: number): string => (Math.abs(ms) / 1_000).toFixed(1)

import { type Clock, type Random, shuffled, type Timer } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { Member, MemberState } from './contract.ts'
import type { MembershipSettings } from './settings.ts'
import { nextHealth } from './suspicion.ts'

/** What is said of a member to itself, to helpers and to others: it refutes anything but `alive`. */
export interface Claim {
  nodeId: NodeId
  incarnation: number
  state: MemberState
}

export const claimOf = ({ nodeId, incarnation, state }: Member): Claim => ({ nodeId, incarnation, state })

export interface ProberComponents {
  rpc: Rpc
  clock: Clock
  random: Random
}

export interface ProberInit {
  settings: MembershipSettings
  /** Whom to probe by turns. */
  candidates(): NodeId[]
  /** Undefined for a node that is unknown. */
  claim(nodeId: NodeId): Claim | undefined
  /** Members that may be asked to probe this one. */
  helpers(nodeId: NodeId): NodeId[]
  /** `answer` is news of the member, by itself; not checked yet. */
  onAnswer(nodeId: NodeId, answer: unknown): void
  onSilence(nodeId: NodeId): void
  /** This node stood still that long. At most once per period. */
  onStall(forMs: number): void
}

/**
 * Probes one member per period, directly and then through others, and watches its own timers: what comes late shows that
 * this node stood still, and then it blames nobody (Lifeguard's local health).
 */
export class Prober {
  readonly #components: ProberComponents
  readonly #init: ProberInit
  readonly #probing = new Set<NodeId>()
  #round: NodeId[] = []
  #health = 1
  #quietUntil = 0
  #stalledAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  #running = false

  constructor(components: ProberComponents, init: ProberInit) {
    this.#components = components
    this.#init = init
  }

  /** 1 is well, see `nextHealth`. */
  get health(): number {
    return this.#health
  }

  /** True while silence of others is no evidence: right after the start, and after a stall. */
  get isQuiet(): boolean {
    return this.#components.clock.now() < this.#quietUntil
  }

  start(): void {
    this.#running = true
    this.#quietUntil = this.#components.clock.now() + this.#init.settings.startGraceMs
    this.#arm()
  }

  stop(): void {
    this.#running = false
    this.#timer?.cancel()
  }

  /** True when something due at `dueAt` comes so late that this node must have stood still. */
  noteStall(dueAt: number): boolean {
    const { settings, onStall } = this.#init
    const now = this.#components.clock.now()
    const lateMs = now - dueAt
    if (lateMs <= settings.stallMs) return false
    const isNew = now - this.#stalledAt > settings.probePeriodMs
    this.#stalledAt = now
    this.#quietUntil = Math.max(this.#quietUntil, now + settings.probePeriodMs)
    if (isNew) onStall(lateMs)
    return true
  }

  /** Directly, then through others. Never throws. */
  async probe(nodeId: NodeId): Promise<void> {
    const { settings, onAnswer, onSilence } = this.#init
    const claim = this.#init.claim(nodeId)
    if (!claim || this.#probing.has(nodeId) || !this.#running) return
    this.#probing.add(nodeId)
    const timeoutMs = settings.probeTimeoutMs
    let dueAt = this.#components.clock.now() + timeoutMs
    try {
      let answer: unknown
      try {
        answer = await this.#components.rpc.call(nodeId, 'swim.ping', claim, { timeoutMs })
      } catch {
        if (this.noteStall(dueAt)) return
        dueAt = this.#components.clock.now() + 2 * timeoutMs
        answer = await this.#throughOthers(claim)
      }
      onAnswer(nodeId, answer)
    } catch {
      if (!this.noteStall(dueAt)) onSilence(nodeId)
    } finally {
      this.#probing.delete(nodeId)
    }
  }

  #throughOthers(claim: Claim): Promise<unknown> {
    const { rpc, random } = this.#components
    const { settings, helpers } = this.#init
    const chosen = shuffled(random, helpers(claim.nodeId)).slice(0, settings.indirectProbes)
    const timeoutMs = 2 * settings.probeTimeoutMs
    return Promise.any(chosen.map((id) => rpc.call(id, 'swim.probe', claim, { timeoutMs })))
  }

  #arm(): void {
    const { clock } = this.#components
    const { probePeriodMs, stallMs, suspicion } = this.#init.settings
    const dueAt = clock.now() + probePeriodMs
    this.#timer = clock.after(probePeriodMs, () => {
      this.#health = nextHealth(this.#health, clock.now() - dueAt, stallMs, suspicion.healthMax)
      if (!this.noteStall(dueAt)) this.#probeNext()
      this.#arm()
    })
  }

  #probeNext(): void {
    const candidates = new Set(this.#init.candidates())
    this.#round = this.#round.filter((nodeId) => candidates.has(nodeId))
    if (this.#round.length === 0) this.#round = shuffled(this.#components.random, [...candidates])
    const nodeId = this.#round.pop()
    if (nodeId) void this.probe(nodeId)
  }
}

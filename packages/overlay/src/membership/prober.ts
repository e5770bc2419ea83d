import { type Clock, errorCode, type Random, shuffled, type Timer } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { Member, MemberState } from './contract.ts'
import type { MembershipSettings } from './settings.ts'

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
  /** Whom to probe twice per period until it answers or is given up. */
  inDoubt(): NodeId[]
  /** Undefined for a node that is unknown. */
  claim(nodeId: NodeId): Claim | undefined
  /** Members that may be asked to probe this one. */
  helpers(nodeId: NodeId): NodeId[]
  /** `answer` is news of the member, by itself; not checked yet. */
  onAnswer(nodeId: NodeId, answer: unknown): void
  onSilence(nodeId: NodeId): void
  /** For several probes it answered others only: the connection to it is dead without a sign. */
  onMute(nodeId: NodeId): void
  /** This node stood still that long. At most once per period. */
  onStall(forMs: number): void
  /** Health changed: verdicts that wait may be due at another time. */
  onHealth(): void
}

/** What a helper says that got no answer either: it is well itself, and so is the way to it. */
export const NACK = 'nack'
const STALLED = Symbol('this node stood still')

/**
 * Probes one member per period, directly and then through others, and twice per period all that are in doubt, both ways at
 * once. It watches itself too (Lifeguard's local health): a timer that comes late shows that this node stood still, and then
 * it blames nobody; helpers that say nothing at all, and members that had to refute, show that it hears badly.
 */
export class Prober {
  readonly #components: ProberComponents
  readonly #init: ProberInit
  readonly #probing = new Map<NodeId, number>()
  /** Direct probes in a row that timed out, and whether it answered others meanwhile. */
  readonly #misses = new Map<NodeId, { count: number; since: number; heard: boolean }>()
  #round: NodeId[] = []
  #health = 1
  #quietUntil = 0
  #stalledAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined
  #running = false
  /** False halfway between two periods, when only those in doubt are probed. */
  #isWhole = true

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

  /** Somebody suspected this node, and it had to refute. */
  noteRefuted(): void {
    this.#setHealth(this.#health + 1)
  }

  /** Directly and through others: one after the other, or, `atOnce`, together. Never throws. */
  async probe(nodeId: NodeId, atOnce = true): Promise<void> {
    const { onAnswer, onSilence } = this.#init
    const claim = this.#init.claim(nodeId)
    const running = this.#probing.get(nodeId) ?? 0
    if (!claim || running >= (atOnce ? 3 : 1) || !this.#running) return
    this.#probing.set(nodeId, running + 1)
    let dueAt = 0
    try {
      const direct = () => {
        dueAt = this.#components.clock.now() + this.#timeoutMs
        return this.#askItself(nodeId, claim, dueAt)
      }
      const indirect = () => {
        dueAt = this.#components.clock.now() + 2 * this.#timeoutMs
        return this.#throughOthers(claim)
      }
      let answer: unknown
      if (atOnce) answer = await Promise.any([direct(), indirect()])
      else {
        answer = await direct().catch(() => {
          return this.noteStall(dueAt) ? STALLED : indirect()
        })
      }
      if (answer === STALLED) return
      this.#setHealth(this.#health - 1)
      onAnswer(nodeId, answer)
    } catch {
      if (!this.noteStall(dueAt)) onSilence(nodeId)
    } finally {
      const left = (this.#probing.get(nodeId) ?? 1) - 1
      if (left > 0) this.#probing.set(nodeId, left)
      else this.#probing.delete(nodeId)
    }
  }

  /** A node that is not well gives others more time. */
  get #timeoutMs(): number {
    return this.#init.settings.probeTimeoutMs * Math.min(this.#health, 3)
  }

  async #askItself(nodeId: NodeId, claim: Claim, dueAt: number): Promise<unknown> {
    try {
      const answer = await this.#ask(nodeId, 'swim.ping', claim, this.#timeoutMs)
      this.#misses.delete(nodeId)
      return answer
    } catch (error) {
      if (errorCode(error) !== 'RPC_TIMEOUT') this.#misses.delete(nodeId)
      else if (!this.noteStall(dueAt)) this.#noteMiss(nodeId)
      throw error
    }
  }

  #noteMiss(nodeId: NodeId): void {
    const { missesMax, missesMs } = this.#init.settings
    const now = this.#components.clock.now()
    const misses = this.#misses.get(nodeId) ?? { count: 0, since: now, heard: false }
    this.#misses.set(nodeId, misses)
    if (++misses.count < missesMax || now - misses.since < missesMs || !misses.heard) return
    this.#misses.delete(nodeId)
    this.#init.onMute(nodeId)
  }

  #ask(to: NodeId, method: string, claim: Claim, timeoutMs: number): Promise<unknown> {
    return this.#components.rpc.call(to, method, claim, { timeoutMs })
  }

  async #throughOthers(claim: Claim): Promise<unknown> {
    const { settings, helpers } = this.#init
    const chosen = shuffled(this.#components.random, helpers(claim.nodeId)).slice(0, settings.indirectProbes)
    let heard = false
    const calls = chosen.map(async (id) => {
      const answer = await this.#ask(id, 'swim.probe', claim, 2 * this.#timeoutMs)
      heard = true
      if (answer === NACK) throw new Error('the helper heard nothing either')
      return answer
    })
    try {
      const answer = await Promise.any(calls)
      const misses = this.#misses.get(claim.nodeId)
      if (misses) misses.heard = true
      return answer
    } catch (error) {
      if (!heard && chosen.length > 0) this.#setHealth(this.#health + 1)
      throw error
    }
  }

  #setHealth(health: number): void {
    const next = Math.min(this.#init.settings.suspicion.healthMax, Math.max(1, health))
    if (next === this.#health) return
    this.#health = next
    this.#init.onHealth()
  }

  #arm(): void {
    const { clock } = this.#components
    const halfMs = this.#init.settings.probePeriodMs / 2
    const dueAt = clock.now() + halfMs
    this.#timer = clock.after(halfMs, () => {
      if (this.noteStall(dueAt)) this.#setHealth(this.#health + 1)
      else this.#tick()
      this.#arm()
    })
  }

  #tick(): void {
    const { inDoubt, settings } = this.#init
    const doubtful = shuffled(this.#components.random, inDoubt()).slice(0, settings.doubtfulProbes)
    for (const nodeId of doubtful) void this.probe(nodeId)
    this.#isWhole = !this.#isWhole
    if (this.#isWhole) this.#probeNext(doubtful)
  }

  #probeNext(doubtful: readonly NodeId[]): void {
    const candidates = new Set(this.#init.candidates())
    this.#round = this.#round.filter((nodeId) => candidates.has(nodeId))
    if (this.#round.length === 0) this.#round = shuffled(this.#components.random, [...candidates])
    const nodeId = this.#round.pop()
    if (nodeId && !doubtful.includes(nodeId)) void this.probe(nodeId, false)
  }
}

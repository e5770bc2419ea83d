import {
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type Random,
  type RangeId,
  ThorError,
  type Timer,
} from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import { CatchUp } from './catch-up.ts'
import { type Job, RangeChanger, type Redecider } from './change.ts'
import { entryOf, hasOldQuorum, hasQuorum, voters } from './config.ts'
import type { ConfigTable } from './config-table.ts'
import type { RangeConfig, RangeRecords } from './contract.ts'
import { serveChanges } from './handlers.ts'
import type { RangeView } from './home.ts'
import { type ChangeLimits, defaultChangeLimits } from './limits.ts'
import type { DrivenNotice } from './messages.ts'
import { type Placement, type PlacementNode, Placer } from './placement.ts'
import { type PlanInput, pendingMoves, planMoves } from './plan.ts'
import { type MoveGroup, MoveProgress } from './progress.ts'
import { Roster } from './roster.ts'
import type { ConfigSpread } from './spread.ts'

/** Settled and eager placement of who is there, of who was there before a node went, and of who will be. */
const PLACEMENTS_KEPT = 6

export interface BalancerComponents {
  clock: Clock
  random: Random
  log: Logger
  rpc: Rpc
  members: Members
  configs: ConfigTable
  ranges: RangeView
  spread: ConfigSpread
  reg: Redecider
  acceptors: RangeRecords
  /** SET and SOFT: copied to new members. */
  copied: readonly RangeRecords[]
}

export interface BalancerInit {
  self: NodeId
  limits?: Partial<ChangeLimits>
}

/**
 * Brings ranges to where they should be: compares desired with effective placement, drives the changes of the ranges of
 * which this node is home, finishes changes that others left half done, keeps this node's copies complete, and forgets
 * those that it need not keep.
 */
export class Balancer implements Lifecycle {
  readonly #components: BalancerComponents
  readonly #init: BalancerInit
  readonly #limits: ChangeLimits
  readonly #changer: RangeChanger
  readonly #catchUp: CatchUp
  readonly #roster: Roster
  readonly #placer: Placer
  readonly #placed = new Map<string, Placement>()
  /** Ranges in the hands of this node now, and what it does with them. */
  readonly #active = new Map<RangeId, readonly Job[]>()
  readonly #retryAt = new Map<RangeId, number>()
  /**
   * Changes under way: since when they stand at this epoch, when somebody said last that they are driven, and since when this node
   * finds that not all their registers can be decided.
   */
  readonly #open = new Map<RangeId, { since: number; drivenAt: number; undecidedSince?: number | undefined }>()
  readonly #progress = new MoveProgress()
  #urgentBatches = 0
  #normalBatches = 0
  #leaving = false
  #running = false
  #timer: Timer | undefined
  #soon: Timer | undefined
  #stops: (() => void)[] = []

  constructor(components: BalancerComponents, init: BalancerInit) {
    const { rpc, configs } = components
    this.#components = { ...components, log: components.log.forComponent('overlay:ranges') }
    this.#init = init
    this.#limits = { ...defaultChangeLimits, ...init.limits }
    this.#placer = new Placer({ rangeCount: configs.count })
    this.#changer = new RangeChanger(components, { self: init.self, limits: this.#limits })
    this.#catchUp = new CatchUp(
      { ...components, records: [components.acceptors, ...components.copied] },
      { self: init.self },
    )
    this.#roster = new Roster(components, this.#limits)
    serveChanges({ clock: components.clock, rpc, configs, copied: [components.acceptors, ...components.copied] })
    rpc.serve<{ leaving: boolean }, void>('range.leaving', ({ leaving }, from) => {
      if (leaving) this.#roster.sayLeaving(from)
      else this.#roster.unsayLeaving(from)
      this.#wake()
    })
    rpc.serve<DrivenNotice, void>('range.driven', ({ items }, from) => this.#onDriven(items, from))
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    const { clock, random, members, configs, log } = this.#components
    const onError = (error: unknown) => log.error('the ranges could not be looked at', { error: errorMessage(error) })
    const tick = (): Promise<void> => {
      this.moves()
      this.#sayDriven()
      return this.#tick()
    }
    this.#timer = every(clock, this.#limits.tickMs, tick, onError, random.float() * this.#limits.tickMs)
    this.#stops = [
      members.onChange((change) => {
        this.#catchUp.onMemberChange(change)
        this.#wake()
      }),
      configs.onChange(({ range, next }) => {
        if (next) this.#isOpen(range)
        else this.#open.delete(range)
      }),
    ]
    for (const { range, next } of configs.all()) if (next) this.#isOpen(range)
    this.#catchUp.start()
    this.#wake()
  }

  async stop(): Promise<void> {
    this.#running = false
    this.#timer?.cancel()
    this.#soon?.cancel()
    this.#soon = undefined
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** This node's copies are as new as those of the others: it may serve. */
  get caughtUp(): boolean {
    return this.#catchUp.done
  }

  /** Ranges that are not where they should be, in groups of the same members, the largest first. */
  moves(): MoveGroup[] {
    const { configs, clock } = this.#components
    const all = configs.all()
    return this.#progress.look(clock.now(), pendingMoves({ configs: all, ...this.#desired(all) }))
  }

  /** For how long a node has been out of sight; undefined when it lives. */
  deadForMs(nodeId: NodeId): number | undefined {
    return this.#roster.deadForMs(nodeId)
  }

  /**
   * Hands all ranges to the others and resolves when this node holds nothing any more. Throws `RANGES_LAST_NODE` when nobody
   * else lives, `RANGES_STOPPED` when this is not running, and the signal's reason when it is aborted; then this node takes
   * part again.
   */
  async leave(signal?: AbortSignal): Promise<void> {
    const { members, configs, clock } = this.#components
    const { self } = this.#init
    const others = () => members.list().filter(({ nodeId }) => nodeId !== self && members.isLive(nodeId))
    if (others().length === 0) throw new ThorError('RANGES_LAST_NODE', 'no other node lives that could take the ranges')
    this.#leaving = true
    try {
      while (configs.all().some(({ range }) => configs.holds(range) || configs.standing(range) !== 'outsider')) {
        signal?.throwIfAborted()
        if (!this.#running) throw new ThorError('RANGES_STOPPED', 'the node was stopped while it left')
        this.#sayLeaving(true)
        this.#wake()
        await new Promise<void>((resolve) => clock.after(this.#limits.tickMs / 4, resolve))
      }
    } catch (error) {
      this.#leaving = false
      this.#sayLeaving(false)
      throw error
    }
  }

  snapshot(): { active: number; urgentBatches: number; normalBatches: number; leaving: boolean; caughtUp: boolean } {
    return {
      active: this.#active.size,
      urgentBatches: this.#urgentBatches,
      normalBatches: this.#normalBatches,
      leaving: this.#leaving,
      caughtUp: this.caughtUp,
    }
  }

  #sayLeaving(leaving: boolean): void {
    const { members, rpc } = this.#components
    for (const { nodeId } of members.list()) {
      if (members.isLive(nodeId)) rpc.notify(nodeId, 'range.leaving', { leaving })
    }
  }

  #isOpen(range: RangeId): void {
    const now = this.#components.clock.now()
    this.#open.set(range, { since: now, drivenAt: now })
  }

  #sayDriven(): void {
    const { configs, members, rpc } = this.#components
    const byNode = new Map<NodeId, DrivenNotice['items']>()
    for (const range of this.#active.keys()) {
      const config = configs.get(range)
      for (const nodeId of voters(config)) {
        const items = byNode.get(nodeId) ?? []
        items.push([range, config.epoch])
        byNode.set(nodeId, items)
      }
    }
    for (const [nodeId, items] of byNode) {
      const notice: DrivenNotice = { items }
      if (nodeId !== this.#init.self && members.isLive(nodeId)) rpc.notify(nodeId, 'range.driven', notice)
    }
  }

  #onDriven(items: DrivenNotice['items'], from: NodeId): void {
    const { clock, configs, members } = this.#components
    if (!Array.isArray(items) || !members.isLive(from)) return
    for (const [range, epoch] of items.slice(0, configs.count)) {
      const open = this.#open.get(range)
      const isSame = open && configs.get(range).epoch === epoch
      if (isSame && clock.now() - open.since < this.#limits.fillTimeoutMs) open.drivenAt = clock.now()
    }
  }

  /** A look soon, one for many reasons. */
  #wake(): void {
    if (!this.#running || this.#soon) return
    this.#soon = this.#components.clock.after(20, () => {
      this.#soon = undefined
      void this.#tick()
    })
  }

  async #tick(): Promise<void> {
    if (!this.#running) return
    const { configs, clock, members } = this.#components
    const all = configs.all()
    const desired = this.#desired(all)
    await this.#catchUp.look(all)
    await this.#catchUp.forget(all)
    const idle = (config: RangeConfig): boolean =>
      !this.#active.has(config.range) && (this.#retryAt.get(config.range) ?? 0) <= clock.now()
    this.#run(
      'urgent',
      all.filter(idle).flatMap((config) => this.#stalled(config) ?? []),
    )
    this.#run('urgent', this.#withoutVote(all.filter(idle)))
    const plan = planMoves({
      configs: all.filter(idle),
      ...desired,
      isLive: (nodeId) => members.isLive(nodeId),
      isSuspect: (nodeId) => members.get(nodeId)?.state === 'suspect',
      isMissed: this.#roster.isMissed,
      drives: ({ range }) => this.#components.ranges.isHome(range),
    })
    this.#run('urgent', plan.urgent)
    this.#run('normal', plan.normal)
  }

  /** Ranges that this node takes itself out of, because its vote in them is lost; it is added again like any other. */
  #withoutVote(configs: readonly RangeConfig[]): Job[] {
    const { configs: table, members } = this.#components
    const mute = new Set(table.mute)
    if (mute.size === 0) return []
    return configs.flatMap((config) => {
      const target = config.old.map(({ nodeId }) => nodeId).filter((nodeId) => nodeId !== this.#init.self)
      const live = new Set(target.filter((nodeId) => members.isLive(nodeId)))
      const can = mute.has(config.range) && !config.next && target.length < config.old.length && hasQuorum(config, live)
      return can ? [{ config, target }] : []
    })
  }

  /** Where ranges should be, and who goes: looked up once for all of them. */
  #desired(configs: readonly RangeConfig[]): Pick<PlanInput, 'settled' | 'eager' | 'isLeaving'> {
    const holders = new Set<NodeId>()
    for (const { old, next } of configs) {
      for (const { nodeId } of old) holders.add(nodeId)
      if (next) for (const { nodeId } of next) holders.add(nodeId)
    }
    this.#roster.look(holders)
    const leaving = new Set([...holders].filter(this.#roster.isLeaving))
    return {
      settled: this.#place(this.#roster.candidates(holders, false)),
      eager: this.#place(this.#roster.candidates(holders, true)),
      isLeaving: (nodeId) => leaving.has(nodeId),
    }
  }

  /** The last few are kept: nodes go and come back. */
  #place(nodes: readonly PlacementNode[]): Placement {
    const key = JSON.stringify(nodes)
    const placement = this.#placed.get(key) ?? this.#placer.place(nodes)
    this.#placed.delete(key)
    this.#placed.set(key, placement)
    const [oldest] = this.#placed.keys()
    if (this.#placed.size > PLACEMENTS_KEPT && oldest !== undefined) this.#placed.delete(oldest)
    return placement
  }

  /**
   * A change that nobody seems to drive: the home takes it on first, other members later. It is taken back when so many of the
   * new members are given up that it cannot end, or when they live and a register cannot be decided by them for as long as a dead
   * one would be waited for: it may be damaged at one of two.
   */
  #stalled(config: RangeConfig): Job | undefined {
    const { clock, ranges, members } = this.#components
    const open = this.#open.get(config.range)
    if (!config.next || !open || !entryOf(config, this.#init.self)) return undefined
    const patience = this.#limits.stalledAfterMs * (ranges.isHome(config.range) ? 1 : 8)
    if (clock.now() - open.drivenAt < patience) return undefined
    const live = new Set(voters(config).filter((nodeId) => members.isLive(nodeId)))
    const isHopeless = clock.now() - (open.undecidedSince ?? Number.POSITIVE_INFINITY) >= this.#limits.deadNodeAfterMs
    if (hasQuorum(config, live)) return isHopeless ? { config, undo: true } : { config }
    const awaited = new Set(voters(config).filter((nodeId) => live.has(nodeId) || this.#roster.isMissed(nodeId)))
    return hasOldQuorum(config, live) && !hasQuorum(config, awaited) ? { config, undo: true } : undefined
  }

  #run(kind: 'urgent' | 'normal', jobs: readonly Job[]): void {
    const { rangesAtOnce, urgentBatches, urgentRangesPerBatch } = this.#limits
    const [size, batches] = kind === 'urgent' ? [urgentRangesPerBatch, urgentBatches] : [rangesAtOnce, 1]
    // The same members together: their requests share messages and syncs.
    const groups = Map.groupBy(jobs, ({ config, target, undo }) =>
      JSON.stringify([voters(config), target ?? 0, undo === true]),
    )
    const ordered = [...groups.values()].flat()
    for (let at = 0; at < ordered.length; at += size) {
      if ((kind === 'urgent' ? this.#urgentBatches : this.#normalBatches) >= batches) return
      void this.#drive(kind, ordered.slice(at, at + size))
    }
  }

  async #drive(kind: 'urgent' | 'normal', jobs: readonly Job[]): Promise<void> {
    const { clock, random, log } = this.#components
    for (const { config } of jobs) this.#active.set(config.range, jobs)
    // Begun again at once they would end as before: what is damaged is to be mended first.
    const hopeless = new Set(
      jobs.flatMap(({ config: { range }, undo }) =>
        undo && this.#open.get(range)?.undecidedSince !== undefined ? [range] : [],
      ),
    )
    if (kind === 'urgent') this.#urgentBatches++
    else this.#normalBatches++
    const letGo = (range: RangeId, isUndecided = false): void => {
      if (this.#active.get(range) !== jobs) return
      this.#active.delete(range)
      const open = this.#open.get(range)
      if (open) open.undecidedSince = isUndecided ? (open.undecidedSince ?? clock.now()) : undefined
      this.#retryAt.set(range, clock.now() + this.#limits.retryAfterMs * (1 + random.float()))
    }
    let arrived: ReadonlySet<RangeId> = new Set()
    try {
      arrived = await this.#changer.run(jobs, { urgent: kind === 'urgent', letGo })
    } catch (error) {
      log.error('a change of ranges failed', { error: errorMessage(error) })
    }
    if (kind === 'urgent') this.#urgentBatches--
    else this.#normalBatches--
    for (const { config } of jobs) {
      letGo(config.range)
      if (!arrived.has(config.range)) continue
      if (hopeless.has(config.range)) this.#retryAt.set(config.range, clock.now() + this.#limits.deadNodeAfterMs)
      else this.#retryAt.delete(config.range)
    }
    if (arrived.size > 0) log.info('ranges moved', { ranges: arrived.size, failed: jobs.length - arrived.size })
    this.#wake()
  }
}

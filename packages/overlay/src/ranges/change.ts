/**
 * Changes of configs by joint consensus, many ranges at once. Every step may be repeated and taken over by another node.
 *
 *   stable e ──decide──► joint e+1 ──install──► ──re-decide REG──► ──fill SET, SOFT──► ──decide──► stable e+2 ──install──►
 *               by S                 majorities    every key under     new members,      by S and T
 *                                    of S and T    the joint quorum    from the old
 *
 * Whoever drives may die between any two: the config says how far it came, and the rest starts again from `install`. A joint
 * config whose new members have no majority any more, would have fewer that live than the old ones have, or cannot decide a register
 * for a minute, is taken back by the old ones: decide stable e+2 as e was, install.
 */
import { type Clock, errorMessage, type Logger, type Random, type RangeId, ThorError } from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import { transferLimits } from '../store/limits.ts'
import { finalConfig, hasOldQuorum, hasQuorum, jointConfig, newMembers, undoneConfig, voters } from './config.ts'
import { decideConfigs, type Proposal } from './config-paxos.ts'
import type { ConfigTable } from './config-table.ts'
import { packConfigs } from './config-wire.ts'
import type { RangeConfig } from './contract.ts'
import { fanOut } from './fan-out.ts'
import type { ChangeLimits } from './limits.ts'
import type { FillAnswer, FillBatch, InstallAnswer, InstallBatch } from './messages.ts'

/** The part of REG that a move needs. */
export interface Redecider {
  /** `done`: the ranges of which every register was decided anew under exactly these configs. */
  redecide(configs: readonly RangeConfig[], urgent?: boolean): Promise<{ done: Set<RangeId>; failure?: unknown }>
}

export interface ChangeComponents {
  clock: Clock
  random: Random
  log: Logger
  rpc: Rpc
  members: Members
  configs: ConfigTable
  reg: Redecider
  /** Tells the other nodes. */
  spread: { broadcast(configs: readonly RangeConfig[]): void }
}

export interface ChangeInit {
  self: NodeId
  limits: ChangeLimits
}

/** A range to be moved; without a target a change under way is finished, or taken back. */
export interface Job {
  config: RangeConfig
  target?: readonly NodeId[]
  undo?: boolean
}

export class RangeChanger {
  readonly #components: ChangeComponents
  readonly #init: ChangeInit

  constructor(components: ChangeComponents, init: ChangeInit) {
    this.#components = { ...components, log: components.log.forComponent('overlay:ranges') }
    this.#init = init
  }

  /**
   * Returns the ranges that arrived; the others are where they were or between two steps, and may be tried again. `letGo`: of
   * one that cannot go on, as soon as that is known, because the others may take long; `isUndecided`: since not all its registers could
   * be decided anew.
   */
  async run(
    jobs: readonly Job[],
    { urgent, letGo }: { urgent: boolean; letGo: (range: RangeId, isUndecided?: boolean) => void },
  ): Promise<Set<RangeId>> {
    const { configs, spread } = this.#components
    const begun = jobs.filter(({ config, undo }) => config.next && !undo)
    const undone = jobs.filter(({ config, undo }) => config.next && undo).map(({ config }) => config)
    const started = await this.#decide(
      jobs.flatMap(({ config, target }) =>
        config.next || !target ? [] : [{ config, value: jointConfig(config, target) }],
      ),
    )
    const joint = await this.#install([...begun.map(({ config }) => config), ...started])
    // Another node's decision may have been a final config already.
    const moving = joint.filter((config) => config.next)
    const redecided = await this.#redecide(moving, urgent)
    const going = new Set([...redecided, ...undone].map(({ range }) => range))
    const undecided = new Set(moving.map(({ range }) => range)).difference(going)
    for (const { config } of jobs) if (!going.has(config.range)) letGo(config.range, undecided.has(config.range))
    const ready = await this.#fill(redecided, urgent)
    const ended = await this.#decide([
      ...ready.map((config) => ({ config, value: this.#isWorth(config) ? finalConfig(config) : undoneConfig(config) })),
      ...undone.map((config) => ({ config, value: undoneConfig(config) })),
    ])
    const arrived = await this.#install(ended, [...ready, ...undone])
    spread.broadcast([...joint, ...arrived].map(({ range }) => configs.get(range)))
    return new Set(arrived.map(({ range }) => range))
  }

  async #decide(proposals: readonly Proposal[]): Promise<RangeConfig[]> {
    if (proposals.length === 0) return []
    const { self, limits } = this.#init
    const decided = await decideConfigs(this.#components, { self, graceMs: limits.graceMs }, proposals)
    return [...decided.values()]
  }

  /** Those that majorities of old and next have durably adopted. `from`: the configs before, whose voters hear of it too. */
  async #install(configs: readonly RangeConfig[], from: readonly RangeConfig[] = []): Promise<RangeConfig[]> {
    if (configs.length === 0) return []
    const leaving = new Map(from.map((config) => [config.range, voters(config)]))
    const adopted = (config: RangeConfig, epochs: ReadonlyMap<NodeId, number>): boolean =>
      hasQuorum(config, new Set([...epochs].filter(([, epoch]) => epoch >= config.epoch).map(([nodeId]) => nodeId)))
    const answers = await fanOut<RangeConfig, number>(this.#components, configs, {
      item: (index) => configs[index] as RangeConfig,
      to: (index) => {
        const config = configs[index] as RangeConfig
        return [...new Set([...voters(config), ...(leaving.get(config.range) ?? [])])]
      },
      send: async (nodeId, items) => {
        const batch: InstallBatch = { configs: packConfigs(items) }
        return (await this.#components.rpc.call<InstallAnswer>(nodeId, 'range.install', batch)).epochs
      },
      enough: (index, epochs) => adopted(configs[index] as RangeConfig, epochs),
      graceMs: this.#init.limits.graceMs,
    })
    const installed = configs.filter((config, index) => adopted(config, answers[index] as Map<NodeId, number>))
    await this.#components.configs.adoptAll(installed)
    return installed
  }

  async #redecide(configs: readonly RangeConfig[], urgent: boolean): Promise<readonly RangeConfig[]> {
    if (configs.length === 0) return []
    const { log, reg } = this.#components
    const { done, failure } = await reg.redecide(configs, urgent)
    if (failure !== undefined) {
      log.debug('registers of moving ranges are not all decided anew yet', { error: errorMessage(failure) })
    }
    return configs.filter(({ range }) => done.has(range))
  }

  /** When new members died while they copied: that there are no fewer copies than before. */
  #isWorth({ old, next = [] }: RangeConfig): boolean {
    const living = (entries: RangeConfig['old']): number =>
      entries.filter(({ nodeId }) => this.#components.members.isLive(nodeId)).length
    return living(next) >= Math.min(living(old), next.length)
  }

  /**
   * Those of which every new member that lives, and so many members that they decide, hold a complete copy. Who stays is
   * asked too: it may have missed what the leaving ones acknowledged.
   */
  async #fill(configs: readonly RangeConfig[], urgent: boolean): Promise<RangeConfig[]> {
    const { members, rpc } = this.#components
    const failed = new Set<RangeId>()
    const filled = new Map<RangeId, Set<NodeId>>()
    const batches = new Map<string, { nodeId: NodeId; sources: NodeId[]; items: FillBatch['items'] }>()
    for (const config of configs) {
      const sources = config.old.map(({ nodeId }) => nodeId).filter((nodeId) => members.isLive(nodeId))
      filled.set(config.range, new Set())
      if (!hasOldQuorum(config, new Set(sources))) failed.add(config.range)
      for (const { nodeId } of config.next ?? []) {
        if (!members.isLive(nodeId)) continue
        // In a ring, so that not all who copy begin with the same one.
        const ring = [...new Set([nodeId, ...sources])].sort()
        const at = ring.indexOf(nodeId)
        const others = [...ring.slice(at + 1), ...ring.slice(0, at)]
        const id = [nodeId, ...others].join(' ')
        const batch = batches.get(id) ?? { nodeId, sources: others, items: [] }
        batch.items.push({ range: config.range, epoch: config.epoch })
        batches.set(id, batch)
      }
    }
    const { clock } = this.#components
    const until = clock.now() + this.#init.limits.fillTimeoutMs
    await Promise.all(
      [...batches.values()].map(async ({ nodeId, sources, items }) => {
        const batch: FillBatch = { items, sources, urgent }
        const options = { timeoutMs: transferLimits.chunkTimeoutMs }
        try {
          let answer: FillAnswer
          do {
            if (clock.now() > until) throw new ThorError('RANGES_SLOW', `the copy does not come to its end`)
            answer = await rpc.call<FillAnswer>(nodeId, 'range.fill', batch, options)
          } while (!answer.done)
          const stale = new Set(answer.stale)
          for (const { range } of items) if (!stale.has(range)) filled.get(range)?.add(nodeId)
        } catch (error) {
          this.#components.log.info('ranges could not be copied yet', { to: nodeId, error: errorMessage(error) })
        }
      }),
    )
    return configs.filter((config) => {
      const complete = filled.get(config.range) ?? new Set()
      const added = newMembers(config).filter((nodeId) => members.isLive(nodeId))
      const isReady = hasOldQuorum({ ...config, old: config.next ?? [] }, complete)
      return !failed.has(config.range) && isReady && added.every((nodeId) => complete.has(nodeId))
    })
  }
}

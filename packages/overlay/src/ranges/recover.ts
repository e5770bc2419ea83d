/**
 * Opens ranges whose majority is gone for good, at the price of what only the lost ones had. The one way in which a config
 * comes to be without a vote of those before, so it is never done but by an operator, and is put on record.
 *
 *   ask everybody for newer configs ──► no majority reachable, nobody lost for less than a minute ──► a survivor starts anew
 *
 * A member that returns later finds a config far above its own without itself in it: it is refused, and its copy deleted.
 */
import {
  type Clock,
  errorCode,
  errorMessage,
  type Logger,
  type RangeId,
  type RecordKey,
  ThorError,
} from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import { eachAtOnce } from '../store/each-at-once.ts'
import { entryOf, hasQuorum, voters } from './config.ts'
import type { ConfigTable } from './config-table.ts'
import { type PackedConfigs, packConfigs, unpackConfigs } from './config-wire.ts'
import type { RangeConfig, RangeRecords } from './contract.ts'
import { RANGES_PER_BATCH_MAX } from './limits.ts'
import { batchOf, type GetRequest, type RecoverAnswer, type RecoverBatch } from './messages.ts'

const PROBE_TIMEOUT_MS = 1_000
/** Merging what other survivors have may take so long; it is tried, not needed. */
const START_TIMEOUT_MS = 60_000
const AUDITS_AT_ONCE = 64

export interface RecoveryComponents {
  clock: Clock
  log: Logger
  rpc: Rpc
  members: Pick<Members, 'list' | 'get' | 'isLive'>
  configs: ConfigTable
  spread: { sync(nodeId: NodeId): Promise<void>; broadcast(configs: readonly RangeConfig[]): void }
  /** Out of sight for how long; undefined: lives. */
  deadForMs(nodeId: NodeId): number | undefined
  /** All three kinds. */
  records: readonly RangeRecords[]
  /** Keeps a record for good. */
  audit(key: RecordKey, body: unknown): Promise<void>
}

export interface RecoveryInit {
  self: NodeId
  /** A member must have been out of sight for so long before it is given up. */
  lostAfterMs: number
}

/** What recovering a range would mean. */
export interface Loss {
  config: RangeConfig
  /** Voters that answer. */
  survivors: NodeId[]
  lost: { nodeId: NodeId; deadForMs: number }[]
  /** Who would start the range anew. */
  start: NodeId
  /** Whether that node has records of the range: all that it ever acknowledged, a part, or none. */
  copy: 'whole' | 'part' | 'none'
}

export interface Assessment {
  losses: Loss[]
  /** Ranges that must not be recovered, and why. */
  refused: { range: RangeId; code: string; message: string }[]
}

export interface Recovered {
  before: RangeConfig
  after: RangeConfig
}

export class Recovery {
  readonly #c: RecoveryComponents
  readonly #init: RecoveryInit
  readonly #log: Logger

  constructor(components: RecoveryComponents, init: RecoveryInit) {
    this.#c = components
    this.#init = init
    this.#log = components.log.forComponent('overlay:ranges')
    components.rpc.serve<RecoverBatch, RecoverAnswer>('range.recover', async ({ items, by }) => {
      const recovered = await this.#start(batchOf(items), String(by).slice(0, 200))
      return { configs: packConfigs(recovered) }
    })
  }

  /** Looks, and changes nothing but that newer configs of other nodes are adopted. */
  async assess(ranges: 'all-lost' | readonly RangeId[]): Promise<Assessment> {
    const { configs, members, spread } = this.#c
    const others = members.list().filter(({ nodeId }) => nodeId !== this.#init.self && members.isLive(nodeId))
    // Whoever is left may know what the lost ones decided last.
    await Promise.allSettled(others.map(({ nodeId }) => spread.sync(nodeId)))
    const wanted = ranges === 'all-lost' ? configs.all() : ranges.map((range) => configs.get(range))
    const answering = await this.#probe(wanted)
    const outcome: Assessment = { losses: [], refused: [] }
    for (const config of wanted) {
      if (ranges === 'all-lost' && (config.epoch === 0 || hasQuorum(config, answering))) continue
      const reason = this.#refusal(config, answering)
      if (reason) outcome.refused.push({ range: config.range, ...reason })
      else outcome.losses.push(this.#lossOf(config, answering))
    }
    return outcome
  }

  /**
   * Recovers what `assess` finds lost. `by`: who wants it, for the record. Throws `RANGES_NOT_LOST`, `RANGES_LOST_LATELY` or
   * `RANGES_UNKNOWN` when one of the ranges must not be recovered (of 'all-lost': when none may be); then nothing changed.
   */
  async recover(ranges: 'all-lost' | readonly RangeId[], by: string): Promise<Recovered[]> {
    const { losses, refused } = await this.assess(ranges)
    const first = refused[0]
    if (first && (ranges !== 'all-lost' || losses.length === 0)) throw new ThorError(first.code, first.message)
    const done: Recovered[] = []
    for (const [start, group] of Map.groupBy(losses, (loss) => loss.start)) {
      for (let at = 0; at < group.length; at += RANGES_PER_BATCH_MAX) {
        const batch = group.slice(at, at + RANGES_PER_BATCH_MAX)
        const items = batch.map(({ config: { range, epoch } }) => ({ range, epoch }))
        const request: RecoverBatch = { items, by }
        const answer = await this.#c.rpc.call<RecoverAnswer>(start, 'range.recover', request, {
          timeoutMs: 2 * START_TIMEOUT_MS,
        })
        const after = unpackConfigs(answer.configs)
        await this.#c.configs.adoptAll(after)
        for (const config of after) {
          const before = batch.find((loss) => loss.config.range === config.range)?.config
          if (before) done.push({ before, after: config })
        }
      }
    }
    return done
  }

  /** Voters of these configs that answer now, whatever members think of them. */
  async #probe(configs: readonly RangeConfig[]): Promise<Set<NodeId>> {
    const answering = new Set<NodeId>([this.#init.self])
    const nodes = new Set(configs.flatMap(voters))
    const request: GetRequest = { ranges: [] }
    await Promise.allSettled(
      [...nodes].map(async (nodeId) => {
        await this.#c.rpc.call<PackedConfigs>(nodeId, 'range.get', request, { timeoutMs: PROBE_TIMEOUT_MS })
        answering.add(nodeId)
      }),
    )
    return answering
  }

  #refusal(config: RangeConfig, answering: ReadonlySet<NodeId>): { code: string; message: string } | undefined {
    const { range } = config
    if (config.epoch === 0) return { code: 'RANGES_UNKNOWN', message: `nobody knows where range ${range} was` }
    if (hasQuorum(config, answering)) {
      const message = `range ${range} has a majority that answers: it needs no recovery, and would lose by one`
      return { code: 'RANGES_NOT_LOST', message }
    }
    for (const nodeId of voters(config)) {
      if (answering.has(nodeId)) continue
      const deadForMs = this.#c.deadForMs(nodeId) ?? 0
      if (deadForMs >= this.#init.lostAfterMs) continue
      const name = this.#c.members.get(nodeId)?.name ?? nodeId
      const message =
        `${name} has been out of sight for ${Math.round(deadForMs / 1_000)} s only, and may come back with its copy of ` +
        `range ${range}: wait until ${Math.round(this.#init.lostAfterMs / 1_000)} s are over`
      return { code: 'RANGES_LOST_LATELY', message }
    }
    return undefined
  }

  #lossOf(config: RangeConfig, answering: ReadonlySet<NodeId>): Loss {
    const survivors = voters(config).filter((nodeId) => answering.has(nodeId))
    const lost = voters(config)
      .filter((nodeId) => !answering.has(nodeId))
      .map((nodeId) => ({ nodeId, deadForMs: this.#c.deadForMs(nodeId) ?? 0 }))
    // Members of old, in the order of the config, come first in `voters`: they were whole before any change began.
    const start = survivors[0]
    if (start === undefined) return { config, survivors, lost, start: this.#init.self, copy: 'none' }
    const isOld = config.old.some(({ nodeId }) => nodeId === start)
    return { config, survivors, lost, start, copy: isOld ? 'whole' : 'part' }
  }

  /** This node becomes the only voter. It judges for itself: another node's view is not enough to give up a majority. */
  async #start(items: readonly { range: RangeId; epoch: number }[], by: string): Promise<RangeConfig[]> {
    const { configs, clock, spread } = this.#c
    const before = items.map(({ range }) => configs.get(range))
    const stale = items.find(({ range, epoch }) => configs.get(range).epoch !== epoch)
    if (stale) throw new ThorError('RANGES_STALE', `range ${stale.range} is not at epoch ${stale.epoch} here`)
    const answering = await this.#probe(before)
    for (const config of before) {
      const reason = this.#refusal(config, answering)
      if (reason) throw new ThorError(reason.code, reason.message)
    }
    await this.#merge(before, answering)
    const after = await configs.startAnew(before)
    await configs.markFilled(after)
    spread.broadcast(after)
    const was = new Map(before.map((config) => [config.range, config]))
    await eachAtOnce(after, AUDITS_AT_ONCE, async (config) => {
      const body = { what: 'recover --accept-loss', by, at: clock.wall(), before: was.get(config.range), after: config }
      const key: RecordKey = { range: config.range, name: `audit/recover/${config.range}/${config.epoch}` }
      await this.#c.audit(key, body).catch((error) => {
        this.#log.error('a recovery could not be put on record', { range: config.range, error: errorMessage(error) })
      })
    })
    this.#log.warn('ranges were started anew without their majority', {
      by,
      ranges: after.length,
      first: after[0]?.range,
      lost: [...new Set(before.flatMap(voters))].filter((nodeId) => !answering.has(nodeId)),
    })
    return after
  }

  /** What other survivors have and this node lacks, as far as that can be had: registers without a quorum can not all. */
  async #merge(configs: readonly RangeConfig[], answering: ReadonlySet<NodeId>): Promise<void> {
    const { self } = this.#init
    const groups = Map.groupBy(
      configs.filter((config) => entryOf(config, self)),
      (config) => JSON.stringify(voters(config).filter((nodeId) => nodeId !== self && answering.has(nodeId))),
    )
    for (const [key, group] of groups) {
      const sources = JSON.parse(key) as NodeId[]
      if (sources.length === 0) continue
      for (const records of this.#c.records) {
        try {
          const ranges = group.map(({ range }) => range)
          await records.pull(ranges, sources, true)
        } catch (error) {
          this.#log.info('not all copies of other survivors could be merged', { code: errorCode(error) })
        }
      }
    }
  }
}

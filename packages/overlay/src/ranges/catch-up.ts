import { type Clock, errorMessage, type Logger, type RangeId } from '@thor-node/core'
import type { MemberChange, Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import { hasOldQuorum } from './config.ts'
import type { ConfigTable } from './config-table.ts'
import type { RangeConfig, RangeRecords } from './contract.ts'
import { RANGES_PER_BATCH_MAX } from './limits.ts'
import type { ConfirmAnswer, ConfirmBatch } from './messages.ts'

/** A member whose fellow members are not to be seen for so long takes its own copy for the newest there is. */
const ALONE_AFTER_MS = 3_000

/**
 * Copies that could not be deleted, because no majority holds the range or takes what it lacks of it, are tried again after so long,
 * twice as long each time, at most so long.
 */
const FORGET_RETRY_MS = { first: 1_000, max: 60_000 }

export interface CatchUpComponents {
  clock: Clock
  log: Logger
  rpc: Rpc
  members: Members
  configs: ConfigTable
  /** All three kinds. */
  records: readonly RangeRecords[]
}

/**
 * Keeps this node's copies complete: after a start, and of ranges that it became a member of while it was away, from all
 * other members; when a node comes back into sight, the ranges shared with it. And deletes the copies of ranges that a
 * majority of others has confirmed to hold.
 */
export class CatchUp {
  readonly #components: CatchUpComponents
  readonly #self: NodeId
  readonly #returned = new Set<NodeId>()
  #startedAt = 0
  #busy = false
  #forgetting = false
  #forgetAfter = 0
  #forgetRetryMs = FORGET_RETRY_MS.first

  constructor(components: CatchUpComponents, init: { self: NodeId }) {
    this.#components = components
    this.#self = init.self
  }

  start(): void {
    this.#startedAt = this.#components.clock.now()
  }

  /** No range waits for a copy. */
  get done(): boolean {
    const { configs } = this.#components
    return configs.unknown === 0 && !configs.all().some((config) => this.#lacks(config))
  }

  onMemberChange({ member, previous }: MemberChange): void {
    if (member.nodeId === this.#self || member.state !== 'alive') return
    if (previous?.state === 'dead' || previous?.state === 'left') this.#returned.add(member.nodeId)
  }

  /** Starts what is due, one copy at a time; returns at once. */
  async look(configs: readonly RangeConfig[]): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    void this.#copy(configs)
      .catch((error: unknown) => this.#components.log.info('copies lag behind', { error: errorMessage(error) }))
      .finally(() => {
        this.#busy = false
      })
  }

  /** Starts to delete copies of ranges that moved away; returns at once. */
  async forget(configs: readonly RangeConfig[]): Promise<void> {
    if (this.#forgetting || this.#components.clock.now() < this.#forgetAfter) return
    this.#forgetting = true
    void this.#forget(configs)
      .catch((error: unknown) => {
        this.#components.log.info('copies not deleted yet', { error: errorMessage(error) })
        return false
      })
      .then((all) => {
        this.#forgetting = false
        const { first, max } = FORGET_RETRY_MS
        if (!all) this.#forgetAfter = this.#components.clock.now() + this.#forgetRetryMs
        this.#forgetRetryMs = all ? first : Math.min(max, 2 * this.#forgetRetryMs)
      })
  }

  /** New members of a change under way are filled by whoever drives it. */
  #lacks(config: RangeConfig): boolean {
    return config.old.some(({ nodeId }) => nodeId === this.#self) && this.#components.configs.isUnfilled(config.range)
  }

  async #copy(configs: readonly RangeConfig[]): Promise<void> {
    const { clock, members, configs: table, records } = this.#components
    const alone = clock.now() - this.#startedAt >= ALONE_AFTER_MS
    const groups = Map.groupBy(
      configs.filter((config) => this.#lacks(config)),
      (config) => this.#others(config).join(' '),
    )
    for (const [, group] of groups) {
      const sources = this.#others(group[0] as RangeConfig).filter((nodeId) => members.isLive(nodeId))
      if (sources.length === 0 && !alone) continue
      for (const batch of batches(group)) {
        const ranges = batch.map(({ range }) => range)
        if (sources.length > 0) for (const kind of records) await kind.pull(ranges, sources, true)
        await table.markFilled(batch)
      }
    }
    for (const nodeId of [...this.#returned]) {
      this.#returned.delete(nodeId)
      const shared = configs.filter(
        ({ old }) => old.some((one) => one.nodeId === nodeId) && old.some((one) => one.nodeId === this.#self),
      )
      for (const batch of batches(shared)) {
        const ranges = batch.map(({ range }) => range)
        for (const kind of records) await kind.pull(ranges, [nodeId])
      }
    }
  }

  /** False when a copy had to be kept. */
  async #forget(configs: readonly RangeConfig[]): Promise<boolean> {
    const { configs: table, records, rpc, members } = this.#components
    let all = true
    const left = configs.filter(
      ({ range, next }) => !next && table.holds(range) && table.standing(range) === 'outsider',
    )
    const groups = Map.groupBy(left, (config) => this.#others(config).join(' '))
    for (const [, group] of groups) {
      for (const batch of batches(group)) {
        const confirmed = batch.map(() => new Set<NodeId>())
        const request: ConfirmBatch = { items: batch.map(({ range, epoch }) => ({ range, epoch })) }
        const ask = async (nodeId: NodeId): Promise<void> => {
          const answer = await rpc.call<ConfirmAnswer>(nodeId, 'range.confirm', request)
          answer.confirmed.forEach((yes, index) => {
            if (yes) confirmed[index]?.add(nodeId)
          })
        }
        const live = this.#others(batch[0] as RangeConfig).filter((nodeId) => members.isLive(nodeId))
        await Promise.allSettled(live.map(ask))
        let sure = batch.filter((config, index) => hasOldQuorum(config, confirmed[index] as Set<NodeId>))
        for (const kind of records) {
          const given = sure.length > 0 ? await kind.giveLeavings?.(sure, live) : undefined
          if (given) sure = sure.filter(({ range }) => given.has(range))
        }
        await table.forget(sure.map(({ range }): RangeId => range))
        if (sure.length < batch.length) all = false
      }
    }
    return all
  }

  #others(config: RangeConfig): NodeId[] {
    return config.old.map(({ nodeId }) => nodeId).filter((nodeId) => nodeId !== this.#self)
  }
}

function* batches(configs: readonly RangeConfig[]): Generator<readonly RangeConfig[]> {
  for (let at = 0; at < configs.length; at += RANGES_PER_BATCH_MAX) yield configs.slice(at, at + RANGES_PER_BATCH_MAX)
}

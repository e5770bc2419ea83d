import { crc32 } from 'node:zlib'
import { compareUtf8, type RangeId } from '@thor-node/core'
import type { Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import { voters } from '../ranges/config.ts'
import type { RangeConfigs } from '../ranges/contract.ts'
import { REPLICA_COUNT } from '../ranges/limits.ts'

/** Nodes asked beyond the list when a look-up finds nothing. */
const ELSEWHERE_MAX = 4

/**
 * Who holds the expiring entries of a range: the live members of its config, filled up to three with the next live nodes in
 * placement order.
 */
export class Preference {
  readonly #c: {
    configs: RangeConfigs
    members: Pick<Members, 'self' | 'list' | 'isLive'>
    placement: (range: RangeId) => readonly NodeId[]
  }
  /** The voters of the config before, by range, as far as this node saw it change. */
  readonly #history = new Map<RangeId, { epoch: number; voters: NodeId[]; before: NodeId[] }>()

  constructor(components: {
    configs: RangeConfigs
    members: Pick<Members, 'self' | 'list' | 'isLive'>
    placement: (range: RangeId) => readonly NodeId[]
  }) {
    this.#c = components
  }

  /** At most three live nodes; self first when it is one of them, so that the nearest copy is asked first. */
  of(range: RangeId): NodeId[] {
    const members = this.#c.configs.get(range).old.map((member) => member.nodeId)
    const live = members.filter((nodeId) => this.#isLive(nodeId)).slice(0, REPLICA_COUNT)
    this.#before(range)
    const fillers = live.length < REPLICA_COUNT ? this.#fillers(range, members) : []
    const list = [...live, ...fillers.slice(0, REPLICA_COUNT - live.length)]
    const self = this.#c.members.self.nodeId
    // A node that fills in is asked after the members, though it is this one.
    if (!live.includes(self)) return list
    return [self, ...list.filter((nodeId) => nodeId !== self)]
  }

  /** Live members after the change under way; none when there is no change. */
  after(range: RangeId): NodeId[] {
    const next = this.#c.configs.get(range).next?.map((member) => member.nodeId) ?? []
    return next.filter((nodeId) => this.#isLive(nodeId))
  }

  /** Who takes the place of one that does not answer, in order. */
  spare(range: RangeId): NodeId[] {
    return this.#fillers(range, this.of(range))
  }

  /** Who may know more when the list knows nothing: members of the config before, of the next one, and the next nodes. */
  elsewhere(range: RangeId): NodeId[] {
    const first = this.of(range)
    const config = this.#c.configs.get(range)
    const candidates = [...voters(config), ...this.#before(range), ...this.spare(range)]
    const live = [...new Set(candidates)].filter((nodeId) => this.#isLive(nodeId) && !first.includes(nodeId))
    return live.slice(0, ELSEWHERE_MAX)
  }

  #before(range: RangeId): NodeId[] {
    const config = this.#c.configs.get(range)
    const known = this.#history.get(range)
    if (known?.epoch === config.epoch) return known.before
    const now = { epoch: config.epoch, voters: voters(config), before: known?.voters ?? [] }
    this.#history.set(range, now)
    return now.before
  }

  #fillers(range: RangeId, without: readonly NodeId[]): NodeId[] {
    this.#before(range)
    const everybody = this.#c.members.list().map((member) => member.nodeId)
    const eligible = everybody.filter((nodeId) => !without.includes(nodeId) && this.#isLive(nodeId))
    if (eligible.length <= 1) return eligible
    // Beyond what placement names, an order that all nodes agree on and that differs from range to range.
    const beyond = everybody.map((nodeId) => ({ nodeId, turn: crc32(`${range} ${nodeId}`) }))
    beyond.sort((one, other) => one.turn - other.turn || compareUtf8(one.nodeId, other.nodeId))
    const ordered = new Set([...this.#c.placement(range), ...beyond.map(({ nodeId }) => nodeId)])
    return [...ordered].filter((nodeId) => !without.includes(nodeId) && this.#isLive(nodeId))
  }

  #isLive(nodeId: NodeId): boolean {
    return nodeId === this.#c.members.self.nodeId || this.#c.members.isLive(nodeId)
  }
}

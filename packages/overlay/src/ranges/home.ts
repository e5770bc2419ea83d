import type { RangeId } from '@thor-node/core'
import type { Member, Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import type { ConfigTable } from './config-table.ts'
import type { RangeInfo, Ranges } from './contract.ts'

export interface RangeViewComponents {
  members: Members
  configs: ConfigTable
}

/** Lower is better for being home. */
const RANK = { well: 0, notServing: 1, troubled: 2, suspect: 3, incomplete: 4, last: 9 } as const

/** Undefined: cannot be home at all. */
function rank(member: Member | undefined): number | undefined {
  if (member?.state === 'suspect') return RANK.suspect
  if (member?.state !== 'alive') return undefined
  if (member.troubles?.length) return RANK.troubled
  return member.serving ? RANK.well : RANK.notServing
}

/**
 * Where ranges are, as this node sees it: the voters from the configs, who of them lives from the members. Nodes may disagree
 * for a moment about who is home; nothing rests on their agreement.
 */
export class RangeView implements Ranges {
  readonly #components: RangeViewComponents
  readonly #self: NodeId
  readonly #homes: (NodeId | undefined)[]
  readonly #gained = new Set<(range: RangeId) => void>()
  readonly #lost = new Set<(range: RangeId) => void>()
  readonly #stops: (() => void)[]

  constructor(components: RangeViewComponents, init: { self: NodeId }) {
    this.#components = components
    this.#self = init.self
    this.#homes = new Array(components.configs.count).fill(undefined)
    this.#stops = [
      components.configs.onChange(({ range }) => this.#look(range)),
      components.configs.onFilled((range) => this.#look(range)),
      components.members.onChange(() => this.refresh()),
    ]
    this.refresh()
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  info(range: RangeId): RangeInfo {
    const { epoch, next } = this.#components.configs.get(range)
    const info: RangeInfo = { range, epoch, replicas: this.replicasOf(range), home: this.homeOf(range) }
    return next ? { ...info, next: next.map(({ nodeId }) => nodeId) } : info
  }

  homeOf(range: RangeId): NodeId | undefined {
    return this.#homes[range]
  }

  replicasOf(range: RangeId): readonly NodeId[] {
    const order = this.#components.configs.get(range).old.map(({ nodeId }) => nodeId)
    const ranked = order.map((nodeId, at) => ({ nodeId, at, rank: this.#rank(nodeId, range) ?? RANK.last }))
    return ranked.sort((a, b) => a.rank - b.rank || a.at - b.at).map(({ nodeId }) => nodeId)
  }

  isHome(range: RangeId): boolean {
    return this.#homes[range] === this.#self
  }

  counts(): { held: number; home: number; changing: number } {
    const counts = { held: 0, home: 0, changing: 0 }
    for (const { range, old, next } of this.#components.configs.all()) {
      if (old.some(({ nodeId }) => nodeId === this.#self)) counts.held++
      if (this.isHome(range)) counts.home++
      if (next) counts.changing++
    }
    return counts
  }

  onGained(listener: (range: RangeId) => void): () => void {
    this.#gained.add(listener)
    return () => this.#gained.delete(listener)
  }

  onLost(listener: (range: RangeId) => void): () => void {
    this.#lost.add(listener)
    return () => this.#lost.delete(listener)
  }

  /** Looks at all ranges again. */
  refresh(): void {
    // What is thought of a node is the same in all of them, and there are thousands.
    const others = new Map(this.#components.members.list().map((member) => [member.nodeId, rank(member)]))
    for (let range = 0; range < this.#homes.length; range++) this.#look(range, others)
  }

  #rank(nodeId: NodeId, range: RangeId, others?: ReadonlyMap<NodeId, number | undefined>): number | undefined {
    const { members, configs } = this.#components
    if (nodeId !== this.#self) return others ? others.get(nodeId) : rank(members.get(nodeId))
    // A copy that is not up to date yet should not decide; it is better than nobody, though.
    const own = rank({ ...members.self, state: 'alive' }) ?? RANK.notServing
    return configs.standing(range) === 'member' ? own : RANK.incomplete
  }

  #look(range: RangeId, others?: ReadonlyMap<NodeId, number | undefined>): void {
    let home: NodeId | undefined
    let best = Number.POSITIVE_INFINITY
    for (const { nodeId } of this.#components.configs.get(range).old) {
      const own = this.#rank(nodeId, range, others)
      if (own === undefined || own >= best) continue
      best = own
      home = nodeId
    }
    const before = this.#homes[range]
    if (before === home) return
    this.#homes[range] = home
    if (before === this.#self) for (const listener of this.#lost) listener(range)
    if (home === this.#self) for (const listener of this.#gained) listener(range)
  }
}

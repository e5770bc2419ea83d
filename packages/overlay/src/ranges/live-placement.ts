import type { RangeId } from '@thor-node/core'
import type { Member, Members } from '../membership/contract.ts'
import type { NodeId } from '../peers.ts'
import { type Placement, Placer } from './placement.ts'

/** All live nodes of a range in placement order, worked out anew only when the members change. */
export function livePlacement(members: Members, rangeCount: number): (range: RangeId) => readonly NodeId[] {
  const placer = new Placer({ rangeCount })
  let placed: { list: readonly Member[]; key: string; placement: Placement } | undefined
  return (range) => {
    const list = members.list()
    // The same list until something changes: asked for every record, it must cost nothing.
    if (placed?.list !== list) {
      const live = list.filter((member) => members.isLive(member.nodeId))
      const key = live.map((member) => `${member.placementId}*${member.weight}`).join()
      placed = { list, key, placement: placed?.key === key ? placed.placement : placer.place(live) }
    }
    return placed.placement[range] ?? []
  }
}

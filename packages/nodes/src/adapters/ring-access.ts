import type { RangeId, RecordStore } from '@thor-node/core'
import type { Members, NodeId, Ranges, Rpc } from '@thor-node/overlay'

/** What the adapters use of the overlay: the door's `Overlay` has all of it, tests may bring less. */
export interface RingAccess {
  readonly self: NodeId
  readonly members: Members
  readonly ranges: Ranges
  readonly rpc: Rpc
  readonly store: RecordStore
  /** Runs `method` at the home of the range; when it does not answer, at the next live replica. Idempotent methods only. */
  callHome<A>(range: RangeId, method: string, body: unknown): Promise<A>
}

/** A notice to every other node that lives. */
export function tellOthers(ring: Pick<RingAccess, 'self' | 'members' | 'rpc'>, method: string, news: unknown): void {
  for (const nodeId of othersOf(ring)) ring.rpc.notify(nodeId, method, news)
}

/** All nodes that live but this one. */
export function othersOf({ self, members }: Pick<RingAccess, 'self' | 'members'>): NodeId[] {
  return members.list().flatMap(({ nodeId }) => (nodeId !== self && members.isLive(nodeId) ? [nodeId] : []))
}

import type { RangeId } from '@thor-node/core'
import type { NodeId } from '../peers.ts'

export interface RangeInfo {
  range: RangeId
  epoch: number
  /** Who votes now; during a change, the old members. */
  replicas: readonly NodeId[]
  /** Set during a change: who will vote after it. */
  next?: readonly NodeId[]
  /** First live replica, or undefined when none lives. */
  home: NodeId | undefined
}

/** Where ranges are, by their own configs (not by where gossip says they should be). */
export interface Ranges {
  info(range: RangeId): RangeInfo
  /** The first live replica; undefined when none lives. */
  homeOf(range: RangeId): NodeId | undefined
  /** Replicas in the order in which they would be home. */
  replicasOf(range: RangeId): readonly NodeId[]
  isHome(range: RangeId): boolean
  /** How many ranges this node holds, and is home of; and how many changes are in progress. */
  counts(): { held: number; home: number; changing: number }
  /** Ownership is an event: this node became, or ceased to be, home of the range. */
  onGained(listener: (range: RangeId) => void): () => void
  onLost(listener: (range: RangeId) => void): () => void
}

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

/** A voter of a range; `since` is the epoch of the config that added it (a stored copy with another `since` is wiped). */
export interface ConfigMember {
  nodeId: NodeId
  since: number
}

/** The numbered, durable truth about one range. `next` is set during a change (joint consensus). */
export interface RangeConfig {
  range: RangeId
  epoch: number
  old: readonly ConfigMember[]
  next?: readonly ConfigMember[]
}

/**
 * This node's copy of all configs and the rules that go with them. SET, SOFT and REG requests carry range and epoch; the
 * receiver calls `fence` before it does anything.
 */
export interface RangeConfigs {
  get(range: RangeId): RangeConfig
  /** Of all ranges, in their order. */
  all(): readonly RangeConfig[]
  /**
   * `ok` when the epochs agree (or this node could catch up with the sender's newer config). Else the newer config, which the
   * handler returns to the sender as a refusal; the sender adopts it and retries.
   */
  fence(range: RangeId, epoch: number, from: NodeId): Promise<{ ok: true } | { ok: false; newer: RangeConfig }>
  /** A config seen in a refusal or in gossip: adopted durably when newer than ours. */
  adopt(config: RangeConfig): Promise<void>
  /** Whether this node's word may count in a quorum of the range: others have found its disk to be the latest. */
  hasVoice(range: RangeId): boolean
  /** Throws `STORE_NOT_VOUCHED` unless it may. */
  checkVoice(range: RangeId): void
  /** `warming` members store what they are sent but answer no reads and count in no read quorum. */
  standing(range: RangeId): 'member' | 'warming' | 'outsider'
}

/** Records of one primitive, as a move of ranges needs them: copy in, and forget. */
export interface RangeRecords {
  /**
   * Brings this node's copy of these ranges to at least the union of what the sources have; windowed, paced, restartable.
   * `urgent` (copies are missing) goes before what only evens out.
   */
  pull(ranges: readonly RangeId[], sources: readonly NodeId[], urgent?: boolean): Promise<void>
  /** Records are written once and never change: a copy from an earlier membership is merged, not deleted, when the node is added anew. */
  readonly isUnion?: boolean
  /** Deletes this node's copy of a range. */
  wipe(range: RangeId): Promise<void>
  /**
   * Gives `members` what they lack of ranges that are no longer this node's. Answers those of which a majority has all that lies
   * here; the others may not be deleted yet.
   */
  giveLeavings?(configs: readonly RangeConfig[], members: readonly NodeId[]): Promise<Set<RangeId>>
  /** Order-free digest of the live records of a range, to compare copies. */
  digest(range: RangeId): Promise<string>
}

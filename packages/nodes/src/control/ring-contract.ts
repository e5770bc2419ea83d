/** What operators ask about the ring itself: where ranges are, whether copies are equal, draining, and recovery. Plain JSON. */
import type { RangeId } from '@thor-node/core'

export interface RingNodeView {
  name: string
  nodeId: string
  state: 'alive' | 'suspect' | 'dead' | 'left'
  serving: boolean
  zone: string
  weight: number
  /** The node that was asked. */
  self: boolean
  /** Ranges of which it is home, and a replica. */
  homes: number
  held: number
  /** The same if all live nodes were even, by weight and zone; 0 for nodes that are not live. */
  fairHomes: number
  fairHeld: number
  /** Replicas whose copy is not complete yet, and bytes copied since its start; null when it did not answer. */
  filling: number | null
  copiedIn: number | null
  copiedOut: number | null
}

/** Ranges that go from the same nodes to the same nodes. */
export interface RingMoveView {
  from: string[]
  to: string[]
  /** Not there yet; `open` of them are being moved now. */
  left: number
  open: number
  /** The most that were ever left. */
  total: number
  etaSeconds: number | null
}

export interface RingZoneView {
  zone: string
  nodes: number
  homes: number
  held: number
}

export interface RingShowResult {
  nodes: RingNodeView[]
  zones: RingZoneView[]
  /** Of each range the home, as an index into `nodes`; -1 when no replica lives. */
  homes: number[]
  /** Between two configs. */
  moving: RangeId[]
  /** Fewer live replicas than there could be. */
  thin: RangeId[]
  /** No majority lives: changes are refused. */
  closed: RangeId[]
  /** All replicas in one zone, though there are nodes in others. */
  oneZone: number
  /** The largest groups first, at most `MOVES_SHOWN_MAX`. */
  moves: RingMoveView[]
  /** Of the groups that are not listed. */
  more: { groups: number; ranges: number }
}

export const MOVES_SHOWN_MAX = 50

export interface RingMemberView {
  name: string
  nodeId: string
  state: 'alive' | 'suspect' | 'dead' | 'left' | 'unknown'
  /** Epoch of the config that made it a member: a copy from before is not this one. */
  since: number
  /** During a change: it is added, or goes; else it stays. */
  change: 'stays' | 'joins' | 'goes'
  home: boolean
  /** As it says: a whole copy, one that is being filled, none; null when it did not answer. */
  copy: 'whole' | 'filling' | 'none' | null
  /** Config that it knows; null when it did not answer. */
  epoch: number | null
}

export interface RingRangeResult {
  range: RangeId
  /** What was asked for, when that was a name. */
  name?: string
  epoch: number
  home: string | null
  changing: boolean
  members: RingMemberView[]
  /** Times that it was started anew without its majority. */
  recoveries: RecoveryView[]
}

export interface RecoveryView {
  at: number
  by: string
  epochBefore: number
  epochAfter: number
}

export interface RingVerifyQuery {
  /** First range of this part. */
  from: RangeId
  /** Ranges of this part, at most 256. */
  count: number
  /** Lets members exchange what they lack where they differ, and looks again. */
  repair?: boolean
}

export interface RingDifference {
  range: RangeId
  /** `reg`, `set`, `soft` */
  kinds: string[]
  /** Digests by kind; members with the same have the same records. Null: did not answer. */
  members: { name: string; digests: Record<string, string> | null }[]
}

export interface RingVerifyResult {
  /** Begin of the next part; null after the last. */
  next: RangeId | null
  equal: number
  /** Differing at first, equal after the repair. */
  repaired: RangeId[]
  differing: RingDifference[]
  /** Members that did not answer, so that nothing is proved. */
  unreachable: { range: RangeId; members: string[] }[]
  /** Changed at every look, or are being moved. */
  busy: RangeId[]
}

export interface DrainResult {
  /** Takes no new work: out of DNS, not chosen as relay, home where no other replica serves. */
  draining: boolean
  homes: number
  /** Calls whose media pass through this node. */
  calls: number
}

export interface RecoverQuery {
  range: RangeId | 'all-lost'
  /** False: only tell what would be done. */
  accept: boolean
  /** Who wants it; goes on record. */
  by: string
}

export interface LossView {
  range: RangeId
  epoch: number
  lost: { name: string; deadForSeconds: number }[]
  survivors: string[]
  /** Who starts the range anew, and what it has of it. */
  start: string
  copy: 'whole' | 'part' | 'none'
}

export interface RecoverResult {
  losses: LossView[]
  /** Ranges that are not to be recovered, and why. */
  refused: { range: RangeId; code: string; message: string }[]
  /** Those that were, with the epoch that they have now. */
  recovered: { range: RangeId; epoch: number; start: string }[]
}

export interface RingContract {
  ringShow(query: Record<string, never>): Promise<RingShowResult>
  /** One of the two. A name is an address, a number, whatever places records. */
  ringRange(query: { range?: RangeId; name?: string }): Promise<RingRangeResult>
  ringVerify(query: RingVerifyQuery): Promise<RingVerifyResult>
  /** With `undo` the node takes work again; without `start` it only tells. */
  drain(query: { start?: boolean; undo?: boolean }): Promise<DrainResult>
  /** Rejects when the one range that is named must not be recovered. */
  recover(query: RecoverQuery): Promise<RecoverResult>
}

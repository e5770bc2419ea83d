/** What proposers and acceptors of REG say to each other. Every request names the epoch under which it is meant. */
import type { RangeId } from '@thor-node/core'
import type { RangeConfig } from '../ranges/contract.ts'
import type { AcceptorReply } from './acceptor.ts'
import type { Ballot } from './ballot.ts'

interface RegRequest {
  range: RangeId
  epoch: number
  name: string
}

/** `reg.prepare` */
export interface PrepareRequest extends RegRequest {
  ballot: Ballot
}

/** `reg.accept` */
export interface AcceptRequest extends RegRequest {
  ballot: Ballot
  value: Uint8Array
  promise: Ballot
}

/** `reg.read`, strict */
export type ReadRequest = RegRequest

export type Newer = { type: 'newer'; config: RangeConfig }
/** `wall`: the acceptor's clock, epoch milliseconds. */
export type VoteAnswer = (AcceptorReply<Uint8Array> & { wall: number }) | Newer
export type ReadAnswer = { type: 'read'; accepted: Ballot; value: Uint8Array | undefined } | Newer

/** `reg.near`: answered by members with a complete copy only. */
export interface NearRequest {
  range: RangeId
  name: string
}
export interface NearAnswer {
  value: Uint8Array | undefined
}

/** `reg.list`: the records of ranges where the node is a member with a complete copy. */
export interface ListRequest {
  prefix: string
  /** Where the page begins, exclusive: `next` of the page before. */
  after?: string
}
export interface ListAnswer {
  /** `coverageOf` the node while it made this page. */
  complete: Uint8Array
  entries: [range: RangeId, name: string, accepted: Ballot, value: Uint8Array][]
  next?: string
}

/** `reg.pairs`: names and accepted ballots of whole ranges, for copies and re-decisions. */
export interface PairsRequest {
  ranges: { range: RangeId; epoch: number }[]
  after?: string
  /** The page is a chunk of a copy, and waits its turn. */
  copy?: boolean
}
export interface PairsAnswer {
  /** Ranges of the request about whose epoch the node has newer news, or does not know enough. */
  refused: RangeId[]
  pairs: [range: RangeId, name: string, accepted: Ballot][]
  next?: string
}

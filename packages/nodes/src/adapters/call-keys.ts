import {
  type Aor,
  RANGE_COUNT,
  type Random,
  type RangeId,
  type RecordKey,
  randomHex,
  rangeOf,
  type SoftEntry,
} from '@thor-node/core'
import type { NodeId } from '@thor-node/overlay'
import type { DialogRecord } from '@thor-node/sip'

/** `RRR-` + 24 hex digits; RRR is the range of the account billed, so the id alone finds every record of the call. */
export function makeCallUuid(billedTo: Aor, random: Random): string {
  return `${rangeOf(billedTo).toString(16).padStart(3, '0')}-${randomHex(random, 12)}`
}

/** The range in a callUuid, or undefined when it is not one (it comes back from outside, in the Record-Route cookie). */
export function rangeOfCall(callUuid: string): RangeId | undefined {
  if (!/^[0-9a-f]{3}-[0-9a-f]{24}$/.test(callUuid)) return undefined
  const range = Number.parseInt(callUuid.slice(0, 3), 16)
  return range < RANGE_COUNT ? range : undefined
}

function inRangeOf(callUuid: string, name: string): RecordKey {
  const range = rangeOfCall(callUuid)
  if (range === undefined) throw new RangeError(`not a call id: ${callUuid}`)
  return { range, name }
}

/** SOFT: the call while it lasts. Entries: `dialog` (DialogState), `media` (MediaProof), `session` (SessionState). */
export const callKey = (callUuid: string): RecordKey => inRangeOf(callUuid, `call/${callUuid}`)
/** SET: the two halves of the call record. `open` sorts before `stop`, so a scan sees them in that order. */
export const openedKey = (callUuid: string): RecordKey => inRangeOf(callUuid, `cdr/${callUuid}/a/open`)
export const stoppedKey = (callUuid: string): RecordKey => inRangeOf(callUuid, `cdr/${callUuid}/a/stop`)
/** SET: an account's way to its calls, in the account's own range. */
export const historyKey = (direction: 'placed' | 'received', aor: Aor, callUuid: string): RecordKey => ({
  range: rangeOf(aor),
  name: `${direction}/${aor}/${callUuid}`,
})

/** What any node needs to end a call. */
export interface DialogState {
  dialog: DialogRecord
  relay?: NodeId
  answeredAt: number
}

/** Until when the parties have agreed that the call goes on (RFC 4028), by the wall clock of an edge. */
export interface SessionState {
  until: number
}

/** Written by the relay every 15 s: the last proof that media flowed, by the relay's wall clock. */
export interface MediaProof {
  relay: NodeId
  provenAt: number
  callerBytes: number
  calleeBytes: number
  callerPackets: number
  calleePackets: number
  codecs: string[]
}

/** A relay that lives writes a proof more often than this. */
export const PROOF_FRESH_MS = 60_000
/** A proof that media flowed both ways outlives the call: the record of a lost call ends at it, however late that is. */
const PROOF_KEPT_MS = 13 * 3_600_000

/** How long a proof is kept, in milliseconds. Calls that only rang leave nothing behind. */
export function proofTtlMs(proof: MediaProof): number {
  return proof.callerPackets > 0 && proof.calleePackets > 0 ? PROOF_KEPT_MS : PROOF_FRESH_MS
}

/** Milliseconds since the relay wrote it. */
export function proofAgeMs(entry: SoftEntry<MediaProof>): number {
  return proofTtlMs(entry.body) - entry.ttlMs
}

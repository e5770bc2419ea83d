import type { CallRecord } from '@thor-node/accounting'
import type { CallView } from '../control/contract.ts'

/** A call as the command line shows it; `now`: epoch milliseconds. */
export const callView = (record: CallRecord, now: number): CallView => ({
  callUuid: record.callUuid,
  callId: record.callId,
  caller: record.caller,
  callee: record.callee,
  billedTo: record.billedTo,
  enum: record.enum ?? null,
  startedAt: record.startedAt,
  endedAt: record.stoppedAt ?? null,
  durationSeconds: record.durationSeconds ?? Math.max(0, Math.round((now - record.startedAt) / 1_000)),
  endCause: record.cause ?? null,
  bytesCaller: record.callerBytes,
  bytesCallee: record.calleeBytes,
  codecs: [...record.codecs],
  userAgentCaller: record.callerUserAgent,
  userAgentCallee: record.calleeUserAgent,
})

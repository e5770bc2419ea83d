/**
 * Call records: pure functions from what nodes wrote to what operators read.
 *
 * @module
 */
export {
  byLatest,
  type CallFilter,
  composeCall,
  composeCalls,
  isEndCause,
  matchesFilter,
  mergeClosed,
  mergeOpened,
  readClosed,
  readOpened,
  selectCalls,
} from './call-record.ts'
export type { CallClosed, CallOpened, CallRecord, EndCause } from './cdr.ts'

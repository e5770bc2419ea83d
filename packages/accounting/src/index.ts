/**
 * Call records and money: pure functions from what nodes wrote to what operators read, and from a stored balance to the next.
 *
 * @module
 */
export {
  available,
  type Balance,
  balanceKey,
  checkBalance,
  emptyBalance,
  type Hold,
  heldOf,
  type LedgerLine,
  ledgerKey,
  type Refusal,
  type Refused,
} from './balance.ts'
export {
  type Ended,
  type ExtendRequest,
  expire,
  extend,
  type Granted,
  type HoldRequest,
  hold,
  type SettleRequest,
  settle,
} from './balance-calls.ts'
export {
  archived,
  type Credited,
  type CreditRequest,
  closed,
  creditOf,
  dueBlock,
  type LedgerBlock,
  type LimitSet,
  refund,
  setLimit,
  topup,
  withdraw,
} from './balance-credit.ts'
export {
  byLatest,
  type CallFilter,
  composeCall,
  composeCalls,
  isEndCause,
  matchesFilter,
  mergeClosed,
  readClosed,
  readOpened,
  selectCalls,
} from './call-record.ts'
export type { CallClosed, CallOpened, CallRecord, EndCause } from './cdr.ts'
export { accountingLimits } from './limits.ts'
export type { Amount } from './money.ts'
export { archiveLedger, redeemVoucher } from './money-store.ts'
export {
  creditedVoucher,
  issueVoucher,
  useVoucher,
  type Voucher,
  type VoucherRefused,
  type VoucherUsed,
  voucherKey,
} from './voucher.ts'

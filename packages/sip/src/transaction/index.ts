export type {
  ClientTransaction,
  ClientTransactionUser,
  Hop,
  ServerTransaction,
  TimerValues,
  TransactionLayer,
} from './contract.ts'
export { MAGIC_COOKIE } from './key.ts'
export { type TransactionComponents, type TransactionInit, Transactions } from './layer.ts'
export { defaultTimers } from './timers.ts'

import { ThorError } from '@thor-node/core'

/** Every code this package raises; docs/ERRORS.md explains them. */
export type AccountingCode =
  | 'ACCOUNTING_AMOUNT'
  | 'ACCOUNTING_BAD_REQUEST'
  | 'ACCOUNTING_BALANCE_BROKEN'
  | 'ACCOUNTING_RECORD_BROKEN'

export function failure(code: AccountingCode, message: string): ThorError {
  return new ThorError(code, message)
}

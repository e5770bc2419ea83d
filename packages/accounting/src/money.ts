import { failure } from './errors.ts'
import { accountingLimits as limits } from './limits.ts'

/**
 * Money: an integer in 1/10,000 of the currency, as the rating engine prints it with `%.4f`. Every sum is checked to stay
 * where integers are exact, below 2^53.
 */
export type Amount = number

/** Throws `ACCOUNTING_AMOUNT` unless it is an amount and not negative. */
export function checkAmount(value: unknown, what: string): Amount {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as Amount
  throw failure('ACCOUNTING_AMOUNT', `${what} is no amount: an integer in 1/10,000, from 0 to below 2^53`)
}

/** The sum; throws `ACCOUNTING_AMOUNT` when it is not exact any more. */
export function plus(...amounts: readonly Amount[]): Amount {
  let sum = 0
  for (const amount of amounts) {
    sum += amount
    if (!Number.isSafeInteger(sum)) throw failure('ACCOUNTING_AMOUNT', 'a sum of money does not stay below 2^53')
  }
  return sum
}

export function checkSeq(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw failure('ACCOUNTING_BAD_REQUEST', 'the number of a step is an integer from 0')
}

/** Ids are keys of stored objects: printable, no spaces, not `__proto__`. Throws `ACCOUNTING_BAD_REQUEST`. */
export function checkId(value: unknown, what: string, bytesMax: number = limits.idBytesMax): string {
  if (typeof value === 'string' && value.length <= bytesMax && /^[A-Za-z0-9][\x21-\x7e]*$/.test(value)) return value
  throw failure('ACCOUNTING_BAD_REQUEST', `${what} is not an id: 1 to ${bytesMax} printable characters without spaces`)
}

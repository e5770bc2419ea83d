import { type Decision, type RecordKey, recordKey } from '@thor-node/core'
import { failure } from './errors.ts'
import { type Amount, checkAmount, checkId } from './money.ts'

/**
 * The register `voucher/<id>`. Used once, by one operation of one account; the money comes in a second step:
 *
 *   unused ──use(account, opId)──► used ──topup(opId) of bal/account──► ──credited(opId)──► credited
 *
 * Whoever finds a voucher used and not credited repeats the second step: `topup` has one effect under its `opId`. `redeemVoucher`
 * makes one transaction of all three, and needs no sweep.
 */
export interface Voucher {
  amount: Amount
  state: 'unused' | 'used' | 'credited'
  /** Epoch milliseconds; unused until then. */
  expiresAt?: number
  by?: { account: string; opId: string; at: number }
}

export type VoucherUsed = { type: 'used'; amount: Amount; opId: string }
export type VoucherRefused = { type: 'refused'; reason: 'unknown' | 'used' | 'expired' }

export const voucherKey = (id: string): RecordKey => recordKey('voucher', id)

/** Refuses to change a voucher that exists. */
export function issueVoucher(
  voucher: Voucher | undefined,
  request: { amount: Amount; expiresAt?: number },
): Decision<Voucher, boolean> {
  const amount = checkAmount(request.amount, 'amount')
  if (voucher) return { keep: true, result: false }
  const { expiresAt } = request
  return { body: { amount, state: 'unused', ...(expiresAt === undefined ? {} : { expiresAt }) }, result: true }
}

/** By the same operation of the same account: the same answer again. */
export function useVoucher(
  voucher: Voucher | undefined,
  request: { account: string; opId: string },
  now: number,
): Decision<Voucher, VoucherUsed | VoucherRefused> {
  const opId = checkId(request.opId, 'opId')
  const { account } = request
  if (!voucher) return { keep: true, result: { type: 'refused', reason: 'unknown' } }
  const result: VoucherUsed = { type: 'used', amount: voucher.amount, opId }
  if (voucher.by) {
    const same = voucher.by.account === account && voucher.by.opId === opId
    return { keep: true, result: same ? result : { type: 'refused', reason: 'used' } }
  }
  if (voucher.expiresAt !== undefined && voucher.expiresAt <= now) {
    return { keep: true, result: { type: 'refused', reason: 'expired' } }
  }
  return { body: { ...voucher, state: 'used', by: { account, opId, at: now } }, result }
}

/** After the money came in. Throws `ACCOUNTING_BAD_REQUEST` when another operation used the voucher. */
export function creditedVoucher(voucher: Voucher | undefined, request: { opId: string }): Decision<Voucher, null> {
  if (voucher?.by?.opId !== request.opId) throw failure('ACCOUNTING_BAD_REQUEST', 'a voucher that this did not use')
  if (voucher.state === 'credited') return { keep: true, result: null }
  return { body: { ...voucher, state: 'credited' }, result: null }
}

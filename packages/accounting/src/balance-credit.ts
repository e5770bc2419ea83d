/** Money that comes in, the credit limit, and the ledger's way from the register to SET. */
import {
  available,
  type Balance,
  emptyBalance,
  type LedgerLine,
  type Outcome,
  pruned,
  type Refused,
  refused,
  withLine,
} from './balance.ts'
import { isFull } from './balance-calls.ts'
import { accountingLimits as limits } from './limits.ts'
import { type Amount, checkAmount, checkId, plus } from './money.ts'

export interface CreditRequest {
  /** The operation: a second credit under the same id, or one that the tail still shows, has no effect. */
  opId: string
  amount: Amount
  /** The voucher, or the call that is refunded. */
  about?: string
  /** For people: what it was for; cut at `textCharsMax`. */
  text?: string
}

export type Credited = { type: 'credited'; bal: Amount }

export const topup = (balance: Balance | undefined, request: CreditRequest, now: number): Outcome<Credited | Refused> =>
  credit(balance, 'topup', request, now)

export const refund = (
  balance: Balance | undefined,
  request: CreditRequest,
  now: number,
): Outcome<Credited | Refused> => credit(balance, 'refund', request, now)

/** Money that an operator takes back: at most what is available, else refused with `credit`. */
export const withdraw = (
  balance: Balance | undefined,
  request: CreditRequest,
  now: number,
): Outcome<Credited | Refused> => credit(balance, 'withdrawal', request, now)

/**
 * The balance of an account that is deleted: nothing is left, nothing is held. Its ledger goes on, since lines of money are kept;
 * the last one is marked, so that whoever gets the address next is told nothing of what was before.
 */
export function closed(balance: Balance, request: { opId: string }, now: number): Balance {
  const before = { ...pruned(balance, now), limit: 0, holds: {} }
  return withLine(before, { at: now, kind: 'closed', amount: 0 - before.bal, ref: checkId(request.opId, 'opId') })
}

function credit(
  balance: Balance | undefined,
  kind: 'topup' | 'refund' | 'withdrawal',
  request: CreditRequest,
  now: number,
): Outcome<Credited | Refused> {
  const ref = checkId(request.opId, 'opId')
  const amount = checkAmount(request.amount, 'amount')
  const about = request.about === undefined ? {} : { about: checkId(request.about, 'about') }
  const before = pruned(balance ?? emptyBalance, now)
  const known = creditOf(before.tail, ref)
  if (known) return { keep: true, result: { type: 'credited', bal: known.bal } }
  if (isFull(before)) return refused('full')
  const taken = kind === 'withdrawal'
  if (taken && available(before) < amount) return refused('credit')
  const body = withLine(before, { at: now, kind, amount: taken ? -amount : amount, ref, ...about, ...textOf(request) })
  plus(body.bal, body.limit)
  return { body, result: { type: 'credited', bal: body.bal } }
}

const textOf = ({ text = '' }: { text?: string }): { text?: string } =>
  text === '' ? {} : { text: [...text].slice(0, limits.textCharsMax).join('') }

/** The line of a credit: how one that is too old to be repeated is looked up, in the tail and in the blocks of SET. */
export function creditOf(lines: readonly LedgerLine[], opId: string): LedgerLine | undefined {
  return lines.find(({ kind, ref }) => kind !== 'call' && ref === opId)
}

export type LimitSet = { type: 'limit'; limit: Amount }

/** Refused with `credit`, and the least limit that could be set, when less than nothing would be available. */
export function setLimit(
  balance: Balance | undefined,
  request: { limit: Amount },
  now: number,
): Outcome<LimitSet | (Refused & { least: Amount })> {
  const limit = checkAmount(request.limit, 'limit')
  const before = pruned(balance ?? emptyBalance, now)
  const least = plus(before.limit, -available(before))
  if (limit < least) return { keep: true, result: { type: 'refused', reason: 'credit', least } }
  plus(before.bal, limit)
  return { body: { ...before, limit }, result: { type: 'limit', limit } }
}

export interface LedgerBlock {
  /** Lines `block × blockLines + 1` and the following. */
  block: number
  lines: readonly LedgerLine[]
}

/**
 * The block that is to be written to SET `ledger/<account>/<block>` and then to be cut off with `archived`; undefined while the
 * tail is short. Blocks are the same for everybody who looks, so writing one twice is harmless, and cutting follows writing,
 * so a crash in between loses nothing.
 */
export function dueBlock(balance: Balance | undefined): LedgerBlock | undefined {
  if (!balance || balance.tail.length < limits.tailArchiveAt) return undefined
  return { block: firstBlock(balance), lines: balance.tail.slice(0, limits.blockLines) }
}

/** Cuts off a block that SET has. */
export function archived(
  balance: Balance | undefined,
  { block }: { block: number },
  now: number,
): Outcome<{ type: 'archived' }> {
  const result = { type: 'archived' } as const
  if (!balance || firstBlock(balance) !== block || balance.tail.length < limits.tailArchiveAt)
    return { keep: true, result }
  const opening = balance.tail[limits.blockLines - 1]?.bal ?? balance.opening
  return { body: { ...pruned(balance, now), tail: balance.tail.slice(limits.blockLines), opening }, result }
}

const firstBlock = ({ lines, tail }: Balance): number => (lines - tail.length) / limits.blockLines

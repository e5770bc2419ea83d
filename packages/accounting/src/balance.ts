import { type Aor, type Decision, type RecordKey, rangeOf, recordKey } from '@thor-node/core'
import { failure } from './errors.ts'
import { accountingLimits as limits } from './limits.ts'
import { type Amount, plus } from './money.ts'

/**
 * The register `bal/<account>`: what an account has, what its running calls hold, and the end of its ledger. Every change is a
 * pure function `(balance | undefined, request, now) → Decision`, made for `RegStore.change`:
 *
 *     reg.change(balanceKey(aor), `${resId}/${seq}`, (current, now) => hold(current?.body, request, now), { issuedAt })
 *
 * Always: available = bal + limit − Σ (amt − billed) ≥ 0, and bal = opening + Σ tail. Amounts are integers in 1/10,000.
 */
export interface Balance {
  /** Negative for what a postpaid account owes. */
  bal: Amount
  /** Credit: how far below zero `bal` may go. */
  limit: Amount
  holds: Readonly<Record<string, Hold>>
  /** What ended a short time ago, to answer repetitions. */
  settled: Readonly<Record<string, Settled>>
  /** The latest lines of the ledger, oldest first. Older ones are in SET, in blocks. */
  tail: readonly LedgerLine[]
  /** Lines that the ledger has ever had: the last one of the tail has this number. */
  lines: number
  /** `bal` before the first line of the tail. */
  opening: Amount
}

/** Money held for a running call. */
export interface Hold {
  /** Granted so far, billed or not. */
  amt: Amount
  /** Of it, already taken from `bal`. */
  billed: Amount
  /** The latest step. */
  seq: number
  callUuid: string
  /** Who controls the call, as of the latest step. */
  node: string
  /** When the latest step was made, epoch milliseconds. */
  at: number
  /** What the latest steps were granted. */
  answers: readonly (readonly [seq: number, granted: Amount])[]
}

export type Settled = readonly [seq: number, billed: Amount, uncollected: Amount, at: number]

export interface LedgerLine {
  /** From 1, without gaps. */
  n: number
  /** Epoch milliseconds. */
  at: number
  kind: 'call' | 'topup' | 'refund' | 'withdrawal' | 'closed'
  /** What `bal` changed by. */
  amount: Amount
  /** `bal` after it. */
  bal: Amount
  /** The reservation of a call, the operation of a credit. */
  ref: string
  /** The call of a reservation; the voucher or call that a credit is about. */
  about?: string
  /** What an operator wrote to a credit or withdrawal. */
  text?: string
  /** Used beyond what was held: told, never charged. */
  uncollected?: Amount
}

/** Why nothing was done. */
export type Refusal =
  /** Less available than the least that is needed. */
  | 'credit'
  /** As many calls as the account may have. */
  | 'calls'
  /** Too much to remember: the ledger is to be archived, or calls end too fast. */
  | 'full'
  /** The reservation was settled. */
  | 'ended'
  /** There is no such reservation (any more). */
  | 'unknown'
  /** A later step was made, and the answer of this one is forgotten. */
  | 'past'
  /** The reservation is there, and this step would make it. */
  | 'exists'

export type Refused = { type: 'refused'; reason: Refusal }

export const refused = (reason: Refusal): { keep: true; result: Refused } => ({
  keep: true,
  result: { type: 'refused', reason },
})

/** Plain data of a decision. */
export type Outcome<R> = Decision<Balance, R>

export const emptyBalance: Balance = { bal: 0, limit: 0, holds: {}, settled: {}, tail: [], lines: 0, opening: 0 }

export const balanceKey = (account: Aor): RecordKey => recordKey('bal', account)

/** A block of old ledger lines, in the account's range. */
export const ledgerKey = (account: Aor, block: number): RecordKey => ({
  range: rangeOf(account),
  name: `ledger/${account}/${String(block).padStart(10, '0')}`,
})

/** Granted to calls and not billed yet. */
export function heldOf({ holds }: Balance): Amount {
  let held = 0
  for (const id in holds) held = plus(held, (holds[id] as Hold).amt, -(holds[id] as Hold).billed)
  return held
}

/** What new calls may still hold. Never negative. */
export function available(balance: Balance | undefined): Amount {
  return balance ? plus(balance.bal, balance.limit, -heldOf(balance)) : 0
}

/** The balance with one more line in its ledger. */
export function withLine(
  balance: Balance,
  line: Pick<LedgerLine, 'at' | 'kind' | 'amount' | 'ref' | 'about' | 'text' | 'uncollected'>,
): Balance {
  const bal = plus(balance.bal, line.amount)
  const n = balance.lines + 1
  return { ...balance, bal, lines: n, tail: [...balance.tail, { n, ...line, bal }] }
}

/** Without what was settled long ago. `now` in epoch milliseconds. */
export function pruned(balance: Balance, now: number): Balance {
  const entries = Object.entries(balance.settled)
  const young = entries.filter(([, [, , , at]]) => at > now - limits.settledKeepMs)
  return young.length === entries.length ? balance : { ...balance, settled: Object.fromEntries(young) }
}

/** Throws `ACCOUNTING_BALANCE_BROKEN` when the rules that always hold do not: for tests, repair and audits. */
export function checkBalance(balance: Balance): void {
  const wrong = (why: string): never => {
    throw failure('ACCOUNTING_BALANCE_BROKEN', `a balance is broken: ${why}`)
  }
  const { bal, limit, holds, tail, lines, opening } = balance
  for (const amount of [bal, limit, opening]) if (!Number.isSafeInteger(amount)) wrong('an amount is no integer')
  if (limit < 0) wrong('a negative limit')
  for (const { amt, billed } of Object.values(holds)) {
    if (!Number.isSafeInteger(amt) || billed < 0 || billed > amt) wrong('more billed than granted')
  }
  if (available(balance) < 0) wrong('less than nothing is available')
  let sum = opening
  for (const [index, line] of tail.entries()) {
    sum += line.amount
    if (line.bal !== sum || line.n !== lines - tail.length + 1 + index) wrong(`line ${line.n} of the ledger`)
  }
  if (sum !== bal) wrong('the sum of the ledger is another')
}

import assert from 'node:assert/strict'
import { errorCode } from '@thor-node/core'
import { suite } from 'uvu'
import {
  accountingLimits,
  archived,
  available,
  type Balance,
  balanceKey,
  checkBalance,
  creditOf,
  dueBlock,
  expire,
  extend,
  hold,
  ledgerKey,
  refund,
  setLimit,
  settle,
  topup,
} from '../src/index.ts'

const test = suite('accounting: balance')

const NOW = Date.UTC(2026, 10, 5, 12)
const CALL = { callUuid: '0a1-000000000000000000000001', node: 'a' }

/** A register of one balance: applies decisions, checks what always holds, remembers the last answer. */
class Account {
  body: Balance | undefined
  now = NOW

  do<Q, R>(
    step: (body: Balance | undefined, request: Q, now: number) => { result: R; body?: Balance | undefined },
    request: Q,
  ): R {
    const decision = step(this.body, request, this.now)
    if (!('keep' in decision)) {
      this.body = decision.body
      checkBalance(this.body as Balance)
    }
    return decision.result
  }

  get available(): number {
    return available(this.body)
  }
}

function accountWith(amount: number): Account {
  const account = new Account()
  account.do(topup, { opId: 'first', amount })
  return account
}

test('a call holds, extends, settles; what it did not use comes back', () => {
  const account = accountWith(10_000)
  const r = { resId: 'r1', ...CALL }
  assert.deepEqual(account.do(hold, { ...r, seq: 0, ask: 3_000, need: 1_000 }), { type: 'granted', granted: 3_000 })
  assert.equal(account.available, 7_000)
  assert.deepEqual(account.do(extend, { resId: 'r1', seq: 1, used: 2_500, more: 3_000 }), {
    type: 'granted',
    granted: 3_000,
  })
  assert.equal(account.body?.bal, 7_500)
  assert.equal(account.available, 4_000)
  const end = account.do(settle, { resId: 'r1', seq: 2, used: 4_000 })
  assert.deepEqual(end, { type: 'settled', billed: 4_000, uncollected: 0 })
  assert.equal(account.body?.bal, 6_000)
  assert.equal(account.available, 6_000)
  assert.deepEqual(
    account.body?.tail.map(({ n, kind, amount, ref }) => [n, kind, amount, ref]),
    [
      [1, 'topup', 10_000, 'first'],
      [2, 'call', -2_500, 'r1'],
      [3, 'call', -1_500, 'r1'],
    ],
  )
})

test('a hold is refused below its need, at the calls allowed, and grants what there is', () => {
  const account = accountWith(1_000)
  const ask = (resId: string, seq: number, ask: number, need: number, callsMax?: number) =>
    account.do(hold, { resId, seq, ask, need, ...CALL, ...(callsMax === undefined ? {} : { callsMax }) })
  assert.deepEqual(ask('r1', 0, 5_000, 1_001), { type: 'refused', reason: 'credit' })
  assert.deepEqual(ask('r1', 0, 700, 700), { type: 'granted', granted: 700 })
  assert.deepEqual(ask('r2', 0, 5_000, 300), { type: 'granted', granted: 300 })
  assert.deepEqual(ask('r3', 0, 1, 1), { type: 'refused', reason: 'credit' })
  assert.deepEqual(ask('r3', 0, 0, 0, 2), { type: 'refused', reason: 'calls' })
  assert.deepEqual(ask('r3', 0, 0, 0, 3), { type: 'granted', granted: 0 }, 'a free call of an empty account')
  assert.deepEqual(account.do(extend, { resId: 'r1', seq: 1, used: 600, more: 500 }), { type: 'granted', granted: 0 })
  assert.equal(account.available, 0)
})

test('credit lets a balance go below zero, down to the limit', () => {
  const account = new Account()
  assert.deepEqual(account.do(hold, { resId: 'r0', seq: 0, ask: 10, need: 10, ...CALL }), {
    type: 'refused',
    reason: 'credit',
  })
  assert.deepEqual(account.do(setLimit, { limit: 5_000 }), { type: 'limit', limit: 5_000 })
  account.do(hold, { resId: 'r1', seq: 0, ask: 4_000, need: 10, ...CALL })
  assert.deepEqual(account.do(setLimit, { limit: 3_999 }), { type: 'refused', reason: 'credit', least: 4_000 })
  account.do(settle, { resId: 'r1', seq: 1, used: 3_000 })
  assert.equal(account.body?.bal, -3_000)
  assert.deepEqual(account.do(setLimit, { limit: 3_000 }), { type: 'limit', limit: 3_000 })
  assert.equal(account.available, 0)
})

test('a step that was made answers as it did, and changes nothing', () => {
  const account = accountWith(10_000)
  const first = { resId: 'r1', seq: 0, ask: 100, need: 1, ...CALL }
  account.do(hold, first)
  const second = { resId: 'r1', seq: 1, used: 50, more: 70 }
  account.do(extend, second)
  const before = account.body
  assert.deepEqual(account.do(hold, first), { type: 'granted', granted: 100 })
  assert.deepEqual(account.do(extend, second), { type: 'granted', granted: 70 })
  assert.deepEqual(account.do(extend, { ...second, used: 99 }), { type: 'granted', granted: 70 }, 'whoever sends it')
  assert.deepEqual(account.do(settle, { resId: 'r1', seq: 1, used: 60 }), { type: 'granted', granted: 70 })
  assert.deepEqual(account.do(hold, { ...first, seq: 2 }), { type: 'refused', reason: 'exists' })
  assert.equal(account.body, before)
  account.do(extend, { resId: 'r1', seq: 2, used: 50, more: 0 })
  assert.deepEqual(account.do(hold, first), { type: 'refused', reason: 'past' }, 'its answer is forgotten')
  const end = account.do(settle, { resId: 'r1', seq: 3, used: 60 })
  for (const seq of [0, 3, 9]) assert.deepEqual(account.do(settle, { resId: 'r1', seq, used: 99 }), end)
  assert.deepEqual(account.do(hold, first), { type: 'refused', reason: 'ended' })
  assert.deepEqual(account.do(extend, { ...second, seq: 4 }), { type: 'refused', reason: 'ended' })
  assert.deepEqual(account.do(expire, { resId: 'r1', seq: 3, used: 0 }), end)
})

test('results of settled calls are kept 15 minutes', () => {
  const account = accountWith(10_000)
  account.do(hold, { resId: 'r1', seq: 0, ask: 100, need: 1, ...CALL })
  account.do(settle, { resId: 'r1', seq: 1, used: 60 })
  account.now += accountingLimits.settledKeepMs - 1
  assert.equal(account.do(settle, { resId: 'r1', seq: 1, used: 60 }).type, 'settled')
  account.now += 1
  assert.deepEqual(account.do(settle, { resId: 'r1', seq: 1, used: 60 }), { type: 'refused', reason: 'unknown' })
  account.do(topup, { opId: 'x', amount: 1 })
  assert.deepEqual(account.body?.settled, {})
})

test('an excess is told as uncollected and never charged', () => {
  const account = accountWith(1_000)
  account.do(hold, { resId: 'r1', seq: 0, ask: 100, need: 1, ...CALL })
  const end = account.do(settle, { resId: 'r1', seq: 1, used: 130 })
  assert.deepEqual(end, { type: 'settled', billed: 100, uncollected: 30 })
  assert.equal(account.body?.bal, 900)
  assert.equal(account.body?.tail.at(-1)?.uncollected, 30)
})

test('an expiry settles the last step only', () => {
  const account = accountWith(1_000)
  account.do(hold, { resId: 'r1', seq: 0, ask: 100, need: 1, ...CALL })
  account.do(extend, { resId: 'r1', seq: 1, used: 80, more: 100, node: 'b' })
  assert.equal(account.body?.holds.r1?.node, 'b')
  assert.deepEqual(account.do(expire, { resId: 'r1', seq: 0, used: 80 }), { type: 'moved', seq: 1 })
  const end = { type: 'settled', billed: 80, uncollected: 0 }
  assert.deepEqual(account.do(expire, { resId: 'r1', seq: 1, used: 20 }), end, 'what was billed stays billed')
  assert.deepEqual(account.do(settle, { resId: 'r1', seq: 2, used: 150 }), end, 'who comes later changes nothing')
  assert.deepEqual(account.do(expire, { resId: 'r9', seq: 0, used: 0 }), { type: 'refused', reason: 'unknown' })
})

test('a credit has one effect under its id, as long as the ledger shows it', () => {
  const account = accountWith(1_000)
  assert.deepEqual(account.do(topup, { opId: 'first', amount: 1_000 }), { type: 'credited', bal: 1_000 })
  assert.deepEqual(account.do(refund, { opId: 'back', amount: 5, about: 'r1' }), { type: 'credited', bal: 1_005 })
  assert.equal(creditOf(account.body?.tail ?? [], 'back')?.about, 'r1')
})

test('what is no amount, no id or no step is refused, and nothing changes', () => {
  const account = accountWith(1_000)
  const before = account.body
  for (const amount of [-1, 1.5, Number.NaN, 2 ** 53, '5' as unknown as number]) {
    assert.throws(
      () => account.do(topup, { opId: 'x', amount }),
      (error) => errorCode(error) === 'ACCOUNTING_AMOUNT',
    )
  }
  assert.throws(() => account.do(topup, { opId: 'x', amount: 2 ** 53 - 1 }), /2\^53/)
  assert.throws(() => account.do(setLimit, { limit: 2 ** 53 - 1 }), /2\^53/)
  const good = { resId: 'r1', seq: 0, ask: 10, need: 1, ...CALL }
  for (const bad of [
    { resId: '__proto__' },
    { resId: '' },
    { resId: 'x'.repeat(41) },
    { seq: -1 },
    { need: 11 },
    { node: 'a b' },
  ]) {
    assert.throws(
      () => account.do(hold, { ...good, ...bad }),
      (error) => errorCode(error) === 'ACCOUNTING_BAD_REQUEST',
    )
  }
  assert.equal(account.body, before)
  assert.throws(
    () => checkBalance({ ...(before as Balance), bal: 7 }),
    (error) => errorCode(error) === 'ACCOUNTING_BALANCE_BROKEN',
  )
})

test('the oldest block of the ledger is cut once it is written, and only once', () => {
  const account = accountWith(1)
  const lines = [account.body?.tail[0]]
  for (let i = 2; i <= 150; i++) {
    account.do(topup, { opId: `t${i}`, amount: i })
    lines.push(account.body?.tail.at(-1))
    const due = dueBlock(account.body)
    if (!due) continue
    assert.deepEqual(due.lines, lines.slice(due.block * 32, due.block * 32 + 32))
    account.do(archived, due)
    assert.equal(account.do(archived, due).type, 'archived')
    assert.equal(account.body?.tail.at(0)?.n, due.block * 32 + 33)
  }
  assert.ok((account.body?.tail.length ?? 0) < accountingLimits.tailArchiveAt)
  assert.equal(account.body?.lines, 150)
  assert.equal(ledgerKey('a@b.c', 3).name, 'ledger/a@b.c/0000000003')
  assert.equal(ledgerKey('a@b.c', 3).range, balanceKey('a@b.c').range)
})

test('a ledger that nobody archives refuses new money and new calls; what runs can settle', () => {
  const account = accountWith(1_000)
  account.do(hold, { resId: 'r1', seq: 0, ask: 100, need: 1, ...CALL })
  let last: { type: string } = { type: '' }
  for (let i = 0; i <= accountingLimits.tailRefuseAt; i++) last = account.do(topup, { opId: `t${i}`, amount: 1 })
  const full = { type: 'refused', reason: 'full' }
  assert.deepEqual(last, full)
  assert.deepEqual(account.do(hold, { resId: 'r2', seq: 0, ask: 100, need: 1, ...CALL }), full)
  assert.deepEqual(account.do(extend, { resId: 'r1', seq: 1, used: 50, more: 100 }), full)
  assert.deepEqual(account.do(settle, { resId: 'r1', seq: 1, used: 90 }), {
    type: 'settled',
    billed: 90,
    uncollected: 0,
  })
  account.do(archived, { block: 0 })
  assert.equal(account.do(topup, { opId: 'again', amount: 1 }).type, 'credited')
})

test('calls that end faster than they may be forgotten are refused, not forgotten', () => {
  const account = accountWith(1_000)
  let made = 0
  for (; made <= accountingLimits.reservationsMax; made++) {
    if (account.do(hold, { resId: `r${made}`, seq: 0, ask: 0, need: 0, ...CALL }).type === 'refused') break
    account.do(settle, { resId: `r${made}`, seq: 1, used: 0 })
  }
  assert.equal(made, accountingLimits.reservationsMax)
  account.now += accountingLimits.settledKeepMs
  assert.equal(account.do(hold, { resId: 'later', seq: 0, ask: 0, need: 0, ...CALL }).type, 'granted')
})

test.run()

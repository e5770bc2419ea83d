import assert from 'node:assert/strict'
import fc from 'fast-check'
import { suite } from 'uvu'
import {
  type Balance,
  creditedVoucher,
  issueVoucher,
  topup,
  useVoucher,
  type Voucher,
  voucherKey,
} from '../src/index.ts'

const test = suite('accounting: vouchers')

const bodyOf = <B, R>(before: B | undefined, decision: { result: R; body?: B | undefined }): B | undefined =>
  'keep' in decision ? before : decision.body

const fresh = bodyOf<Voucher, boolean>(undefined, issueVoucher(undefined, { amount: 500, expiresAt: 1_000 })) as Voucher

test('a voucher is used once, by one operation of one account', () => {
  const mine = { account: 'a@x', opId: 'op1' }
  const used = useVoucher(fresh, mine, 10)
  assert.deepEqual(used.result, { type: 'used', amount: 500, opId: 'op1' })
  const body = bodyOf(fresh, used) as Voucher
  assert.deepEqual(useVoucher(body, mine, 2_000), { keep: true, result: used.result }, 'also after it ran out')
  for (const other of [
    { account: 'b@x', opId: 'op1' },
    { account: 'a@x', opId: 'op2' },
  ]) {
    assert.deepEqual(useVoucher(body, other, 20).result, { type: 'refused', reason: 'used' })
  }
  assert.throws(() => creditedVoucher(body, { opId: 'op2' }), /did not use/)
  const credited = bodyOf(body, creditedVoucher(body, { opId: 'op1' })) as Voucher
  assert.equal(credited.state, 'credited')
  assert.ok('keep' in creditedVoucher(credited, { opId: 'op1' }))
})

test('unknown and expired vouchers are refused; an issue does not replace one', () => {
  const mine = { account: 'a@x', opId: 'op1' }
  assert.deepEqual(useVoucher(undefined, mine, 10).result, { type: 'refused', reason: 'unknown' })
  assert.deepEqual(useVoucher(fresh, mine, 1_000).result, { type: 'refused', reason: 'expired' })
  assert.equal(issueVoucher(fresh, { amount: 9 }).result, false)
  assert.throws(() => issueVoucher(undefined, { amount: -9 }), /amount/)
  assert.equal(voucherKey('v1').name, 'voucher/v1')
})

test('whatever stops in between and is repeated, the money comes in once', () => {
  const who = fc.record({ account: fc.constantFrom('a@x', 'b@x'), opId: fc.constantFrom('op1', 'op2') })
  fc.assert(
    fc.property(fc.array(fc.record({ who, stopAfter: fc.nat(3) }), { maxLength: 12 }), (attempts) => {
      let voucher: Voucher | undefined = fresh
      const balances = new Map<string, Balance | undefined>()
      const run = ({ account, opId }: { account: string; opId: string }, stopAfter: number): void => {
        if (stopAfter < 1) return
        const use = useVoucher(voucher, { account, opId }, 10)
        voucher = bodyOf(voucher, use)
        if (use.result.type !== 'used' || stopAfter < 2) return
        const before = balances.get(account)
        balances.set(account, bodyOf(before, topup(before, { opId, amount: use.result.amount, about: 'v1' }, 10)))
        if (stopAfter < 3) return
        voucher = bodyOf(voucher, creditedVoucher(voucher, { opId }))
      }
      for (const attempt of attempts) run(attempt.who, attempt.stopAfter)
      // The sweep.
      if (voucher?.by) run(voucher.by, 3)
      const sum = [...balances.values()].reduce((all, balance) => all + (balance?.bal ?? 0), 0)
      assert.equal(sum, voucher?.by ? 500 : 0)
      assert.equal(voucher?.state, voucher?.by ? 'credited' : 'unused')
    }),
  )
})

test.run()

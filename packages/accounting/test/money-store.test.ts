import assert from 'node:assert/strict'
import type { KeyChange, RecordKey, RecordStore, Versioned } from '@thor-node/core'
import { suite } from 'uvu'
import {
  accountingLimits,
  archiveLedger,
  type Balance,
  balanceKey,
  checkBalance,
  issueVoucher,
  type LedgerLine,
  redeemVoucher,
  topup,
  type Voucher,
  voucherKey,
} from '../src/index.ts'

const test = suite('accounting: money in a store')

const ALICE = 'alice@example.com'

/** Registers and sets in maps; `fails` throws at a chosen operation, before or after it is done. */
function makeStore() {
  const bodies = new Map<string, unknown>()
  const sets = new Map<string, unknown>()
  const done = new Map<string, unknown>()
  const control = { fails: (_step: string): void => undefined }
  const read = <B>({ name }: RecordKey): Versioned<B> | undefined =>
    bodies.has(name) ? { rev: 1, etag: '', body: structuredClone(bodies.get(name)) as B } : undefined
  const transact = async <R>(opId: string, changes: readonly KeyChange<R>[]): Promise<R[]> => {
    control.fails('before change')
    const id = `${opId} ${changes.map(({ key }) => key.name)}`
    if (!done.has(id)) {
      const decisions = changes.map(({ key, fn }) => ({ key, decision: fn(read(key), 1_000) }))
      for (const { key, decision } of decisions) if (!('keep' in decision)) bodies.set(key.name, decision.body)
      done.set(
        id,
        decisions.map(({ decision }) => decision.result),
      )
    }
    control.fails('after change')
    return done.get(id) as R[]
  }
  const store = {
    reg: {
      transact,
      read: async (key: RecordKey) => read(key),
      change: async (key: RecordKey, opId: string, fn: KeyChange['fn']) => (await transact(opId, [{ key, fn }]))[0],
    },
    set: {
      async put({ name }: RecordKey, body: unknown) {
        control.fails('before put')
        if (sets.has(name)) assert.deepEqual(sets.get(name), body, 'a block is the same for everybody')
        sets.set(name, body)
        control.fails('after put')
      },
    },
  } as unknown as RecordStore
  return { store, bodies, sets, control }
}

const give = (store: RecordStore, opId: string, amount: number) =>
  store.reg.change<Balance, { type: string }>(balanceKey(ALICE), opId, (current, now) =>
    topup(current?.body, { opId, amount }, now),
  )

test('a voucher is redeemed once: used, credited and in the ledger together, or refused with its reason', async () => {
  const { store, bodies } = makeStore()
  const redeem = (opId: string) => redeemVoucher(store.reg, { voucher: 'v1', account: ALICE, opId, issuedAt: 5 })
  assert.deepEqual(await redeem('op0'), { type: 'refused', reason: 'unknown' })
  await store.reg.change<Voucher, boolean>(voucherKey('v1'), 'issue', (current) =>
    issueVoucher(current?.body, { amount: 500 }),
  )
  assert.deepEqual(await redeem('op1'), { type: 'credited', bal: 500 })
  assert.deepEqual(await redeem('op1'), { type: 'credited', bal: 500 })
  assert.deepEqual(await redeem('op2'), { type: 'refused', reason: 'used' })
  assert.equal((bodies.get('voucher/v1') as Voucher).state, 'credited')
  const balance = bodies.get(`bal/${ALICE}`) as Balance
  assert.deepEqual(
    balance.tail.map(({ ref, about, amount }) => [ref, about, amount]),
    [['op1', 'v1', 500]],
  )
})

test('a balance that takes no more leaves the voucher unused', async () => {
  const { store, bodies } = makeStore()
  for (let i = 0; i < accountingLimits.tailRefuseAt; i++) await give(store, `t${i}`, 1)
  await store.reg.change<Voucher, boolean>(voucherKey('v1'), 'issue', () => issueVoucher(undefined, { amount: 5 }))
  const request = { voucher: 'v1', account: ALICE, opId: 'op1' }
  assert.deepEqual(await redeemVoucher(store.reg, request), { type: 'refused', reason: 'full' })
  assert.equal((bodies.get('voucher/v1') as Voucher).state, 'unused')
  await archiveLedger(store, ALICE)
  assert.deepEqual(await redeemVoucher(store.reg, { ...request, opId: 'op2' }), { type: 'credited', bal: 101 })
})

test('wherever archiving stops, no line of the ledger is lost or there twice', async () => {
  for (let at = 1; at <= 8; at++) {
    const { store, bodies, sets, control } = makeStore()
    for (let i = 0; i < accountingLimits.tailRefuseAt; i++) await give(store, `t${i}`, i)
    let step = 0
    control.fails = () => {
      step += 1
      if (step === at) throw new Error('stopped')
    }
    await archiveLedger(store, ALICE).catch(() => undefined)
    control.fails = () => undefined
    await archiveLedger(store, ALICE)
    const balance = bodies.get(`bal/${ALICE}`) as Balance
    checkBalance(balance)
    const blocks = [...sets.keys()].sort().flatMap((name) => sets.get(name) as LedgerLine[])
    assert.deepEqual(
      [...blocks, ...balance.tail].map(({ ref }) => ref),
      Array.from({ length: accountingLimits.tailRefuseAt }, (_, i) => `t${i}`),
      `stopped at ${at}`,
    )
  }
})

test.run()

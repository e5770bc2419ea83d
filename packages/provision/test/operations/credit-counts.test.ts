import { deadline, SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../src/limits.ts'
import { CreditCounts } from '../../src/operations/credit-counts.ts'
import { withCustomers } from '../support/soap-ask.ts'

const test = suite('provision: counts for limits of customers')

test('one count serves for half a second, and what is let pass meanwhile counts', async () => {
  const clock = new SimClock()
  const counts = new CreditCounts({ clock })
  let [has, made] = [3, 0]
  const before = (allowed: number) =>
    counts.before('a', allowed, async () => {
      made++
      return has
    })
  const many = 10 + limits.creditNear
  assert.equal([await before(many), await before(many), await before(many)], [3, 4, 5])
  assert.is(made, 1)
  has = 6
  await clock.advance(limits.creditCountMs)
  assert.is(await before(many), 6)
  assert.is(made, 2)
})

test('near its limit a customer is counted each time: other nodes let pass too', async () => {
  const counts = new CreditCounts({ clock: new SimClock() })
  let has = 0
  const before = () => counts.before('a', limits.creditNear, async () => has)
  for (; has < 3; has++) assert.is(await before(), has)
  has = limits.creditNear
  assert.is(await before(), has)
})

test('who adds at the same time waits for one count, which may fail', async () => {
  const counts = new CreditCounts({ clock: new SimClock() })
  let made = 0
  let fails = false
  const before = () =>
    counts.before('a', 10 + limits.creditNear, async () => {
      made++
      if (fails) throw new Error('no list')
      return 0
    })
  assert.equal((await Promise.all([before(), before(), before()])).sort(), [0, 1, 2])
  assert.is(made, 1)
  const other = new CreditCounts({ clock: new SimClock() })
  fails = true
  const failed = () => other.before('a', 10, async () => Promise.reject(new Error('no list'))).catch(() => 'failed')
  assert.equal(await Promise.all([failed(), failed()]), ['failed', 'failed'])
  assert.is(await other.before('a', 10, async () => 7), 7)
})

test(
  'a customer adds accounts up to its limit, and the ring is not listed for each',
  deadline(5_000, async () => {
    const { ask, as, store } = await withCustomers()
    const properties = [
      { name: 'sip_credit', value: `${limits.creditNear + 20}`, category: 'credit', permission: 'reseller' },
    ]
    await ask('Customer.setProperties', { customer: 2, properties })
    const customer = await as('cust')
    let lists = 0
    store.reg.before = (operation, name) => {
      if (operation === 'list' && name === 'acct/') lists++
    }
    const add = (n: number) =>
      customer('Sip.addAccount', { account: { id: { username: `u${n}`, domain: 'two.example' }, password: 'pw' } })
    for (let n = 0; n < 20; n++) await add(n)
    assert.ok(lists < 5, `${lists} lists`)
    for (let n = 20; n < limits.creditNear + 20; n++) await add(n)
    assert.is(await add(limits.creditNear + 20).catch((error) => error.code), 'PROVISION_CREDIT_EXHAUSTED')
  }),
)

test.run()

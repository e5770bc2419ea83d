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
  assert.equal([await before(10), await before(10), await before(10)], [3, 4, 5])
  assert.is(made, 1)
  // What was let pass may have failed: nobody is refused before it was counted again.
  assert.is(await before(6), 3)
  assert.is(made, 2)
  has = 6
  await clock.advance(limits.creditCountMs)
  assert.is(await before(10), 6)
  assert.is(made, 3)
})

test('who adds at the same time waits for one count, which may fail', async () => {
  const counts = new CreditCounts({ clock: new SimClock() })
  let made = 0
  let fails = false
  const before = () =>
    counts.before('a', 10, async () => {
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
    const properties = [{ name: 'sip_credit', value: '20', category: 'credit', permission: 'reseller' }]
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
    assert.is(await add(20).catch((error) => error.code), 'PROVISION_CREDIT_EXHAUSTED')
  }),
)

test.run()

/** How many records of a kind a customer may have: `…_credit`, for each kind. */
import { errorCode } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { withCustomers } from '../support/soap-ask.ts'

const test = suite('provision: delegation credits')
const codeOf = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => undefined, errorCode)
const of = (username: string) => ({ username, domain: 'two.example' })
const TLD = 'e164.arpa'

const kinds: [credit: string, operation: string, args: (index: number) => Record<string, unknown>][] = [
  ['sip_credit', 'Sip.addAccount', (n) => ({ account: { id: of(`user${n}`), password: 'pw' } })],
  ['sip_alias_credit', 'Sip.addAlias', (n) => ({ alias: { id: of(`alias${n}`), target: of('user0') } })],
  ['enum_range_credit', 'Enum.addRange', (n) => ({ range: { id: { prefix: `3${n}`, tld: TLD } } })],
  ['enum_number_credit', 'Enum.addNumber', (n) => ({ number: { id: { number: `30${n}1234567`, tld: TLD } } })],
  ['dns_zone_credit', 'Dns.addZone', (n) => ({ zone: { name: `zone${n}.example` } })],
  [
    'email_credit',
    'Dns.addFancyRecord',
    (n) => ({ record: { zone: 'zone0.example', name: `info${n}`, type: 'MBOXFW', value: 'a@example.com' } }),
  ],
]

/** The customer may have so many of each kind. */
async function withCredits(allowed: number) {
  const made = await withCustomers()
  const properties = kinds.map(([name]) => ({ name, value: `${allowed}`, category: 'credit', permission: 'reseller' }))
  await made.ask('Customer.setProperties', { customer: 2, properties })
  return { ...made, cust: await made.as('cust') }
}

test(
  'of each kind as many as are allowed and no more; an administrator goes beyond it, one less makes room',
  deadline(10_000, async () => {
    const { ask, cust } = await withCredits(2)
    for (const [credit, name, args] of kinds) {
      for (const n of [0, 1]) assert.is(await codeOf(cust(name, args(n))), undefined, credit)
      assert.is(await codeOf(cust(name, args(2))), 'PROVISION_CREDIT_EXHAUSTED', credit)
    }
    await cust('Sip.deleteAlias', { id: of('alias1') })
    assert.is(await codeOf(cust('Sip.addAlias', { alias: { id: of('alias2'), target: of('user0') } })), undefined)
    await ask('Sip.addAccount', { account: { id: of('more'), password: 'pw' } })
    assert.is((await cust('Sip.getAccounts')).total, 3)
  }),
)

test(
  'what is added together is counted together',
  deadline(10_000, async () => {
    const { cust } = await withCredits(2)
    await cust('Enum.addRange', { range: { id: { prefix: '30', tld: TLD } } })
    const subscriber = (name: string, aliases: number, numbers: number) => ({
      subscriber: {
        account: { id: of(name), password: 'pw' },
        aliases: Array.from({ length: aliases }, (_, n) => of(`${name}${n}`)),
        numbers: Array.from({ length: numbers }, (_, n) => ({ number: `30${name.length}${n}123456`, tld: TLD })),
      },
    })
    for (const [aliases, numbers] of [
      [3, 0],
      [0, 3],
    ] as const) {
      const refused = cust('Platform.addSubscriber', subscriber('a', aliases, numbers))
      assert.is(await codeOf(refused), 'PROVISION_CREDIT_EXHAUSTED', `${aliases} ${numbers}`)
    }
    assert.is((await cust('Sip.getAccounts')).total, 0)
    await cust('Platform.addSubscriber', subscriber('a', 2, 2))
    const more = [subscriber('bb', 1, 0), subscriber('bb', 0, 1)]
    for (const one of more) assert.is(await codeOf(cust('Platform.addSubscriber', one)), 'PROVISION_CREDIT_EXHAUSTED')
    await cust('Platform.addSubscriber', subscriber('bb', 0, 0))
    assert.is(await codeOf(cust('Platform.addSubscriber', subscriber('ccc', 0, 0))), 'PROVISION_CREDIT_EXHAUSTED')
  }),
)

test.run()

import { errorCode } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../src/limits.ts'
import { withCustomers } from '../support/soap-ask.ts'

const test = suite('provision: rights')
const codeOf = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => undefined, errorCode)
const account = (username: string, domain: string) => ({ account: { id: { username, domain }, password: 'pw' } })

test(
  'a customer sees and changes what is its own, a reseller what is of its customers, and nobody more',
  deadline(10_000, async () => {
    const { as } = await withCustomers()
    const domains = async (ask: Awaited<ReturnType<typeof as>>) =>
      (await ask('Sip.getDomains', {})).domains.map(({ domain }: { domain: string }) => domain)
    assert.equal(await domains(await as('admin', 'secret')), ['one.example', 'three.example', 'two.example'])
    assert.equal(await domains(await as('resell')), ['one.example', 'two.example'])
    assert.equal(await domains(await as('cust')), ['two.example'])
    assert.equal(await domains(await as('admin', 'secret', 2)), ['two.example'])
    assert.equal(await domains(await as('admin', 'secret', 1)), ['one.example', 'two.example'])
    assert.equal(await domains(await as('resell', 'pw', 2)), ['two.example'])
    assert.is(await codeOf(as('resell', 'pw', 3)), 'PROVISION_FORBIDDEN')
    assert.is(await codeOf(as('cust', 'pw', 1)), 'PROVISION_FORBIDDEN')
    assert.is(await codeOf(as('cust', 'wrong')), 'PROVISION_UNAUTHENTICATED')

    const cust = await as('cust')
    await cust('Sip.addAccount', account('alice', 'two.example'))
    assert.is(await codeOf(cust('Sip.addAccount', account('alice', 'three.example'))), 'PROVISION_FORBIDDEN')
    assert.is(await codeOf(cust('Sip.addAccount', account('alice', 'one.example'))), 'PROVISION_FORBIDDEN')
    assert.is(await codeOf(cust('Customer.getAccount', { id: 3 })), 'PROVISION_CUSTOMER_UNKNOWN')
    assert.is((await cust('Customer.getAccount', { id: 2 })).username, 'cust')
    assert.is(
      await codeOf(cust('Customer.addAccount', { account: { username: 'x', password: 'pw' } })),
      'PROVISION_FORBIDDEN',
    )
    assert.is(await codeOf(cust('Sip.addCarrier', { carrier: { name: 'c' } })), 'PROVISION_FORBIDDEN')
    assert.is(await codeOf(cust('Network.getStatus')), 'PROVISION_FORBIDDEN')
    const own = await cust('Customer.updateAccount', { account: { id: 2, impersonate: 2, city: 'Delft' } })
    assert.equal([own.city, own.impersonate], ['Delft', 2])
    assert.is(
      await codeOf(cust('Customer.updateAccount', { account: { id: 2, impersonate: 1 } })),
      'PROVISION_FORBIDDEN',
    )
    assert.is(await codeOf(cust('Customer.updateAccount', { account: { id: 2, balance: 5 } })), 'PROVISION_FORBIDDEN')

    const resell = await as('resell')
    const made = await resell('Customer.addAccount', { account: { username: 'new', password: 'pw' } })
    assert.is(made.reseller, 1)
    const carrier = await resell('Sip.addCarrier', { carrier: { name: 'c' } })
    assert.is(carrier.reseller, 1)
    assert.is(
      await codeOf((await as('other'))('Sip.updateCarrier', { carrier: { id: carrier.id } })),
      'PROVISION_CARRIER_UNKNOWN',
    )
    const taken = { domain: { domain: 'one.example', customer: 3, reseller: 3 } }
    assert.is(await codeOf(resell('Sip.updateDomain', taken)), 'PROVISION_FORBIDDEN')
  }),
)

test(
  'a customer may have the rights of its reseller',
  deadline(5_000, async () => {
    const { ask, as } = await withCustomers()
    await ask('Customer.updateAccount', { account: { id: 2, impersonate: 1 } })
    assert.is((await (await as('cust'))('Sip.getDomains', {})).total, 2)
    assert.is(
      await codeOf(ask('Customer.updateAccount', { account: { id: 2, impersonate: 3 } })),
      'PROVISION_INVALID_VALUE',
    )
  }),
)

test(
  'a reseller that is not active adds nothing, nor do its customers',
  deadline(5_000, async () => {
    const { ask, as } = await withCustomers()
    await ask('Customer.updateAccount', { account: { id: 1, resellerActive: false } })
    for (const name of ['resell', 'cust']) {
      const caller = await as(name)
      assert.is(await codeOf(caller('Sip.addAccount', account('a', 'two.example'))), 'PROVISION_FORBIDDEN', name)
      assert.is(
        await codeOf(caller('Sip.addDomain', { domain: { domain: 'new.example' } })),
        'PROVISION_FORBIDDEN',
        name,
      )
    }
    const other = await as('other')
    await other('Sip.addAccount', account('a', 'three.example'))
  }),
)

test(
  'accounts may be added to what is a customer’s, whoever its reseller is said to be',
  deadline(5_000, async () => {
    const { ask, as } = await withCustomers()
    await ask('Sip.addDomain', { domain: { domain: 'four.example', customer: 2 } })
    await (await as('cust'))('Sip.addAccount', account('a', 'four.example'))
  }),
)

test(
  'properties that bind a customer are not its own to change',
  deadline(5_000, async () => {
    const { as } = await withCustomers()
    const [resell, cust] = [await as('resell'), await as('cust')]
    const property = (name: string, value: string, category: string, permission: string) => ({
      name,
      value,
      category,
      permission,
    })
    await resell('Customer.setProperties', {
      customer: 2,
      properties: [property('sip_credit', '1', 'credit', 'reseller')],
    })
    await cust('Customer.setProperties', { customer: 2, properties: [property('color', 'blue', 'web', 'customer')] })
    const more = { customer: 2, properties: [property('sip_credit', '9', 'credit', 'customer')] }
    assert.is(await codeOf(cust('Customer.setProperties', more)), 'PROVISION_FORBIDDEN')
    // A list that lacks it does not take it off.
    await cust('Customer.updateAccount', {
      account: { id: 2, properties: [property('color', 'red', 'web', 'customer')] },
    })
    const names = (await cust('Customer.getProperties', { customer: 2 })).map(
      ({ name, value }: Record<string, string>) => `${name}=${value}`,
    )
    assert.equal(names, ['sip_credit=1', 'color=red'])
    await cust('Sip.addAccount', account('a', 'two.example'))
    assert.is(await codeOf(cust('Sip.addAccount', account('b', 'two.example'))), 'PROVISION_CREDIT_EXHAUSTED')
  }),
)

test(
  'the user of an account changes what is its own, and what is the operator’s not',
  deadline(5_000, async () => {
    const { ask, as } = await withCustomers()
    const sipId = { username: 'alice', domain: 'two.example' }
    await ask('Sip.addAccount', account('alice', 'two.example'))
    await ask('Sip.addAccount', account('bob', 'two.example'))
    const alice = await as('alice@two.example')
    const before = await alice('Sip.getAccount', { sipId })
    assert.is(before.ha1, undefined)
    await alice('Sip.setCallDiversions', { sipId, diversions: { FUNC: 'sip:bob@two.example' } })
    await alice('Sip.addPhonebookEntry', { sipId, entry: { uri: 'sip:bob@two.example', group: 'vip' } })
    // A whole object that comes back with one member changed.
    await alice('Sip.updateAccount', { account: { ...before, firstName: 'Alice', password: 'new' } })
    await as('alice@two.example', 'new')
    assert.is(await codeOf(as('alice@two.example', 'pw')), 'PROVISION_UNAUTHENTICATED')
    const forbidden: [string, Record<string, unknown>][] = [
      ['Sip.updateAccount', { account: { ...before, groups: ['free-pstn'] } }],
      ['Sip.updateAccount', { account: { ...before, rpid: '0031201234567' } }],
      ['Sip.updateAccount', { account: { ...before, callLimit: 9 } }],
      ['Sip.updateAccount', { account: { id: { username: 'bob', domain: 'two.example' }, password: 'x' } }],
      ['Sip.addToGroup', { sipId, group: 'free-pstn' }],
      ['Sip.setBarringPrefixes', { sipId, prefixes: [] }],
      ['Sip.addBalance', { sipId, value: 1 }],
      ['Sip.getAccount', { sipId: { username: 'bob', domain: 'two.example' } }],
      ['Sip.getAccounts', {}],
      ['Voicemail.addAccount', { account: { sipId } }],
      ['Platform.deleteSubscriber', { sipId }],
    ]
    for (const [name, args] of forbidden) assert.is(await codeOf(alice(name, args)), 'PROVISION_FORBIDDEN', name)
    await ask('Sip.addToGroup', { sipId, group: 'deny-password-change' })
    assert.is(
      await codeOf(alice('Sip.updateAccount', { account: { id: sipId, password: 'x' } })),
      'PROVISION_FORBIDDEN',
    )
  }),
)

test(
  'who fails to log in too often waits, from that address only',
  deadline(10_000, async () => {
    const { provisioning } = await withCustomers()
    const { logins } = provisioning
    const tryFrom = (from: string, password: string, username = 'resell') =>
      codeOf(logins.login({ username, password, admin: false, impersonate: 0 }, from))
    for (let i = 0; i < limits.failedLoginsMax; i++)
      assert.is(await tryFrom('203.0.113.1', 'no'), 'PROVISION_UNAUTHENTICATED')
    assert.is(await tryFrom('203.0.113.1', 'pw'), 'PROVISION_LOCKED_OUT')
    assert.is(await tryFrom('203.0.113.2', 'pw'), undefined)
    assert.is(await tryFrom('203.0.113.1', 'pw', 'cust'), undefined)
    for (let i = 0; i < limits.failedLoginsFromMax; i++) await tryFrom('203.0.113.3', 'no', `name${i}`)
    assert.is(await tryFrom('203.0.113.3', 'pw', 'cust'), 'PROVISION_LOCKED_OUT')
  }),
)

test(
  'every change is in the audit log, without secrets; what only reads or is refused is not',
  deadline(5_000, async () => {
    const { ask, as, provisioning } = await withCustomers()
    const cust = await as('cust')
    await cust('Sip.addAccount', account('alice', 'two.example'))
    await cust('Sip.getAccounts', {})
    await codeOf(cust('Sip.addAccount', account('alice', 'two.example')))
    await ask('Sip.addToGroup', { sipId: { username: 'alice', domain: 'two.example' }, group: 'sms' })
    const lines = await provisioning.audit.read({ count: 100 })
    const shown = lines.map(({ who, impersonate, operation }) => `${who} ${impersonate} ${operation}`)
    assert.equal(
      shown.filter((line) => line.startsWith('cust')),
      ['cust 2 Sip.addAccount'],
    )
    assert.ok(shown.includes('admin 0 Sip.addToGroup'))
    assert.not.match(JSON.stringify(lines), '"pw"')
    const about = await provisioning.audit.read({ count: 100, about: 'Sip.addAccount' })
    assert.match(about[0]?.args ?? '', '"username":"alice"')
    assert.is(about[0]?.from, '192.0.2.1')
  }),
)

test.run()

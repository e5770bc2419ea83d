/** Zones and numbers over SOAP and REST are those of `dns`: the same records, whoever wrote them, and whose they are. */
import { errorCode } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../src/limits.ts'
import type { Caller } from '../../src/schema/caller.ts'
import { asker, withCustomers } from '../support/soap-ask.ts'

const test = suite('provision: numbers and zones')
const codeOf = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => undefined, errorCode)
const TLD = 'e164.arpa'
const number = { number: '31208005100', tld: TLD }
const range = (prefix: string, ...[customer, reseller]: number[]) => ({
  range: { id: { prefix, tld: TLD }, minDigits: 11, maxDigits: 11, ...(customer && { customer, reseller }) },
})
const sip = (user: string) => [{ type: 'sip', mapto: `sip:${user}@two.example` }]

/** As the user of an account of two.example. */
function userOf(made: Parameters<typeof asker>[0], name: string): ReturnType<typeof asker> {
  const aor = `${name}@two.example` as NonNullable<Caller['aor']>
  const user: Caller = {
    username: aor,
    kind: 'user',
    impersonate: 0,
    reseller: 0,
    isReseller: false,
    mayAdd: false,
    aor,
  }
  return asker(made, user)
}

test(
  'EN-38, DN-04: what is added over SOAP is what the command line has, and the other way round',
  deadline(10_000, async () => {
    const { ask, provisioning } = await withCustomers()
    const { numbers, zones } = provisioning.records
    await ask('Enum.addRange', range('3120', 2, 1))
    await ask('Enum.addNumber', { number: { id: number, mappings: sip('alice') } })
    assert.is(
      (await numbers.getNumber({ ...number, number: '+31 20 800 5100' })).body.mappings[0]?.mapto,
      sip('alice')[0]?.mapto,
    )
    await numbers.addNumber({ number: '+31208005101', tld: TLD, mappings: sip('bob') })
    const listed = await ask('Enum.getNumbers', { query: { orderBy: { attribute: 'number', direction: 'ASC' } } })
    assert.equal(
      listed.numbers.map((one: { id: { number: string }; customer: number }) => [one.id.number, one.customer]),
      [
        ['31208005100', 2],
        ['31208005101', 2],
      ],
    )
    assert.is((await ask('Enum.getRanges')).ranges[0].used, 2)
    await numbers.addRange({ prefix: '4930', tld: TLD })
    assert.is((await ask('Enum.getRanges')).total, 2)
    assert.is(await codeOf(ask('Enum.addRange', range('4930'))), 'PROVISION_RANGE_EXISTS')

    await ask('Dns.addZone', { zone: { name: 'two.example', customer: 2, reseller: 1 } })
    await zones.addZone({ name: 'cli.example' })
    const names = (await ask('Dns.getZones')).zones.map(({ name }: { name: string }) => name)
    assert.equal(names.sort(), ['cli.example', 'two.example'])
    const made = await zones.addRecord({ zone: 'two.example', name: 'mail', type: 'MX', value: '10 in' })
    const read = await ask('Dns.getRecord', { recordId: made.id })
    assert.equal([read.name, read.value, read.priority, read.customer], ['mail.two.example', 'in.two.example', 10, 2])
    await ask('Dns.updateRecord', { record: { id: made.id, value: read.value, ttl: 60 } })
    assert.is((await zones.getRecord(made.id)).value, 'in.two.example.', 'as it was read it means the same')
    const text = `v=DKIM1; k=rsa; p=${'A'.repeat(300)}`
    const txt = await ask('Dns.addRecord', { record: { zone: 'two.example', name: 'k', type: 'TXT', value: text } })
    assert.is((await ask('Dns.getRecord', { recordId: txt.id })).value, text)
    const { changedAt: _, ...fancy } = await zones.addFancyRecord({
      zone: 'two.example',
      name: 'info',
      type: 'MBOXFW',
      value: 'a@b.example',
    })
    assert.equal((await ask('Dns.getFancyRecords')).records[0].name, fancy.name)
    assert.is(await codeOf(ask('Dns.getRecord', { recordId: fancy.id })), 'PROVISION_RECORD_UNKNOWN')
  }),
)

test(
  'numbers are in pages, and further than the limit only by a filter',
  deadline(20_000, async () => {
    const { ask, provisioning } = await withCustomers()
    const { numbers } = provisioning.records
    await numbers.addRange({ prefix: '3120', tld: TLD })
    const rows = Array.from({ length: 2_500 }, (_, n) => ({
      number: `3120800${String(n).padStart(4, '0')}`,
      mappings: sip(`u${n}`),
    }))
    await numbers.load(TLD, rows)
    const page = (start: number, filter = {}) =>
      ask('Enum.getNumbers', {
        query: { filter, orderBy: { attribute: 'number', direction: 'ASC' }, range: { start, count: 10 } },
      })
    const { numbers: found, total } = await page(2_400)
    assert.equal([total, found.length, found[0].id.number], [2_500, 10, '31208002400'])
    assert.is((await page(0, { number: '312080012%' })).total, 100)
    assert.is((await page(0, { mapto: 'u12__@two.example' })).total, 100)
    assert.is((await page(limits.numbersAheadMax)).total, 2_500)
    assert.is(await codeOf(page(limits.numbersAheadMax + 1)), 'PROVISION_INVALID_VALUE')
  }),
)

test(
  'who owns a range owns its numbers; nobody takes them by a narrower range, nor names by a zone inside',
  deadline(10_000, async () => {
    const { ask, as } = await withCustomers()
    const [cust, other, resell] = [await as('cust'), await as('other'), await as('resell')]
    await cust('Enum.addRange', range('3120'))
    await cust('Enum.addNumber', { number: { id: number, mappings: sip('alice') } })
    assert.is(await codeOf(other('Enum.getNumber', { enumId: number })), 'PROVISION_NUMBER_UNKNOWN')
    assert.is(
      await codeOf(other('Enum.addNumber', { number: { id: { ...number, number: '31208005101' } } })),
      'PROVISION_FORBIDDEN',
    )
    assert.is(await codeOf(other('Enum.addRange', range('31208'))), 'PROVISION_FORBIDDEN')
    assert.is((await other('Enum.getNumbers')).total, 0)
    assert.is((await resell('Enum.getNumbers')).total, 1)
    await ask('Enum.updateRange', range('3120', 3, 3))
    assert.is((await other('Enum.getNumber', { enumId: number })).customer, 3, 'numbers go with their range')
    assert.is(await codeOf(cust('Enum.deleteNumber', { enumId: number })), 'PROVISION_NUMBER_UNKNOWN')

    await cust('Dns.addZone', { zone: { name: 'two.example' } })
    assert.is(await codeOf(other('Dns.addZone', { zone: { name: 'www.two.example' } })), 'PROVISION_FORBIDDEN')
    assert.is(
      await codeOf(other('Dns.addZone', { zone: { name: 'one.example' } })),
      'PROVISION_FORBIDDEN',
      'a SIP domain',
    )
    assert.is(await codeOf(other('Dns.addZone', { zone: { name: '_sip._udp.one.example' } })), 'PROVISION_FORBIDDEN')
    await resell('Dns.addZone', { zone: { name: 'one.example' } })
    const record = await cust('Dns.addRecord', {
      record: { zone: 'two.example', name: 'www', type: 'A', value: '192.0.2.1' },
    })
    assert.is(await codeOf(other('Dns.deleteRecord', { recordId: record.id })), 'PROVISION_RECORD_UNKNOWN')
    assert.is((await other('Dns.getRecords')).total, 0)
    assert.is((await other('Dns.getRecords', { query: { filter: { zone: 'two.example' } } })).total, 0)
  }),
)

test(
  'the user of an account changes what his numbers map to, and no others (EN-33)',
  deadline(10_000, async () => {
    const made = await withCustomers()
    const { ask } = made
    for (const [username, owner] of [
      ['alice', 7],
      ['bob', 8],
      ['nobody', 0],
    ] as const) {
      await ask('Sip.addAccount', { account: { id: { username, domain: 'two.example' }, password: 'pw', owner } })
    }
    await ask('Enum.addRange', range('3120', 2, 1))
    const others = { ...number, number: '31208005101' }
    await ask('Enum.addNumber', { number: { id: number, owner: 7, mappings: sip('alice') } })
    await ask('Enum.addNumber', { number: { id: others, owner: 8, mappings: sip('bob') } })
    const user = (name: string) => userOf(made, name)
    const alice = user('alice')
    assert.equal(
      (await alice('Enum.getNumbers')).numbers.map(({ id }: { id: object }) => id),
      [number],
    )
    await alice('Enum.updateNumber', { number: { id: number, owner: 9, mappings: sip('carol') } })
    const after = await ask('Enum.getNumber', { enumId: number })
    assert.equal([after.owner, after.mappings[0].mapto], [7, 'sip:carol@two.example'])
    assert.is(
      await codeOf(alice('Enum.updateNumber', { number: { id: others, mappings: [] } })),
      'PROVISION_NUMBER_UNKNOWN',
    )
    assert.is(await codeOf(alice('Enum.getNumber', { enumId: others })), 'PROVISION_NUMBER_UNKNOWN')
    assert.is(await codeOf(alice('Enum.deleteNumber', { enumId: number })), 'PROVISION_FORBIDDEN')
    assert.is(await codeOf(alice('Enum.addNumber', { number: { id: number } })), 'PROVISION_FORBIDDEN')
    assert.is(
      await codeOf(user('nobody')('Enum.getNumbers')),
      'PROVISION_FORBIDDEN',
      'owner 0 is nobody, not everybody',
    )
  }),
)

test(
  'EN-37: a domain and an account have trees of numbers, in an order, until they are taken away; not for users to change',
  deadline(10_000, async () => {
    const made = await withCustomers()
    const { ask } = made
    const trees = ['E164.private.example.', 'e164.arpa', 'e164.arpa']
    const stored = ['e164.private.example', 'e164.arpa']
    const id = { username: 'alice', domain: 'two.example' }
    const added = await ask('Sip.addAccount', { account: { id, password: 'pw' } })
    assert.not.ok('enum_trees' in added, 'an answer as portals have known it')
    for (const [update, read, wrap] of [
      [
        'Sip.updateAccount',
        async () => (await ask('Sip.getAccount', { sipId: id })).enum_trees ?? [],
        (more: object) => ({ account: { id, ...more } }),
      ],
      [
        'Sip.updateDomain',
        async () =>
          (await ask('Sip.getDomains', { query: { filter: { domain: 'two.example' } } })).domains[0].enum_trees,
        (more: object) => ({ domain: { domain: 'two.example', ...more } }),
      ],
    ] as const) {
      await ask(update, wrap({ enum_trees: trees }))
      assert.equal(await read(), stored, update)
      await ask(update, wrap({}))
      assert.equal(await read(), stored, 'what is not given stays')
      for (const wrong of [
        ['not a tree'],
        Array.from({ length: limits.enumTreesMax + 1 }, (_, i) => `t${i}.example`),
      ]) {
        assert.is(await codeOf(ask(update, wrap({ enum_trees: wrong }))), 'PROVISION_INVALID_VALUE')
      }
      if (update === 'Sip.updateAccount') {
        const alice = userOf(made, 'alice')
        assert.is(await codeOf(alice(update, wrap({ enum_trees: [] }))), 'PROVISION_FORBIDDEN')
        assert.equal((await alice(update, wrap({ enum_trees: stored }))).enum_trees, stored, 'as it was')
      }
      await ask(update, wrap({ enum_trees: [] }))
      assert.equal(await read(), [])
      if (update === 'Sip.updateAccount') await userOf(made, 'alice')(update, wrap({ enum_trees: [] }))
    }
  }),
)

test(
  'an etag guards a number, a range and a zone against what somebody else did meanwhile',
  deadline(10_000, async () => {
    const { ask, provisioning } = await withCustomers()
    await ask('Enum.addRange', range('3120'))
    await ask('Enum.addNumber', { number: { id: number, mappings: sip('alice') } })
    await ask('Dns.addZone', { zone: { name: 'two.example' } })
    const { numbers, zones } = provisioning.records
    const [one, two, three] = [
      await numbers.getNumber(number),
      await numbers.getRange({ prefix: '3120', tld: TLD }),
      await zones.getZone('two.example'),
    ]
    await ask('Enum.updateNumber', { number: { id: number, info: 'x' } }, one.etag)
    await ask('Enum.updateRange', { range: { id: { prefix: '3120', tld: TLD }, info: 'x' } }, two.etag)
    await ask('Dns.updateZone', { zone: { name: 'two.example', info: 'x' } }, three.etag)
    for (const [name, args, { etag }] of [
      ['Enum.updateNumber', { number: { id: number, info: 'y' } }, one],
      ['Enum.deleteNumber', { enumId: number }, one],
      ['Enum.updateRange', { range: { id: { prefix: '3120', tld: TLD }, info: 'y' } }, two],
      ['Dns.updateZone', { zone: { name: 'two.example', info: 'y' } }, three],
      ['Dns.deleteZone', { zone: 'two.example' }, three],
    ] as const) {
      assert.is(await codeOf(ask(name, args, etag)), 'PROVISION_CONFLICT', name)
    }
  }),
)

test.run()

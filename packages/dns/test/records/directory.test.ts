/** Zones and numbers as they are provisioned, and as a node serves them an instant later. */
import { silentLogger, ThorError } from '@thor-node/core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { EnumIndex } from '../../src/enum/index-of-numbers.ts'
import { EnumZones } from '../../src/enum/zones.ts'
import { ServedRecords } from '../../src/records/served.ts'
import { refuses, stage } from './stage.ts'

const test = suite('dns: provisioned records')

test('a zone and its records are served when they are there, changed when they change, gone when they go', async () => {
  const { zones, ask, settle, served } = await stage()
  const zone = await zones.addZone({
    name: 'Example.COM',
    email: 'admin.x@example.com',
    nameservers: ['ns1.example.net'],
  })
  await refuses(zones.addZone({ name: 'example.com' }), 'DNS_ZONE_EXISTS')
  const a = await zones.addRecord({ zone: 'example.com', name: 'www', type: 'A', value: '192.0.2.1', ttl: 60 })
  await settle()
  assert.equal(ask('www.example.com', 'A'), ['www.example.com. 60 IN A 192.0.2.1'])
  assert.equal(ask('example.com', 'NS'), ['example.com. 3600 IN NS ns1.example.net.'])
  assert.equal(ask('example.com', 'SOA'), [
    `example.com. 3600 IN SOA ns1.example.net. admin\\.x.example.com. ${zone.serial + 1} 3600 600 604800 300`,
  ])
  assert.equal(ask('ftp.example.com', 'A'), ['NXDOMAIN'])
  await zones.updateRecord({ id: a.id, value: '192.0.2.2' })
  await settle()
  assert.equal(ask('www.example.com', 'A'), ['www.example.com. 60 IN A 192.0.2.2'])
  assert.is((await zones.getZone('example.com')).body.serial, zone.serial + 2)
  await zones.deleteRecord(a.id)
  await settle()
  assert.equal(ask('www.example.com', 'A'), ['NXDOMAIN'])
  await refuses(zones.getRecord(a.id), 'DNS_RECORD_UNKNOWN')
  await zones.deleteZone('example.com')
  await settle()
  assert.equal(ask('www.example.com', 'A'), ['REFUSED'])
  await refuses(zones.addRecord({ zone: 'example.com', type: 'A', value: '192.0.2.1' }), 'DNS_ZONE_UNKNOWN')
  await served.stop()
})

const types: [input: { type: string; value: string; priority?: number; name?: string }, served: string][] = [
  [{ type: 'A', value: '192.0.2.1' }, 'A 192.0.2.1'],
  [{ type: 'AAAA', value: '2001:db8::1' }, 'AAAA 2001:db8::1'],
  [{ type: 'CNAME', value: 'host' }, 'CNAME host.example.com.'],
  [{ type: 'MX', value: 'mail.example.net.', priority: 20 }, 'MX 20 mail.example.net.'],
  [{ type: 'MX', value: '20 mail' }, 'MX 20 mail.example.com.'],
  [{ type: 'SRV', value: '30 5060 proxy.thor.example.', priority: 100 }, 'SRV 100 30 5060 proxy.thor.example.'],
  [{ type: 'SRV', value: '100 30 5060 proxy' }, 'SRV 100 30 5060 proxy.example.com.'],
  [{ type: 'NS', value: 'ns.example.net.' }, 'NS ns.example.net.'],
  [{ type: 'NAPTR', value: '10 5 "s" "SIP+D2U" "" _sip._udp' }, 'NAPTR 10 5 "s" "SIP+D2U" "" _sip._udp.example.com.'],
  [
    { type: 'NAPTR', value: '5 "s" "SIP+D2U" "" _sip._udp', priority: 10 },
    'NAPTR 10 5 "s" "SIP+D2U" "" _sip._udp.example.com.',
  ],
  [{ type: 'PTR', value: 'host.example.net.' }, 'PTR host.example.net.'],
  [{ type: 'TXT', value: '"xcap root"' }, 'TXT "xcap root"'],
  [{ type: 'CAA', value: '0 issue "ca.example"' }, 'CAA 0 issue "ca.example"'],
  [
    { type: 'LOC', value: '52 22 23 N 4 53 32 E -2m' },
    'LOC 52 22 23.000 N 4 53 32.000 E -2.00m 1.00m 10000.00m 10.00m',
  ],
]
for (const [input, shown] of types) {
  test(`${input.type} ${input.value} is served`, async () => {
    const { zones, ask, settle, served } = await stage()
    await zones.addZone({ name: 'example.com' })
    await zones.addRecord({ zone: 'example.com', name: 'x.y', ttl: 9, ...input })
    await settle()
    if (input.type !== 'NS') assert.equal(ask('x.y.example.com', input.type), [`x.y.example.com. 9 IN ${shown}`])
    const [record] = await zones.records({ zone: 'example.com' })
    await zones.updateRecord({ id: record!.id, ttl: 10 })
    await served.stop()
  })
}

const wrong: [
  input: { type?: string; value?: string; priority?: number; name?: string; ttl?: number },
  code: string,
  says: RegExp,
][] = [
  [{ value: 'x' }, 'DNS_MISSING_VALUE', /^type/],
  [{ type: 'A' }, 'DNS_MISSING_VALUE', /^value/],
  [{ type: 'A', value: 'x' }, 'DNS_INVALID_VALUE', /^address:/],
  [{ type: 'SOA', value: 'x' }, 'DNS_INVALID_VALUE', /^type:/],
  [{ type: 'SPF', value: 'x' }, 'DNS_INVALID_VALUE', /^type:/],
  [{ type: 'CNAME', value: 'x.' }, 'DNS_INVALID_VALUE', /^type:/],
  [{ type: 'CNAME', value: 'x.', name: 'www' }, 'DNS_RECORD_EXISTS', /^name:/],
  [{ type: 'A', value: '192.0.2.1', name: 'alias' }, 'DNS_RECORD_EXISTS', /^name:/],
  [{ type: 'A', value: '192.0.2.1', name: 'WWW.example.com.' }, 'DNS_RECORD_EXISTS', /^value:/],
  [{ type: 'A', value: '192.0.2.1', name: 'a..b' }, 'DNS_INVALID_VALUE', /^name:/],
  [{ type: 'A', value: '192.0.2.1', name: 'www.example.net.' }, 'DNS_INVALID_VALUE', /^name:/],
  [{ type: 'A', value: '192.0.2.1', ttl: -1 }, 'DNS_INVALID_VALUE', /^ttl:/],
  [{ type: 'MX', value: 'mail', priority: 70_000 }, 'DNS_INVALID_VALUE', /^priority:/],
  [{ type: 'NAPTR', value: '1 1 "u" "E2U+sip" "!^.*$!\\\\1!" .' }, 'DNS_INVALID_VALUE', /^regexp: refers back/],
  [{ type: 'NAPTR', value: '1 1 "u" "E2U+sip" "!^.*$!x!" host' }, 'DNS_INVALID_VALUE', /^replacement:/],
]
for (const [input, code, says] of wrong) {
  test(`${JSON.stringify(input)} is refused`, async () => {
    const { zones, served } = await stage()
    await zones.addZone({ name: 'example.com' })
    await zones.addRecord({ zone: 'example.com', name: 'www', type: 'A', value: '192.0.2.1' })
    await zones.addRecord({ zone: 'example.com', name: 'alias', type: 'CNAME', value: 'www' })
    await refuses(zones.addRecord({ zone: 'example.com', ...input }), code, says)
    await served.stop()
  })
}

test('DN-04: fancy records are kept as data, and checked', async () => {
  const { zones, ask, settle, served } = await stage()
  await zones.addZone({ name: 'example.com' })
  const mail = await zones.addFancyRecord({
    zone: 'example.com',
    name: 'Info',
    type: 'MBOXFW',
    value: 'alice@example.net',
  })
  assert.is(mail.name, 'info@example.com')
  const url = await zones.addFancyRecord({
    zone: 'example.com',
    name: 'www',
    type: 'URL',
    value: 'https://www.example.net/',
  })
  assert.not.equal(mail.id, url.id)
  await refuses(
    zones.addFancyRecord({ zone: 'example.com', name: 'www', type: 'URL', value: 'ftp://x/' }),
    'DNS_INVALID_VALUE',
    /^value:/,
  )
  await refuses(
    zones.addFancyRecord({ zone: 'example.com', name: 'x', type: 'MBOXFW', value: 'alice' }),
    'DNS_INVALID_VALUE',
    /^value:/,
  )
  await refuses(
    zones.addFancyRecord({ zone: 'example.com', name: 'a@b.example', type: 'MBOXFW', value: 'a@b.c' }),
    'DNS_INVALID_VALUE',
    /^name:/,
  )
  await refuses(
    zones.addFancyRecord({ zone: 'example.com', name: 'info', type: 'MBOXFW', value: 'b@b.c' }),
    'DNS_RECORD_EXISTS',
  )
  await zones.updateFancyRecord({ id: mail.id, value: 'bob@example.net' })
  assert.is((await zones.getFancyRecord(mail.id)).value, 'bob@example.net')
  assert.equal(
    (await zones.fancyRecords({ type: 'url' })).map(({ name }) => name),
    ['www.example.com'],
  )
  await settle()
  assert.equal(ask('www.example.com', 'A'), ['NXDOMAIN'])
  await zones.deleteFancyRecord(url.id)
  await refuses(zones.getFancyRecord(url.id), 'DNS_RECORD_UNKNOWN')
  await served.stop()
})

test('ids lead to their zones, are never of two records, and only owners change what is theirs', async () => {
  const { zones, served } = await stage()
  await zones.addZone({ name: 'a.example', customer: 7 })
  await zones.addZone({ name: 'b.example', customer: 8 })
  const ids = new Set<number>()
  for (const zone of ['a.example', 'b.example']) {
    for (let i = 0; i < 20; i++) {
      const record = await zones.addRecord({ zone, name: `h${i}`, type: 'A', value: '192.0.2.1', owner: i })
      ids.add(record.id)
      assert.ok(record.id < 2 ** 31)
    }
  }
  assert.is(ids.size, 40)
  for (const id of ids) assert.is((await zones.getRecord(id)).id, id)
  const [third] = await zones.records({ name: 'h3.b.example' })
  assert.is(third?.customer, 8)
  await refuses(zones.updateRecord({ id: third!.id, value: '192.0.2.9' }, { owner: 4 }), 'DNS_FORBIDDEN')
  await refuses(zones.deleteRecord(third!.id, { owner: 4 }), 'DNS_FORBIDDEN')
  await zones.updateRecord({ id: third!.id, value: '192.0.2.9' }, { owner: 3 })
  assert.is((await zones.records({ customer: 7 })).length, 20)
  assert.is((await zones.records({ owner: 3 })).length, 2)
  await served.stop()
})

test('who changes a zone that another has changed is told', async () => {
  const { zones, served } = await stage()
  await zones.addZone({ name: 'example.com' })
  const { etag } = await zones.getZone('example.com')
  await zones.updateZone({ name: 'example.com', ttl: 60 }, { etag })
  await refuses(zones.updateZone({ name: 'example.com', ttl: 61 }, { etag }), 'DNS_CONFLICT')
  assert.is((await zones.getZone('example.com')).body.ttl, 60)
  await served.stop()
})

const SIP = [{ type: 'sip', mapto: 'sip:alice@example.com' }]

test('EN-32: a number is served when it is there, in both forms, until it goes', async () => {
  const { numbers, ask, settle, served, clock } = await stage()
  await refuses(numbers.addNumber({ number: '+31208005100', tld: 'e164.arpa', mappings: SIP }), 'DNS_RANGE_UNKNOWN')
  await numbers.addRange({ prefix: '+3120', tld: 'e164.arpa', minDigits: 11, maxDigits: 11, customer: 5 })
  await refuses(numbers.addRange({ prefix: '0.2.1.3.e164.arpa', tld: 'e164.arpa' }), 'DNS_RANGE_EXISTS')
  const added = await numbers.addNumber({ number: '+31 20 800 5100', tld: 'e164.arpa', mappings: SIP })
  assert.is(added.customer, 5)
  await settle()
  const name = '0.0.1.5.0.0.8.0.2.1.3.e164.arpa'
  assert.equal(ask(name, 'NAPTR'), [`${name}. 3600 IN NAPTR 100 5 "u" "E2U+sip" "!^.*$!sip:alice@example.com!" .`])
  assert.equal(ask(name, 'A'), [])
  assert.equal(ask('8.0.2.1.3.e164.arpa', 'NAPTR'), [], 'a name between')
  assert.equal(ask('9.0.2.1.3.e164.arpa', 'NAPTR'), ['NXDOMAIN'])
  assert.equal(ask(`1.${name}`, 'NAPTR'), ['NXDOMAIN'])
  assert.equal(ask(`x.0.2.1.3.e164.arpa`, 'NAPTR'), ['NXDOMAIN'])
  assert.equal(ask('1.3.e164.arpa', 'NAPTR'), ['REFUSED'])
  assert.equal(ask('0.2.1.3.e164.arpa', 'NS'), ['0.2.1.3.e164.arpa. 3600 IN NS n1.thor.example.'])
  const serial = () => ask('0.2.1.3.e164.arpa', 'SOA')[0]?.split(' ')[6]
  const before = serial()
  assert.is((await numbers.getNumber({ number: name, tld: 'e164.arpa' })).body.number, '31208005100')
  await refuses(numbers.addNumber({ number: name, tld: 'e164.arpa', mappings: SIP }), 'DNS_NUMBER_EXISTS')
  await clock.advance(2_000)
  await numbers.updateNumber({
    number: name,
    tld: 'e164.arpa',
    mappings: [{ id: 1, type: 'pres', mapto: 'pres:alice@example.com', ttl: 1 }],
  })
  await clock.advance(2_000)
  await settle()
  assert.equal(ask(name, 'NAPTR'), [`${name}. 1 IN NAPTR 100 5 "u" "E2U+pres" "!^.*$!pres:alice@example.com!" .`])
  assert.ok(Number(serial()) > Number(before))
  await refuses(numbers.deleteRange({ prefix: '3120', tld: 'e164.arpa' }), 'DNS_RANGE_IN_USE')
  await numbers.deleteNumber({ number: name, tld: 'e164.arpa' })
  await settle()
  assert.equal(ask(name, 'NAPTR'), ['NXDOMAIN'])
  assert.equal(ask('8.0.2.1.3.e164.arpa', 'NAPTR'), ['NXDOMAIN'])
  await refuses(numbers.getNumber({ number: name, tld: 'e164.arpa' }), 'DNS_NUMBER_UNKNOWN')
  await numbers.deleteRange({ prefix: '3120', tld: 'e164.arpa' })
  await settle()
  assert.equal(ask('0.2.1.3.e164.arpa', 'NS'), ['REFUSED'])
  await served.stop()
})

test('numbers are checked by the name of the field, and belong to somebody', async () => {
  const { numbers, served } = await stage()
  await numbers.addRange({ prefix: '3120', tld: 'e164.arpa', minDigits: 11, maxDigits: 11, size: 2 })
  const add = (number: string, mappings: object[] = SIP) =>
    numbers.addNumber({ number, tld: 'e164.arpa', mappings, owner: 9 })
  await refuses(add('3120800510'), 'DNS_INVALID_VALUE', /^number: has 10 digits/)
  await refuses(add('alice'), 'DNS_INVALID_VALUE', /^number:/)
  await refuses(add('31208005100', [{ type: 'sip', mapto: 'tel:+31' }]), 'DNS_INVALID_VALUE', /^mappings\[0\]\.mapto:/)
  await add('31208005100')
  await add('31208005101')
  await refuses(add('31208005102'), 'DNS_RANGE_FULL', /has its 2 numbers/)
  const change = {
    number: '31208005100',
    tld: 'e164.arpa',
    mappings: [{ type: 'sip', mapto: 'sip:bob@example.com' }],
    owner: 10,
  }
  await refuses(numbers.updateNumber(change, { owner: 8 }), 'DNS_FORBIDDEN')
  await refuses(numbers.deleteNumber(change, { owner: 8 }), 'DNS_FORBIDDEN')
  const mine = await numbers.updateNumber(change, { owner: 9 })
  assert.is(mine.owner, 9, 'nobody gives his number away by himself')
  const { etag } = await numbers.getNumber(change)
  await numbers.updateNumber({ ...change, info: 'x' })
  await refuses(numbers.updateNumber(change, { etag }), 'DNS_CONFLICT')
  const found = async (query: object) => (await numbers.numbers(query)).map(({ number }) => number)
  assert.equal(await found({ tld: 'e164.arpa' }), ['31208005100', '31208005101'])
  assert.equal(await found({ mapto: 'bob@example.com' }), ['31208005100'])
  assert.equal(await found({ number: '+31208005101' }), ['31208005101'])
  assert.equal(await found({ tld: 'e164.arpa', number: '+3120800510' }), ['31208005100', '31208005101'])
  assert.equal(await found({ tld: 'e164.example' }), [])
  assert.equal(await found({ owner: 9 }), ['31208005101'])
  await served.stop()
})

test('the same number may be in several trees', async () => {
  const { numbers, ask, settle, served } = await stage()
  for (const tld of ['e164.arpa', 'e164.example', 'ie164.arpa']) {
    await numbers.addRange({ prefix: '31', tld })
    await numbers.addNumber({ number: '31208', tld, mappings: [{ type: 'sip', mapto: `sip:x@${tld}` }] })
  }
  await settle()
  for (const tld of ['e164.arpa', 'e164.example', 'ie164.arpa']) {
    assert.match(ask(`8.0.2.1.3.${tld}`, 'NAPTR')[0] as string, `sip:x@${tld}!`)
  }
  await served.stop()
})

test('while nothing is read yet nothing is denied, and missed news are made up for', async () => {
  const { numbers, zones, reg, ask, settle, served, clock } = await stage()
  await numbers.addRange({ prefix: '31', tld: 'e164.arpa' })
  await zones.addZone({ name: 'example.com' })
  await settle()
  await served.stop()
  await numbers.addNumber({ number: '31208', tld: 'e164.arpa', mappings: SIP })
  await zones.addRecord({ zone: 'example.com', name: 'www', type: 'A', value: '192.0.2.1' })
  await served.start()
  reg.anythingMayHaveChanged()
  await clock.advance(2_000)
  await settle()
  assert.is(ask('8.0.2.1.3.e164.arpa', 'NAPTR').length, 1)
  assert.is(ask('www.example.com', 'A').length, 1)
  await served.stop()

  const index = new EnumIndex()
  let reads = 0
  reg.before = (operation) => {
    if (operation === 'list' && ++reads < 3) throw new ThorError('STORE_UNAVAILABLE', 'not yet')
  }
  const late = new ServedRecords({ store: { reg }, clock, logger: silentLogger, index, nameservers: () => [] })
  const lateZones = new EnumZones({ index, clock, nameservers: () => [], ready: () => late.ready })
  await late.start()
  await settle()
  assert.not(late.ready)
  for (let turns = 0; turns < 10; turns++) await clock.advance(1_000)
  assert.ok(late.ready)
  assert.is(lateZones.find('8.0.2.1.3.e164.arpa')?.lookup('8.0.2.1.3.e164.arpa', 35).kind, 'records')
  await late.stop()
})

test.run()

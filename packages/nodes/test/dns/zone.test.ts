import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ANSWER_NODES_MAX } from '../../src/dns/limits.ts'
import { CLASS, naptrData, RCODE, type ResourceRecord, TYPE } from '../../src/dns/records.ts'
import { answer, type LiveNode, type Zones } from '../../src/dns/zone.ts'
import { threeNodes } from './fixtures.ts'

const zone = suite('dns/zone')

const zones: Zones = {
  domains: ['thor.local', 'sub.thor.local'],
  nodes: threeNodes,
  serial: 2 ** 32 + 5,
  ttlSeconds: 5,
}
const ask = (name: string, type: number, from = zones, klass = 1) => answer({ name, type, class: klass }, from)

/** One line per record: owner and what matters of the data. */
function brief(record: ResourceRecord): string {
  const { name, ttl: _, type: __, ...data } = record
  return `${name} ${Object.values(data).join(' ')}`
}

const n1 = 'n1.thor.local 192.0.2.1'
const n2 = 'n2.thor.local 192.0.2.2'
const n3 = 'n3.thor.local 2001:db8::3'

const found: [name: string, type: number, answers: string[], additionals: string[]][] = [
  ['thor.local', TYPE.SOA, ['thor.local n1.thor.local hostmaster.thor.local 5 60 10 3600 5'], []],
  ['thor.local', TYPE.NS, ['thor.local n1.thor.local', 'thor.local n2.thor.local'], [n1, n2]],
  ['thor.local', TYPE.A, ['thor.local 192.0.2.1', 'thor.local 192.0.2.2'], []],
  ['thor.local', TYPE.AAAA, ['thor.local 2001:db8::3'], []],
  [
    'sub.thor.local',
    TYPE.NS,
    ['sub.thor.local n1.sub.thor.local', 'sub.thor.local n2.sub.thor.local'],
    ['n1.sub.thor.local 192.0.2.1', 'n2.sub.thor.local 192.0.2.2'],
  ],
  ['n3.thor.local', TYPE.AAAA, [n3], []],
  [
    '_sip._udp.thor.local',
    TYPE.SRV,
    ['10 10 5060 n1', '10 20 5060 n2', '10 10 5060 n3'].map((text) => `_sip._udp.thor.local ${text}.thor.local`),
    [n1, n2, n3],
  ],
  [
    '_sip._tcp.thor.local',
    TYPE.SRV,
    ['10 10 5060 n1', '10 20 5062 n2'].map((text) => `_sip._tcp.thor.local ${text}.thor.local`),
    [n1, n2],
  ],
  [
    'thor.local',
    TYPE.NAPTR,
    ['thor.local 10 10 s SIP+D2U _sip._udp.thor.local', 'thor.local 10 20 s SIP+D2T _sip._tcp.thor.local'],
    [],
  ],
  ['n1.thor.local', TYPE.ANY, ['n1.thor.local RFC8482 '], []],
]
for (const [name, type, answers, additionals] of found) {
  zone(`type ${type} of ${name} is found`, () => {
    const sections = ask(name, type)
    assert.is(sections.rcode, RCODE.NOERROR)
    assert.ok(sections.authoritative)
    assert.equal(sections.answers.map(brief), answers)
    assert.equal(sections.additionals.map(brief), additionals)
    assert.equal(sections.authorities, [])
  })
}

const absent: [name: string, type: number, rcode: number][] = [
  ['thor.local', 16, RCODE.NOERROR],
  ['n1.thor.local', TYPE.AAAA, RCODE.NOERROR],
  ['_udp.thor.local', TYPE.SRV, RCODE.NOERROR],
  ['_tcp.thor.local', TYPE.ANY, RCODE.NOERROR],
  ['n4.thor.local', TYPE.A, RCODE.NXDOMAIN],
  ['n4.thor.local', TYPE.ANY, RCODE.NXDOMAIN],
  ['x.n1.thor.local', TYPE.A, RCODE.NXDOMAIN],
  ['_sips._tcp.thor.local', TYPE.SRV, RCODE.NXDOMAIN],
  ['toString.thor.local', TYPE.A, RCODE.NXDOMAIN],
  ['constructor.thor.local', TYPE.A, RCODE.NXDOMAIN],
]
for (const [name, type, rcode] of absent) {
  zone(`type ${type} of ${name} is not there, and the SOA says for how long`, () => {
    const sections = ask(name, type)
    assert.is(sections.rcode, rcode)
    assert.ok(sections.authoritative)
    assert.equal(sections.answers, [])
    assert.is(sections.authorities.length, 1)
    assert.is(sections.authorities[0]?.type, TYPE.SOA)
  })
}

const foreign: [name: string, klass: number][] = [
  ['example.com', 1],
  ['local', 1],
  ['.', 1],
  ['xthor.local', 1],
  ['thor.local', 3],
]
for (const [name, klass] of foreign) {
  zone(`${name} in class ${klass} is refused`, () => {
    const sections = ask(name, TYPE.A, zones, klass)
    assert.is(sections.rcode, RCODE.REFUSED)
    assert.not(sections.authoritative)
  })
}

zone('a transfer of the zone is refused', () => {
  for (const type of [TYPE.AXFR, TYPE.IXFR]) assert.is(ask('thor.local', type).rcode, RCODE.REFUSED)
})

zone('services that no node offers are not there, nor their NAPTR', () => {
  const nodes = [{ name: 'n1', host: '192.0.2.1', sipUdp: 5060 }]
  assert.is(ask('_sip._tcp.thor.local', TYPE.SRV, { ...zones, nodes }).rcode, RCODE.NXDOMAIN)
  assert.is(ask('_tcp.thor.local', TYPE.SRV, { ...zones, nodes }).rcode, RCODE.NXDOMAIN)
  assert.is(ask('thor.local', TYPE.NAPTR, { ...zones, nodes }).answers.length, 1)
  assert.is(ask('thor.local', TYPE.NS, { ...zones, nodes }).answers.length, 0)
})

zone('a node that sees no live node sends the client to another server', () => {
  assert.is(ask('thor.local', TYPE.A, { ...zones, nodes: [] }).rcode, RCODE.SERVFAIL)
  assert.is(ask('example.com', TYPE.A, { ...zones, nodes: [] }).rcode, RCODE.REFUSED)
})

zone('an answer names a limited number of nodes', () => {
  const nodes = Array.from({ length: 200 }, (_, i) => ({ name: `n${i}`, host: `192.0.2.${i}`, sipUdp: 5060 }))
  assert.is(ask('_sip._udp.thor.local', TYPE.SRV, { ...zones, nodes }).answers.length, ANSWER_NODES_MAX)
  assert.is(ask('thor.local', TYPE.A, { ...zones, nodes }).answers.length, ANSWER_NODES_MAX)
  assert.is(ask('n199.thor.local', TYPE.A, { ...zones, nodes }).answers.length, 1)
})

zone('weights of SRV follow those of nodes and are never 0', () => {
  const weights = [0.01, 1, 2.55, 100_000].map((weight, i) => ({
    name: `n${i}`,
    host: '192.0.2.1',
    sipUdp: 5060,
    weight,
  }))
  const { answers } = ask('_sip._udp.thor.local', TYPE.SRV, { ...zones, nodes: weights })
  assert.equal(
    answers.map((record) => 'weight' in record && record.weight),
    [1, 10, 26, 65_535],
  )
})

zone('NAPTR data is as RFC 3403 §4.1 says', () => {
  const data = naptrData({
    type: TYPE.NAPTR,
    order: 10,
    preference: 258,
    flags: 's',
    service: 'SIP+D2U',
    replacement: 'a.bc',
  })
  assert.is(
    data.toString('hex'),
    `000a0102${'0173'}${'07'}${Buffer.from('SIP+D2U').toString('hex')}${'00'}${'01610262630'}0`,
  )
})

zone('names TLS and WebSocket where a node has them, after UDP and TCP', () => {
  const all = { name: 'n1', host: '192.0.2.1', sipUdp: 5060, sipTcp: 5060, sipTls: 5061, sipWs: 5080, sipWss: 5443 }
  const ask = (name: string, type: number, node: LiveNode): unknown[] =>
    answer(
      { name, type, class: CLASS.IN },
      { domains: ['e.example'], serial: 1, ttlSeconds: 5, nodes: [node] },
    ).answers.map((one) =>
      one.type === TYPE.NAPTR ? `${one.preference} ${one.service} ${one.replacement}` : 'port' in one && one.port,
    )
  assert.equal(ask('e.example', TYPE.NAPTR, all), [
    '10 SIP+D2U _sip._udp.e.example',
    '20 SIP+D2T _sip._tcp.e.example',
    '30 SIPS+D2T _sips._tcp.e.example',
    '40 SIPS+D2W _sips._ws.e.example',
    '50 SIP+D2W _sip._ws.e.example',
  ])
  assert.equal(ask('_sips._tcp.e.example', TYPE.SRV, all), [5061])
  assert.equal(ask('_sip._ws.e.example', TYPE.SRV, all), [5080])
  assert.equal(ask('_sips._ws.e.example', TYPE.SRV, all), [5443])
  const plain = { name: 'n1', host: '192.0.2.1', sipUdp: 5060 }
  assert.equal(ask('e.example', TYPE.NAPTR, plain), ['10 SIP+D2U _sip._udp.e.example'])
  assert.equal(ask('_sips._tcp.e.example', TYPE.SRV, plain), [])
})

zone('names both addresses of a node that has two', () => {
  const node: LiveNode = { name: 'n1', host: '192.0.2.1', host6: '2001:db8::1', sipUdp: 5060 }
  const ask = (name: string, type: number) =>
    answer({ name, type, class: CLASS.IN }, { domains: ['e.example'], serial: 1, ttlSeconds: 5, nodes: [node] })
  const addresses = (records: readonly ResourceRecord[]) => records.map((one) => 'address' in one && one.address)
  for (const name of ['e.example', 'n1.e.example']) {
    assert.equal(addresses(ask(name, TYPE.A).answers), ['192.0.2.1'])
    assert.equal(addresses(ask(name, TYPE.AAAA).answers), ['2001:db8::1'])
  }
  assert.equal(addresses(ask('_sip._udp.e.example', TYPE.SRV).additionals), ['192.0.2.1', '2001:db8::1'])
})

zone.run()

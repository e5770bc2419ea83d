import { SimRandom } from '@thor-node/core/testing'
import { answerQuestion, type DnsRecord, formatRecord, RCODE, type Sections, TYPE } from '@thor-node/dns'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type LiveSource, LiveZones } from '../../src/dns/live-zone.ts'
import type { LiveNode } from '../../src/dns/zone.ts'
import { threeNodes, zoneOf } from './fixtures.ts'

const zone = suite('nodes: live zones')

const DOMAINS = ['thor.local', 'sub.thor.local']
const CAPACITY = 24

const askAll = (source: LiveSource, name: string, type: number, klass = 1): Sections =>
  answerQuestion(new LiveZones({ source }, { ttlMs: 5_000 }), { name, type, class: klass }, new SimRandom(1))
const ask = (name: string, type: number, nodes: readonly LiveNode[] = threeNodes, klass = 1): Sections =>
  askAll(zoneOf(nodes, DOMAINS), name, type, klass)

/** Owner and what matters of the data, in order. */
const brief = (records: readonly DnsRecord[]): string[] =>
  records.map((record) => formatRecord(record).replace(/ \d+ IN \w+/, '')).toSorted()

const n1 = 'n1.thor.local. 192.0.2.1'
const n2 = 'n2.thor.local. 192.0.2.2'
const n3 = 'n3.thor.local. 2001:db8::3'

const found: [name: string, type: number, answers: string[], additionals: string[]][] = [
  ['thor.local', TYPE.SOA, ['thor.local. n1.thor.local. hostmaster.thor.local. 7 60 10 3600 5'], []],
  ['thor.local', TYPE.NS, ['thor.local. n1.thor.local.', 'thor.local. n2.thor.local.'], [n1, n2]],
  ['thor.local', TYPE.A, ['thor.local. 192.0.2.1', 'thor.local. 192.0.2.2'], []],
  ['thor.local', TYPE.AAAA, ['thor.local. 2001:db8::3'], []],
  [
    'sub.thor.local',
    TYPE.NS,
    ['sub.thor.local. n1.sub.thor.local.', 'sub.thor.local. n2.sub.thor.local.'],
    ['n1.sub.thor.local. 192.0.2.1', 'n2.sub.thor.local. 192.0.2.2'],
  ],
  ['n3.thor.local', TYPE.AAAA, [n3], []],
  ['proxy.thor.local', TYPE.A, ['proxy.thor.local. 192.0.2.1', 'proxy.thor.local. 192.0.2.2'], []],
  ['ngnpro.thor.local', TYPE.A, ['ngnpro.thor.local. 192.0.2.1', 'ngnpro.thor.local. 192.0.2.2'], []],
  [
    '_sip._udp.thor.local',
    TYPE.SRV,
    ['10 100 5060 n1', '10 100 5060 n3', '10 200 5060 n2'].map((text) => `_sip._udp.thor.local. ${text}.thor.local.`),
    [n1, n2, n3],
  ],
  [
    '_sip._tcp.proxy.thor.local',
    TYPE.SRV,
    ['10 100 5060 n1', '10 200 5062 n2'].map((text) => `_sip._tcp.proxy.thor.local. ${text}.thor.local.`),
    [n1, n2],
  ],
  [
    'thor.local',
    TYPE.NAPTR,
    [
      'thor.local. 10 10 "s" "SIP+D2U" "" _sip._udp.thor.local.',
      'thor.local. 10 20 "s" "SIP+D2T" "" _sip._tcp.thor.local.',
    ],
    [],
  ],
  ['n1.thor.local', TYPE.ANY, ['n1.thor.local. "RFC8482" ""'], []],
]
for (const [name, type, answers, additionals] of found) {
  zone(`type ${type} of ${name} is found`, () => {
    const sections = ask(name, type)
    assert.is(sections.rcode, RCODE.NOERROR)
    assert.ok(sections.authoritative)
    assert.equal(brief(sections.answers), answers)
    assert.equal(brief(sections.additionals), additionals)
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
    assert.equal(
      sections.authorities.map((record) => record.type),
      [TYPE.SOA],
    )
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
    const sections = ask(name, TYPE.A, threeNodes, klass)
    assert.is(sections.rcode, RCODE.REFUSED)
    assert.not(sections.authoritative)
  })
}

zone('a transfer of the zone is refused', () => {
  for (const type of [TYPE.AXFR, TYPE.IXFR]) assert.is(ask('thor.local', type).rcode, RCODE.REFUSED)
})

zone('services that no node offers are not there, nor their NAPTR', () => {
  const nodes = [{ name: 'n1', host: '192.0.2.1', sipUdp: 5060 }]
  assert.is(ask('_sip._tcp.thor.local', TYPE.SRV, nodes).rcode, RCODE.NXDOMAIN)
  assert.is(ask('_tcp.thor.local', TYPE.SRV, nodes).rcode, RCODE.NXDOMAIN)
  assert.is(ask('ngnpro.thor.local', TYPE.A, nodes).rcode, RCODE.NXDOMAIN)
  assert.is(ask('thor.local', TYPE.NAPTR, nodes).answers.length, 1)
  assert.is(ask('thor.local', TYPE.NS, nodes).answers.length, 0)
})

for (const [host, srv, service, port] of [
  ['xcap', '_xcap._tcp', 'xcap', 443],
  ['msrprelay', '_msrps._tcp', 'msrps', 2_855],
  ['voicemail', '_voicemail._tcp', 'voicemail', 9_200],
  ['eventserver', '_eventserver._tcp', 'events', 8_000],
] as const) {
  zone(`${host} is named with the first node that has that role, and goes with the last`, () => {
    for (const name of [`${host}.thor.local`, `${srv}.thor.local`]) {
      assert.is(ask(name, TYPE.ANY).rcode, RCODE.NXDOMAIN, 'no node says so')
    }
    const nodes = threeNodes.map((node, index) => (index === 1 ? { ...node, [service]: port } : node))
    assert.equal(brief(ask(`${host}.thor.local`, TYPE.A, nodes).answers), [`${host}.thor.local. 192.0.2.2`])
    const { answers } = ask(`${srv}.thor.local`, TYPE.SRV, nodes)
    assert.equal(brief(answers), [`${srv}.thor.local. 10 200 ${port} n2.thor.local.`])
  })
}

zone('a node that sees no live node sends the client to another server', () => {
  assert.is(ask('thor.local', TYPE.A, []).rcode, RCODE.SERVFAIL)
  assert.is(ask('example.com', TYPE.A, []).rcode, RCODE.REFUSED)
})

zone('a zone follows the nodes and the domains, and its serial grows', () => {
  let nodes: readonly LiveNode[] = threeNodes
  let domains: readonly string[] = ['thor.local']
  let version = 2 ** 32 + 5
  const zones = new LiveZones(
    { source: { nodes: () => nodes, sites: () => [], domains: () => domains, version: () => version } },
    { ttlMs: 5_000 },
  )
  const look = (name: string, type: number): Sections =>
    answerQuestion(zones, { name, type, class: 1 }, new SimRandom(1))
  assert.is(look('thor.local', TYPE.A).answers.length, 2)
  assert.match(brief(look('thor.local', TYPE.SOA).answers)[0] as string, / 5 60 10 3600 5$/)
  nodes = threeNodes.slice(1)
  version++
  assert.equal(brief(look('thor.local', TYPE.A).answers), ['thor.local. 192.0.2.2'])
  assert.is(look('n1.thor.local', TYPE.A).rcode, RCODE.NXDOMAIN)
  assert.match(brief(look('thor.local', TYPE.SOA).answers)[0] as string, / 6 60 10 3600 5$/)
  assert.is(look('other.example', TYPE.A).rcode, RCODE.REFUSED)
  domains = ['other.example']
  assert.is(look('other.example', TYPE.A).answers.length, 1)
  assert.is(look('thor.local', TYPE.A).rcode, RCODE.REFUSED)
})

zone('an answer names a limited number of nodes', () => {
  const nodes = Array.from({ length: 200 }, (_, i) => ({ name: `n${i}`, host: `192.0.2.${i}`, sipUdp: 5060 }))
  assert.is(ask('_sip._udp.thor.local', TYPE.SRV, nodes).answers.length, CAPACITY)
  assert.is(ask('thor.local', TYPE.A, nodes).answers.length, CAPACITY)
  assert.is(ask('n199.thor.local', TYPE.A, nodes).answers.length, 1)
})

zone('DN-05: answers live as long as the setting says, and so does it that there are none', () => {
  const zones = new LiveZones({ source: zoneOf(threeNodes) }, { ttlMs: 30_000 })
  for (const [name, type] of [
    ['_sip._udp.thor.local', TYPE.SRV],
    ['proxy.thor.local', TYPE.A],
    ['nobody.thor.local', TYPE.A],
  ] as const) {
    const { answers, authorities, additionals } = answerQuestion(zones, { name, type, class: 1 }, new SimRandom(1))
    const lives = [...answers, ...authorities, ...additionals].map(({ ttl }) => ttl)
    assert.equal([...new Set(lives)], [30], name)
  }
})

zone('weights of SRV follow those of nodes and are never 0', () => {
  const nodes = [0.01, 1, 2.55, 100_000].map((weight, i) => ({
    name: `n${i}`,
    host: '192.0.2.1',
    sipUdp: 5060,
    weight,
  }))
  const weights = ask('_sip._udp.thor.local', TYPE.SRV, nodes).answers.map(({ data }) => data.readUInt16BE(2))
  assert.equal(
    weights.toSorted((a, b) => a - b),
    [1, 100, 255, 65_535],
  )
})

zone('names TLS and WebSocket where a node has them, after UDP and TCP', () => {
  const all = { name: 'n1', host: '192.0.2.1', sipUdp: 5060, sipTcp: 5060, sipTls: 5061, sipWs: 5080, sipWss: 5443 }
  assert.equal(brief(ask('thor.local', TYPE.NAPTR, [all]).answers), [
    'thor.local. 10 10 "s" "SIP+D2U" "" _sip._udp.thor.local.',
    'thor.local. 10 20 "s" "SIP+D2T" "" _sip._tcp.thor.local.',
    'thor.local. 10 30 "s" "SIPS+D2T" "" _sips._tcp.thor.local.',
    'thor.local. 10 40 "s" "SIPS+D2W" "" _sips._ws.thor.local.',
    'thor.local. 10 50 "s" "SIP+D2W" "" _sip._ws.thor.local.',
  ])
  const port = (name: string): number | undefined => ask(name, TYPE.SRV, [all]).answers[0]?.data.readUInt16BE(4)
  assert.equal(
    ['_sips._tcp', '_sip._ws', '_sips._ws'].map((name) => port(`${name}.thor.local`)),
    [5061, 5080, 5443],
  )
})

zone('names both addresses of a node that has two', () => {
  const nodes: LiveNode[] = [{ name: 'n1', host: '192.0.2.1', host6: '2001:db8::1', sipUdp: 5060 }]
  for (const name of ['thor.local', 'n1.thor.local']) {
    assert.equal(brief(ask(name, TYPE.A, nodes).answers), [`${name}. 192.0.2.1`])
    assert.equal(brief(ask(name, TYPE.AAAA, nodes).answers), [`${name}. 2001:db8::1`])
  }
  assert.equal(brief(ask('_sip._udp.thor.local', TYPE.SRV, nodes).additionals), [
    'n1.thor.local. 192.0.2.1',
    'n1.thor.local. 2001:db8::1',
  ])
})

zone('nodes of a higher priority are asked after the others, and are left out first where there are many', () => {
  const nodes = Array.from({ length: 30 }, (_, i) => ({
    name: `n${i}`,
    host: `192.0.2.${i}`,
    sipUdp: 5060,
    priority: i < 20 ? 20 : 10,
  }))
  const { answers } = ask('_sip._udp.thor.local', TYPE.SRV, nodes)
  assert.is(answers.length, CAPACITY)
  assert.is(answers.filter(({ data }) => data.readUInt16BE(0) === 10).length, 10)
})

const sited: LiveNode[] = [
  { name: 'n1', host: '192.0.2.1', sipUdp: 5060, site: 'east' },
  { name: 'n2', host: '192.0.2.2', sipUdp: 5060, site: 'west', weight: 0.25 },
  { name: 'n3', host: '192.0.2.3', sipUdp: 5060, site: 'west', priority: 20 },
]

zone('names of a site lead to its nodes first', () => {
  assert.equal(brief(ask('_sip._udp.west.site.thor.local', TYPE.SRV, sited).answers), [
    '_sip._udp.west.site.thor.local. 10 25 5060 n2.thor.local.',
    '_sip._udp.west.site.thor.local. 10010 100 5060 n1.thor.local.',
    '_sip._udp.west.site.thor.local. 20 100 5060 n3.thor.local.',
  ])
  assert.equal(brief(ask('east.site.thor.local', TYPE.A, sited).answers), ['east.site.thor.local. 192.0.2.1'])
  assert.equal(brief(ask('east.site.thor.local', TYPE.NAPTR, sited).answers), [
    'east.site.thor.local. 10 10 "s" "SIP+D2U" "" _sip._udp.east.site.thor.local.',
  ])
  assert.is(ask('north.site.thor.local', TYPE.A, sited).rcode, RCODE.NXDOMAIN)
})

zone('a site that cannot be a name has none, and the zone is there all the same', () => {
  const nodes = ['', 'a.b', 'x'.repeat(64)].map((site, i) => ({ ...(sited[i] as LiveNode), site }))
  assert.is(ask('site.thor.local', TYPE.A, nodes).rcode, RCODE.NXDOMAIN)
  const long = `${'x.'.repeat(113)}thor.local`
  const named = askAll(zoneOf(sited, [long]), `_sip._udp.${long}`, TYPE.SRV)
  assert.is(named.answers.length, 3)
})

zone('a site of which no node lives keeps its names, which lead elsewhere', () => {
  const source = { ...zoneOf(sited.slice(0, 1)), sites: () => ['east', 'west'] }
  assert.equal(brief(askAll(source, 'west.site.thor.local', TYPE.A).answers), ['west.site.thor.local. 192.0.2.1'])
  assert.equal(brief(askAll(source, '_sip._udp.west.site.thor.local', TYPE.SRV).answers), [
    '_sip._udp.west.site.thor.local. 10010 100 5060 n1.thor.local.',
  ])
})

zone.run()

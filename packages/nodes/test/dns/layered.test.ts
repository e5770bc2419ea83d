/** A domain that is both: what is written counts, what is left out is that of the nodes. */
import { SimRandom } from '@thor-node/core/testing'
import {
  answerQuestion,
  type DnsRecord,
  formatRecord,
  parseRdata,
  RCODE,
  TYPE,
  wordsOf,
  ZoneMap,
  ZoneTree,
} from '@thor-node/dns'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LayeredZones } from '../../src/dns/layered.ts'
import { LiveZones } from '../../src/dns/live-zone.ts'
import { threeNodes, zoneOf } from './fixtures.ts'

const test = suite('nodes: stored zones above live ones')

const record = (name: string, type: keyof typeof TYPE, text: string): DnsRecord => ({
  name,
  type: TYPE[type],
  ttl: 60,
  data: parseRdata(TYPE[type], wordsOf(text), '.'),
})

const stored = new ZoneMap()
let ready = true
const live = new LiveZones({ source: zoneOf(threeNodes, ['thor.local', 'sub.other.example']) }, { ttlMs: 5_000 })
const zones = new LayeredZones({ stored, live, ready: () => ready })
const soa = (apex: string) => record(apex, 'SOA', `ns.${apex}. h.${apex}. 99 1 1 1 1`)
stored.set(
  new ZoneTree('thor.local', soa('thor.local'), [
    record('thor.local', 'MX', '10 mail.thor.local.'),
    record('www.thor.local', 'A', '192.0.2.80'),
    record('_sip._tcp.thor.local', 'SRV', '1 1 5080 other.example.'),
  ]),
)
stored.set(new ZoneTree('other.example', soa('other.example'), [record('www.other.example', 'A', '192.0.2.81')]))

const ask = (name: string, type: keyof typeof TYPE): string[] => {
  const { rcode, answers } = answerQuestion(zones, { name, type: TYPE[type], class: 1 }, new SimRandom(1))
  if (rcode !== RCODE.NOERROR) return [`rcode ${rcode}`]
  return answers.map((one) => formatRecord(one).replace(/^\S+ \d+ IN /, '')).sort()
}

const cases: [name: string, type: keyof typeof TYPE, answers: string[]][] = [
  ['thor.local', 'MX', ['MX 10 mail.thor.local.']],
  ['thor.local', 'SOA', ['SOA ns.thor.local. h.thor.local. 99 1 1 1 1']],
  ['thor.local', 'A', ['A 192.0.2.1', 'A 192.0.2.2']],
  ['www.thor.local', 'A', ['A 192.0.2.80']],
  ['www.thor.local', 'AAAA', []],
  ['n1.thor.local', 'A', ['A 192.0.2.1']],
  ['_sip._tcp.thor.local', 'SRV', ['SRV 1 1 5080 other.example.']],
  [
    '_sip._udp.thor.local',
    'SRV',
    ['SRV 10 100 5060 n1.thor.local.', 'SRV 10 100 5060 n3.thor.local.', 'SRV 10 200 5060 n2.thor.local.'],
  ],
  ['nobody.thor.local', 'A', ['rcode 3']],
  ['www.other.example', 'A', ['A 192.0.2.81']],
  ['n1.sub.other.example', 'A', ['A 192.0.2.1']],
  ['elsewhere.example', 'A', ['rcode 5']],
]
for (const [name, type, answers] of cases) test(`${type} of ${name}`, () => assert.equal(ask(name, type), answers))

test('until stored zones are read, what lives is told and nothing is denied', () => {
  ready = false
  assert.equal(ask('n1.thor.local', 'A'), ['A 192.0.2.1'])
  assert.equal(ask('www.thor.local', 'A'), ['rcode 2'])
  assert.equal(ask('www.other.example', 'A'), ['rcode 5'])
  ready = true
})

test('the same zone is the same as long as nothing changes', () => {
  assert.is(zones.find('thor.local'), zones.find('www.thor.local'))
})

test.run()

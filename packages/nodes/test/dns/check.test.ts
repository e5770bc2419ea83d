/** What an operator is told about a domain, and what leads phones of a customer's domain here. */
import { silentLogger, systemClock, systemNet } from '@thor-node/core'
import { deadline, SimRandom } from '@thor-node/core/testing'
import { DnsServer, parseRdata, TYPE, wordsOf, ZoneMap, ZoneTree } from '@thor-node/dns'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkDomain } from '../../src/dns/check.ts'
import { LiveZones } from '../../src/dns/live-zone.ts'
import { customerTemplate } from '../../src/dns/template.ts'
import { threeNodes, zoneOf } from './fixtures.ts'

const test = suite('nodes: check of a domain')

const WORLD = '127.84.4.1'
const live = new LiveZones({ source: zoneOf(threeNodes) }, { ttlMs: 5_000 })
const zone = live.find('thor.local')!

/** What the world says, as records of a zone above. */
async function world(lines: readonly string[], port: number) {
  const zones = new ZoneMap()
  const record = (line: string) => {
    const [, name = '', type = '', text = ''] = /^(\S+) (\S+) (.*)$/.exec(line) ?? []
    const number = TYPE[type as keyof typeof TYPE]
    return { name, type: number, ttl: 1, data: parseRdata(number, wordsOf(text), '.') }
  }
  zones.set(new ZoneTree('local', record('local SOA ns.local. h.local. 1 1 1 1 1'), lines.map(record)))
  const components = { logger: silentLogger, clock: systemClock, random: new SimRandom(1), net: systemNet, zones }
  const server = new DnsServer(components, { host: WORLD, port })
  await server.start()
  return server
}

const components = (port: number) => ({
  net: systemNet,
  clock: systemClock,
  random: new SimRandom(2),
  servers: [{ host: WORLD, port }],
})

test(
  'a domain that nobody has delegated: what to write is said',
  deadline(20_000, async () => {
    const server = await world([], 0)
    const { delegate, findings } = await checkDomain(components(server.address!.port), zone, threeNodes)
    assert.equal(delegate, [
      'thor.local. NS n1.thor.local.',
      'thor.local. NS n2.thor.local.',
      'n1.thor.local. A 192.0.2.1',
      'n2.thor.local. A 192.0.2.2',
    ])
    const wrong = findings.filter(({ ok }) => !ok).map(({ text }) => text)
    assert.match(wrong[0] as string, /the world finds no name server of thor\.local: delegate it in local/)
    assert.is(findings.filter(({ ok }) => ok).length, 2, 'UDP and TCP lead to nodes')
    await server.stop()
  }),
)

test(
  'a world that does not answer is said to be so',
  deadline(20_000, async () => {
    const server = await world([], 0)
    const { port } = server.address!
    await server.stop()
    const { findings } = await checkDomain(components(port), zone, threeNodes)
    assert.ok(findings.some(({ ok, text }) => !ok && /the world cannot be asked/.test(text)))
  }),
)

test('a template leads to the proxies of the ring, by what they speak', () => {
  const records = customerTemplate('customer.example', 'thor.local', threeNodes)
  assert.equal(
    records.map(({ name, type, value, priority }) => `${name} ${type} ${priority ?? '-'} ${value}`),
    [
      'customer.example. NAPTR - 20 0 "s" "SIP+D2T" "" _sip._tcp.customer.example.',
      '_sip._tcp.customer.example. SRV 100 0 5060 proxy.thor.local.',
      'customer.example. NAPTR - 30 0 "s" "SIP+D2U" "" _sip._udp.customer.example.',
      '_sip._udp.customer.example. SRV 100 0 5060 proxy.thor.local.',
    ],
  )
  assert.equal(customerTemplate('customer.example', 'thor.local', []), [])
})

test.run()

import { SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Lookups } from '../../src/routing/lookups.ts'
import { dnsResolver } from '../../src/routing/resolve.ts'

const test = suite('sip: locating hosts (RFC 3263)')

const srv = (name: string, port: number, priority = 10) => ({ name, port, priority, weight: 1 })
const naptr = (service: string, replacement: string, preference = 10, flags = 's', order = 10) => ({
  service,
  replacement,
  preference,
  flags,
  order,
})

const zone: Record<string, readonly unknown[]> = {
  'SRV _sip._udp.udp.example': [srv('b.example', 5062, 20), srv('a.example', 5061)],
  'SRV _sip._tcp.tcp.example': [srv('a.example', 5061)],
  'SRV _sips._tcp.tls.example': [srv('a.example', 5071)],
  'SRV _sip._udp.all.example': [srv('a.example', 1)],
  'SRV _sip._tcp.all.example': [srv('a.example', 2)],
  'SRV _sips._tcp.all.example': [srv('a.example', 3)],
  // NAPTR with names of its own, wrong order, and services that nobody speaks here.
  'NAPTR named.example': [
    naptr('SIP+D2U', 'u.named.example', 20),
    naptr('SIPS+D2T', 's.named.example', 30),
    naptr('sip+d2t', 't.named.example', 10),
    naptr('SIP+D2S', 'sctp.named.example', 1),
    naptr('SIP+D2W', 'ws.named.example', 1),
    naptr('SIP+D2U', 'regexp', 1, 'u'),
    naptr('SIP+D2U', 'first.named.example', 99, 'S', 1),
  ],
  'SRV u.named.example': [srv('b.example', 11)],
  'SRV t.named.example': [srv('a.example', 12)],
  'SRV s.named.example': [srv('a.example', 13)],
  'SRV first.named.example': [srv('a.example', 10)],
  // NAPTR that leads nowhere is no NAPTR.
  'NAPTR lost.example': [naptr('SIP+D2U', 'nothing.example')],
  'SRV _sip._tcp.lost.example': [srv('a.example', 7)],
  // There is no such service, says the domain itself.
  'SRV _sip._udp.none.example': [srv('.', 0)],
  'A none.example': ['10.0.0.9'],
  'A a.example': ['10.0.0.1', '2001:db8::1'],
  'A b.example': ['10.0.0.2'],
  'A plain.example': ['10.0.0.3'],
  'A many.example': Array.from({ length: 20 }, (_, i) => `10.0.1.${i}`),
}

const asked: string[] = []
const ask = async (key: string): Promise<readonly never[]> => {
  asked.push(key)
  return (zone[key] ?? []) as readonly never[]
}
const lookups: Lookups = {
  naptr: (name) => ask(`NAPTR ${name}`),
  srv: (name) => ask(`SRV ${name}`),
  addresses: (name) => ask(`A ${name}`),
}
const resolver = dnsResolver({ lookups, random: new SimRandom(1) })
type Query = Parameters<typeof resolver.resolve>[0]

const table: [why: string, query: Query, expected: string[]][] = [
  ['an address is an address', { host: '192.0.2.1' }, ['udp 192.0.2.1:5060']],
  ['its port depends on the transport', { host: '192.0.2.1', transport: 'tls' }, ['tls 192.0.2.1:5061']],
  ['sips is TLS', { host: '192.0.2.1', secure: true }, ['tls 192.0.2.1:5061']],
  ['IPv6', { host: '2001:db8::1', port: 5080, transport: 'tcp' }, ['tcp 2001:db8::1:5080']],
  [
    'SRV by priority, both families',
    { host: 'udp.example' },
    ['udp 10.0.0.1:5061', 'udp 2001:db8::1:5061', 'udp 10.0.0.2:5062'],
  ],
  ['SRV of TCP alone', { host: 'tcp.example' }, ['tcp 10.0.0.1:5061', 'tcp 2001:db8::1:5061']],
  ['SRV of TLS alone', { host: 'tls.example' }, ['tls 10.0.0.1:5071', 'tls 2001:db8::1:5071']],
  ['no SRV for what was asked for: the host itself', { host: 'tcp.example', transport: 'udp' }, []],
  [
    'transport=tls asks for _sips',
    { host: 'tls.example', transport: 'tls' },
    ['tls 10.0.0.1:5071', 'tls 2001:db8::1:5071'],
  ],
  ['a port means no SRV', { host: 'plain.example', port: 5099 }, ['udp 10.0.0.3:5099']],
  ['nothing but an address', { host: 'plain.example' }, ['udp 10.0.0.3:5060']],
  ['sips without records', { host: 'plain.example', secure: true }, ['tls 10.0.0.3:5061']],
  ['nowhere', { host: 'nowhere.example' }, []],
  ['no such service is no way to the address', { host: 'none.example' }, []],
  ['names of browsers lead nowhere', { host: 'x.invalid' }, []],
  ['NAPTR that leads nowhere', { host: 'lost.example' }, ['tcp 10.0.0.1:7', 'tcp 2001:db8::1:7']],
  [
    'NAPTR by order and preference; a transport that is not spoken does not count',
    { host: 'named.example' },
    [
      ...['udp 10.0.0.1:10', 'udp 2001:db8::1:10', 'tcp 10.0.0.1:12', 'tcp 2001:db8::1:12'],
      ...['udp 10.0.0.2:11', 'tls 10.0.0.1:13', 'tls 2001:db8::1:13'],
    ],
  ],
  ['NAPTR for sips', { host: 'named.example', secure: true }, ['tls 10.0.0.1:13', 'tls 2001:db8::1:13']],
  [
    'all transports without NAPTR: UDP, TCP, TLS',
    { host: 'all.example' },
    [1, 2, 3].flatMap((port) =>
      ['10.0.0.1', '2001:db8::1'].map((host) => `${['', 'udp', 'tcp', 'tls'][port]} ${host}:${port}`),
    ),
  ],
  [
    'no more addresses than the limit',
    { host: 'many.example' },
    Array.from({ length: 8 }, (_, i) => `udp 10.0.1.${i}:5060`),
  ],
]
for (const [why, query, expected] of table) {
  test(`${why}: ${JSON.stringify(query)}`, async () => {
    const found = await resolver.resolve(query)
    assert.equal(
      found.map(({ transport, remote }) => `${transport} ${remote.host}:${remote.port}`),
      expected,
    )
  })
}

test('who names transport or port is not asked for NAPTR, and literal addresses ask nobody', async () => {
  asked.length = 0
  await resolver.resolve({ host: '192.0.2.1' })
  await resolver.resolve({ host: 'x.invalid' })
  assert.equal(asked, [])
  await resolver.resolve({ host: 'all.example', transport: 'tcp' })
  await resolver.resolve({ host: 'all.example', port: 5060 })
  assert.equal(asked, ['SRV _sip._tcp.all.example', 'A a.example', 'A all.example'])
})

test('when nobody answers, that is no empty answer', async () => {
  const silent = async (): Promise<never> => Promise.reject(new Error('ETIMEOUT'))
  const broken = dnsResolver({ lookups: { naptr: silent, srv: silent, addresses: silent }, random: new SimRandom(1) })
  await broken.resolve({ host: 'a.example' }).then(
    () => assert.unreachable(),
    (error) => assert.is(error.message, 'ETIMEOUT'),
  )
})

test.run()

/** Locating SIP hosts through real DNS messages: the resolver of `sip` asks our own zone server (RFC 3263). */
import { formatAddress, systemClock } from '@thor-node/core'
import { deadline, SimRandom } from '@thor-node/core/testing'
import type { DnsServer } from '@thor-node/dns'
import { dnsLookups, dnsResolver } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { LiveNode } from '../../src/dns/zone.ts'
import { dnsServer, zoneOf } from './fixtures.ts'

const test = suite('dns: located by our own resolver')
const HOST = '127.81.3.1'

const nodes: LiveNode[] = [
  { name: 'n1', host: '192.0.2.1', sipUdp: 5060, sipTcp: 5060, sipTls: 5061, sipWss: 443 },
  { name: 'n2', host: '2001:db8::2', sipUdp: 5070, weight: 3 },
]
let server: DnsServer
test.before(async () => {
  server = dnsServer(zoneOf(nodes, ['far.example']), HOST)
  await server.start()
})
test.after(() => server.stop())

function resolver(servers: string[], timeoutMs?: number) {
  const lookups = dnsLookups({ clock: systemClock }, { servers, ...(timeoutMs && { timeoutMs }) })
  return dnsResolver({ lookups, random: new SimRandom(3) })
}

const zoneServer = (): string => formatAddress(server.address as { host: string; port: number })
const shown = (ways: readonly { transport: string; remote: { host: string; port: number } }[]): string[] =>
  ways.map(({ transport, remote }) => `${transport} ${formatAddress(remote)}`)

test(
  'NAPTR, SRV and addresses of a whole zone',
  deadline(10_000, async () => {
    const { resolve } = resolver([zoneServer()])
    const all = shown(await resolve({ host: 'far.example' }))
    assert.equal(all.slice(0, 2).toSorted(), ['udp 192.0.2.1:5060', 'udp [2001:db8::2]:5070'])
    assert.equal(all.slice(2), ['tcp 192.0.2.1:5060', 'tls 192.0.2.1:5061'])
    assert.equal(shown(await resolve({ host: 'far.example', secure: true })), ['tls 192.0.2.1:5061'])
    assert.equal(shown(await resolve({ host: 'far.example', transport: 'tcp' })), ['tcp 192.0.2.1:5060'])
    assert.equal(shown(await resolve({ host: 'n2.far.example' })), ['udp [2001:db8::2]:5060'])
    assert.equal(shown(await resolve({ host: 'nobody.far.example' })), [])
  }),
)

test(
  'the heavier node comes first more often',
  deadline(10_000, async () => {
    const { resolve } = resolver([zoneServer()])
    let heavy = 0
    for (let i = 0; i < 200; i++) {
      const [first] = await resolve({ host: 'far.example', transport: 'udp' })
      if (first?.remote.port === 5070) heavy++
    }
    assert.ok(heavy > 120 && heavy < 180, `${heavy} of 200, 150 expected`)
  }),
)

test(
  'when no server answers that is said, within the time given',
  deadline(10_000, async () => {
    const { resolve } = resolver([`${HOST}:9`], 100)
    await resolve({ host: 'far.example' }).then(
      () => assert.unreachable(),
      (error) => assert.match(error.message, /ECONNREFUSED|ETIMEOUT/),
    )
  }),
)

test.run()

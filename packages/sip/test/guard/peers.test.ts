import { SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerLoad } from '../../src/guard/peer-load.ts'
import { type Peer, Peers, PrefixSet, parsePrefix } from '../../src/guard/peers.ts'

const test = suite('sip: trusted peers')

const peer = (change: Partial<Peer> = {}): Peer => ({
  name: 'trunk',
  prefixes: [],
  tlsNames: [],
  callsMax: 0,
  callsPerSecond: 0,
  relay: false,
  ...change,
})

const at = (host: string, ...peerDomains: string[]) => ({ remote: { host, port: 5060 }, peerDomains })

test('addresses and prefixes of both families', () => {
  for (const text of ['192.0.2.7', '192.0.2.0/24', '2001:db8::/32', '0.0.0.0/0', '::1'])
    assert.ok(parsePrefix(text), text)
  for (const text of ['', 'host', '192.0.2.0/33', '192.0.2.0/', '192.0.2.0/a', '1.2.3.4/8/8', '2001:db8::/129']) {
    assert.is(parsePrefix(text), undefined, text)
  }
  const set = new PrefixSet(['192.0.2.0/24', '2001:db8::/32', 'nonsense'])
  for (const host of ['192.0.2.0', '192.0.2.255', '2001:db8:ffff::1', '::ffff:192.0.2.9'])
    assert.ok(set.has(host), host)
  for (const host of ['192.0.3.0', '2001:db9::1', 'nonsense', '']) assert.not.ok(set.has(host), host)
})

test('a peer is known by its address, or by what its certificate stands for', () => {
  const peers = new Peers()
  assert.is(peers.of(at('192.0.2.1')), undefined)
  peers.replace([
    peer({ name: 'b', prefixes: ['192.0.2.0/24'] }),
    peer({ name: 'a', prefixes: ['192.0.2.1'] }),
    peer({ name: 'c', tlsNames: ['SBC.carrier.example'] }),
  ])
  assert.is(peers.of(at('192.0.2.1'))?.name, 'a')
  assert.is(peers.of(at('192.0.2.2'))?.name, 'b')
  assert.is(peers.of(at('203.0.113.1', 'other.example', 'sbc.CARRIER.example'))?.name, 'c')
  assert.is(peers.of(at('203.0.113.1', 'carrier.example')), undefined)
  assert.is(peers.of({ remote: { host: '203.0.113.1', port: 1 } }), undefined)
  assert.ok(peers.hasHost('192.0.2.77'))
  assert.not.ok(peers.hasHost('203.0.113.1'))
})

test('whether anybody is known by a certificate', () => {
  const peers = new Peers()
  const base = { prefixes: ['10.0.0.1'], tlsNames: [], callsMax: 0, callsPerSecond: 0, relay: false }
  peers.replace([{ name: 'a', ...base }])
  assert.not(peers.haveTlsNames)
  peers.replace([{ name: 'a', ...base, tlsNames: ['a.example'] }])
  assert.ok(peers.haveTlsNames)
})

test('more peers than the table holds are not trusted', () => {
  const peers = new Peers()
  peers.replace(
    Array.from({ length: 300 }, (_, i) => peer({ name: `p${1_000 + i}`, prefixes: [`10.0.${i >> 8}.${i & 255}`] })),
  )
  assert.is(peers.size, 256)
  assert.ok(peers.hasHost('10.0.0.255'))
  assert.not.ok(peers.hasHost('10.0.1.0'))
})

test('calls at once and calls per second are those of all nodes', async () => {
  const clock = new SimClock()
  const [one, two] = [new PeerLoad({ clock }), new PeerLoad({ clock })]
  const trunk = peer({ callsMax: 3, callsPerSecond: 2 })
  assert.ok(one.begin(trunk, 'a'))
  assert.ok(one.begin(trunk, 'b'))
  assert.not.ok(one.begin(trunk, 'c'), 'two within a second')
  two.take('one', one.own())
  assert.not.ok(two.begin(trunk, 'c'), 'also at another node')
  await clock.advance(1_100)
  two.take('one', one.own())
  assert.ok(two.begin(trunk, 'c'))
  assert.is(two.callsOf('trunk'), 3)
  await clock.advance(1_100)
  two.take('one', one.own())
  assert.not.ok(two.begin(trunk, 'd'), 'three at once')
  one.end('a')
  one.end('a')
  one.end('never')
  two.take('one', one.own())
  assert.ok(two.begin(trunk, 'd'))
  assert.equal(two.olderThan(1_000), ['c'])
  await clock.advance(4_000)
  assert.is(two.callsOf('trunk'), 2, 'a node that is silent has no calls')
})

test('a peer without limits is counted too, up to what the table holds', () => {
  const load = new PeerLoad({ clock: new SimClock() }, { callsMax: 2 })
  assert.equal(
    ['a', 'b', 'c'].map((uuid) => load.begin(peer(), uuid)),
    [true, true, false],
  )
})

test.run()

import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { signCertificate } from '../../src/admission/certificate.ts'
import { createIssuer, createRoot } from '../../src/admission/issuer.ts'
import { toTroubles } from '../../src/membership/view.ts'
import { type RingNode, TestRing } from './ring.fixture.ts'

const test = suite('membership: a ring of members')

const at = (ring: TestRing, index: number): RingNode => ring.nodes[index] as RingNode
const without = (ring: TestRing, ...indexes: number[]): RingNode[] => ring.nodes.filter((_, i) => !indexes.includes(i))

function all(ring: TestRing, expected: string, nodes?: readonly RingNode[]): void {
  for (const view of ring.views(nodes)) assert.is(view, expected)
}

test(
  'joining nodes know each other and make a full mesh',
  deadline(20_000, async () => {
    const ring = new TestRing(1)
    await ring.grow(7)
    all(ring, [1, 2, 3, 4, 5, 6, 7].map((n) => `n${n} alive`).join(', '))
    for (const a of ring.nodes) {
      for (const b of ring.nodes) if (a !== b) assert.ok(a.peers.isConnected(b.peers.self))
    }
    assert.not(ring.changes.some((change) => /suspect|dead/.test(change.replace(/^n\d+: n\d+ dead$/, ''))))
    await ring.stop()
    // What the network itself still carries.
    await ring.clock.advance(100)
    assert.is(ring.clock.armed, 0)
  }),
)

for (const size of [2, 3, 5]) {
  test(
    `a killed process is dead for everybody within a second (${size} nodes)`,
    deadline(20_000, async () => {
      const ring = new TestRing(2)
      await ring.grow(size)
      ring.network.crash(at(ring, 1).peers.self)
      await at(ring, 1).members.stop()
      await ring.clock.advance(1_000)
      for (const node of without(ring, 1)) {
        assert.is(node.members.get(at(ring, 1).peers.self)?.state, 'dead')
        assert.not(node.members.isLive(at(ring, 1).peers.self))
      }
      await ring.stop(without(ring, 1))
    }),
  )
}

test(
  'two of three killed at once are dead within a second for the third',
  deadline(20_000, async () => {
    const ring = new TestRing(3)
    await ring.grow(3)
    for (const i of [1, 2]) {
      ring.network.crash(at(ring, i).peers.self)
      await at(ring, i).members.stop()
    }
    await ring.clock.advance(1_000)
    assert.equal(ring.views([at(ring, 0)]), ['n1 alive, n2 dead, n3 dead'])
    await ring.stop([at(ring, 0)])
  }),
)

test(
  'a killed node that starts again is alive for everybody, with a higher incarnation',
  deadline(20_000, async () => {
    const ring = new TestRing(4)
    await ring.grow(3)
    const old = at(ring, 2)
    const before = old.members.self.incarnation
    ring.network.crash(old.peers.self)
    await old.members.stop()
    await ring.clock.advance(5_000)
    const last = old.saved.at(-1)
    assert.ok(last)
    ring.nodes.splice(2, 1)
    const again = await ring.boot(old.certificate, last as NonNullable<typeof last>)
    await ring.clock.advance(6_000)
    all(ring, 'n1 alive, n2 alive, n3 alive')
    const seen = at(ring, 0).members.get(again.peers.self)?.incarnation ?? 0
    assert.ok(seen > before)
    await ring.stop()
  }),
)

test(
  'a machine that loses power is dead after the time of suspicion, not at once',
  deadline(20_000, async () => {
    const ring = new TestRing(5)
    await ring.grow(4)
    ring.network.crash(at(ring, 3).peers.self, { power: true })
    await at(ring, 3).members.stop()
    await ring.clock.advance(2_000)
    all(ring, 'n1 alive, n2 alive, n3 alive, n4 suspect', without(ring, 3))
    await ring.clock.advance(6_000)
    all(ring, 'n1 alive, n2 alive, n3 alive, n4 dead', without(ring, 3))
    await ring.stop(without(ring, 3))
  }),
)

for (const stallMs of [150, 400, 1_500, 2_500]) {
  test(
    `a node that stands still for ${stallMs} ms accuses nobody and is not taken for dead`,
    deadline(20_000, async () => {
      const ring = new TestRing(stallMs)
      await ring.grow(4)
      ring.changes.length = 0
      for (let round = 0; round < 5; round++) {
        const { clock, peers } = at(ring, round % 4)
        clock.stall()
        ring.network.pause(peers.self)
        await ring.clock.advance(stallMs)
        clock.resume()
        ring.network.resume(peers.self)
        const stalled = `n${(round % 4) + 1}:`
        await ring.clock.advance(5_000)
        assert.not(ring.changes.some((change) => change.startsWith(stalled) && /suspect|dead/.test(change)))
        ring.changes.length = 0
      }
      assert.not(ring.changes.some((change) => change.includes('dead')))
      all(ring, 'n1 alive, n2 alive, n3 alive, n4 alive')
      await ring.stop()
    }),
  )
}

test(
  'a node that stood still for long is given up, and comes back when it moves again',
  deadline(20_000, async () => {
    const ring = new TestRing(6)
    await ring.grow(4)
    const { clock, peers } = at(ring, 1)
    clock.stall()
    ring.network.pause(peers.self)
    await ring.clock.advance(8_000)
    for (const node of without(ring, 1)) assert.is(node.members.get(peers.self)?.state, 'dead')
    clock.resume()
    ring.network.resume(peers.self)
    await ring.clock.advance(5_000)
    all(ring, 'n1 alive, n2 alive, n3 alive, n4 alive')
    await ring.stop()
  }),
)

test(
  'one broken link between two nodes kills neither',
  deadline(20_000, async () => {
    const ring = new TestRing(7)
    await ring.grow(4)
    ring.network.cut(at(ring, 0).peers.self, at(ring, 1).peers.self)
    ring.network.cut(at(ring, 1).peers.self, at(ring, 0).peers.self)
    ring.changes.length = 0
    await ring.clock.advance(30_000)
    assert.not(
      ring.changes.some((change) => change.endsWith('dead')),
      ring.changes.join('; '),
    )
    await ring.stop()
  }),
)

test(
  'after a partition both sides give each other up, and heal without a hand',
  deadline(20_000, async () => {
    const ring = new TestRing(8)
    await ring.grow(5)
    const ids = ring.nodes.map((node) => node.peers.self)
    ring.network.partition([ids.slice(0, 2), ids.slice(2)])
    await ring.clock.advance(40_000)
    all(ring, 'n1 alive, n2 alive, n3 dead, n4 dead, n5 dead', ring.nodes.slice(0, 2))
    all(ring, 'n1 dead, n2 dead, n3 alive, n4 alive, n5 alive', ring.nodes.slice(2))
    ring.network.heal()
    await ring.clock.advance(15_000)
    all(ring, 'n1 alive, n2 alive, n3 alive, n4 alive, n5 alive')
    await ring.stop()
  }),
)

test(
  'serving, services and leaving are known to all at once',
  deadline(20_000, async () => {
    const ring = new TestRing(9)
    await ring.grow(3)
    const { members, peers } = at(ring, 2)
    members.setServing(true)
    members.updateServices({ sipUdp: 5060, admission: 7001 })
    await ring.clock.advance(100)
    for (const node of ring.nodes) {
      assert.is(node.members.get(peers.self)?.serving, true)
      assert.is(node.members.get(peers.self)?.services.sipUdp, 5060)
      assert.is(node.members.get(peers.self)?.services.admission, 7001)
    }
    const leaving = members.leave()
    await ring.clock.advance(100)
    await leaving
    await ring.stop([at(ring, 2)])
    await ring.clock.advance(10_000)
    all(ring, 'n1 alive, n2 alive, n3 left', without(ring, 2))
    await ring.stop(without(ring, 2))
  }),
)

test(
  'a member that missed an announcement learns of the certificate from gossip',
  deadline(20_000, async () => {
    const ring = new TestRing(10)
    await ring.grow(3)
    const certificate = ring.certify('n9')
    at(ring, 1).roster.add(ring.sign(certificate))
    await ring.clock.advance(20_000)
    for (const node of ring.nodes) assert.ok(node.roster.has(certificate.nodeId))
    assert.ok(at(ring, 0).saved.at(-1)?.certificates.length === 4)
    await ring.stop()
  }),
)

test(
  'news of a node without a certificate of this ring is dropped',
  deadline(20_000, async () => {
    const ring = new TestRing(11)
    await ring.grow(2)
    const stranger = ring.certify('evil')
    const a = at(ring, 0)
    const forger = createIssuer(createRoot(), stranger.nodeId, ring.clock.wall())
    const forged = signCertificate(forger, stranger)
    await Promise.all([
      at(ring, 1).rpc.call(a.peers.self, 'swim.roster', { certificates: [forged, null, 7, {}] }),
      at(ring, 1).rpc.call(a.peers.self, 'swim.news', {
        members: [{ ...a.members.self, nodeId: stranger.nodeId }, null, 'x', { nodeId: 5 }],
      }),
      ring.clock.advance(200),
    ])
    assert.not(a.roster.has(stranger.nodeId))
    assert.is(a.members.get(stranger.nodeId), undefined)
    await ring.stop()
  }),
)

test(
  'a node tells what is wrong with it, and when that is over',
  deadline(20_000, async () => {
    const ring = new TestRing(41)
    await ring.grow(3)
    const { members, peers } = at(ring, 1)
    members.setTroubles(['wrong-clock', 'slow-disk'])
    await ring.clock.advance(100)
    for (const node of ring.nodes) {
      assert.equal(node.members.get(peers.self)?.troubles, ['slow-disk', 'wrong-clock'])
      assert.is(node.members.get(peers.self)?.state, 'alive')
    }
    const { incarnation } = members.self
    members.setTroubles(['slow-disk', 'wrong-clock'])
    assert.is(members.self.incarnation, incarnation, 'the same again is no news')
    members.setTroubles([])
    await ring.clock.advance(100)
    for (const node of ring.nodes) assert.is(node.members.get(peers.self)?.troubles, undefined)
    await ring.stop()
  }),
)

test('of what is said to be wrong, only what is known counts', () => {
  assert.equal(toTroubles(['slow-disk', 'no-coffee', 7, 'slow-disk']), ['slow-disk'])
  for (const value of [undefined, null, 'slow-disk', [], ['no-coffee'], { 0: 'slow-disk' }]) {
    assert.is(toTroubles(value), undefined)
  }
})

test.run()

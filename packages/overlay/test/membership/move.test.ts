import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { falseDeaths } from './faults.fixture.ts'
import { type RingNode, TestRing } from './ring.fixture.ts'

const test = suite('membership: a node that is reached elsewhere')

const at = (ring: TestRing, index: number): RingNode => ring.nodes[index] as RingNode

/** All nodes are alive for each other, connected, and know the ports where they are; nobody keeps another on disk. */
function isWhole(ring: TestRing, ports: ReadonlyMap<string, number> = new Map()): boolean {
  return ring.nodes.every((node) =>
    ring.nodes.every(({ peers: { self } }) => {
      if (self === node.peers.self) return true
      const member = node.members.get(self)
      const port = ports.get(self)
      if (member?.state !== 'alive' || !node.peers.isConnected(self)) return false
      if (port === undefined) return true
      const kept = node.saved.at(-1)?.members.find(({ nodeId }) => nodeId === self)
      return member.services.cluster === port && kept?.services.cluster === port
    }),
  )
}

async function until(ring: TestRing, isSo: () => boolean, withinMs: number): Promise<void> {
  const limit = ring.clock.now() + withinMs
  while (!isSo()) {
    assert.ok(ring.clock.now() < limit, `not within ${withinMs} ms: ${ring.views().join(' | ')}`)
    await ring.clock.advance(100)
  }
}

for (const elsewhere of ['refused', 'silent'] as const) {
  test(
    `a node restarts with its key at another address, the old one is ${elsewhere}`,
    deadline(20_000, async () => {
      const ring = new TestRing(1)
      await ring.grow(5)
      const old = at(ring, 2)
      const saved = old.saved.at(-1)
      assert.ok(saved)
      await ring.crash(old)
      ring.network.move(old.peers.self, '127.1.1.1:6000', elsewhere)
      ring.nodes.splice(2, 1)
      await ring.clock.advance(20_000)
      await ring.boot(old.certificate, saved as NonNullable<typeof saved>, 6_000)
      await until(ring, () => isWhole(ring, new Map([[old.peers.self, 6_000]])), 5_000)
      await ring.stop()
    }),
  )

  test(
    `a running node gets another address, the old one is ${elsewhere}: nobody takes it for dead`,
    deadline(20_000, async () => {
      const ring = new TestRing(2)
      await ring.grow(5)
      const since = ring.clock.now()
      const { peers } = at(ring, 1)
      await ring.move(at(ring, 1), 6_000, elsewhere)
      await until(ring, () => isWhole(ring, new Map([[peers.self, 6_000]])), 5_000)
      await ring.clock.advance(30_000)
      assert.equal(falseDeaths(ring, since), [])
      assert.ok(isWhole(ring))
      await ring.stop()
    }),
  )
}

test(
  'two nodes that both moved while they were cut off find each other through the others',
  deadline(20_000, async () => {
    const ring = new TestRing(3)
    await ring.grow(5)
    const ids = ring.nodes.map((node) => node.peers.self)
    ring.network.partition([ids.slice(0, 1), ids.slice(1, 3), ids.slice(3)])
    await ring.clock.advance(40_000)
    await ring.move(at(ring, 0), 6_000, 'silent')
    await ring.move(at(ring, 1), 6_001, 'silent')
    await ring.clock.advance(20_000)
    ring.network.heal()
    const ports = new Map([
      [at(ring, 0).peers.self, 6_000],
      [at(ring, 1).peers.self, 6_001],
    ])
    await until(ring, () => isWhole(ring, ports), 20_000)
    await ring.stop()
  }),
)

test(
  'when nobody is left who could tell, the address book of the network is asked',
  deadline(20_000, async () => {
    const places = new Map<string, string>()
    const findAddresses = (nodeId: string): string[] => [places.get(nodeId) ?? []].flat()
    const ring = new TestRing(4, { findAddresses })
    await ring.grow(2)
    const ids = ring.nodes.map((node) => node.peers.self)
    ring.network.partition([ids.slice(0, 1), ids.slice(1)])
    await ring.clock.advance(30_000)
    for (const [index, node] of ring.nodes.entries()) {
      await ring.move(node, 6_000 + index)
      places.set(node.peers.self, `127.1.1.1:${6_000 + index}`)
    }
    ring.network.heal()
    await until(ring, () => isWhole(ring, new Map(ids.map((id, index) => [id, 6_000 + index]))), 60_000)
    await ring.stop()
  }),
)

test(
  'a connection that is dead without a sign is made anew, and its member stays alive',
  deadline(20_000, async () => {
    const ring = new TestRing(5)
    await ring.grow(4)
    const [a, b] = [at(ring, 0), at(ring, 1)]
    const since = ring.clock.now()
    // What this connection carries is lost; a new one is another way.
    const send = a.peers.send.bind(a.peers)
    let isDead = true
    a.peers.send = (to, frame) => (isDead && to === b.peers.self ? true : send(to, frame))
    const connect = a.peers.connect.bind(a.peers)
    a.peers.connect = async (peer, addresses) => {
      await connect(peer, addresses)
      if (peer === b.peers.self) isDead = false
    }
    await until(ring, () => !isDead, 20_000)
    await until(ring, () => isWhole(ring), 5_000)
    assert.equal(falseDeaths(ring, since), [])
    await ring.stop()
  }),
)

test.run()

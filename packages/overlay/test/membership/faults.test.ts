import { deadline, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { deaths, die, falseDeaths, harmless } from './faults.fixture.ts'
import { type RingNode, TestRing } from './ring.fixture.ts'

const test = suite('membership: who is dead and who is not')

/** Nodes, seconds of fault, seed: more in `bench/membership.ts`. */
const rings: [nodes: number, seconds: number, seed: number][] = [
  [3, 15, 1],
  [5, 20, 2],
  [10, 15, 1],
]

for (const fault of harmless) {
  test(
    `nobody dies while ${fault.name}`,
    deadline(60_000, async () => {
      for (const [nodes, seconds, seed] of rings) {
        const ring = new TestRing(seed)
        await ring.grow(nodes)
        const since = ring.clock.now()
        await fault.play(ring, new SimRandom(seed), seconds * 1_000)
        assert.equal(falseDeaths(ring, since), [], `${nodes} nodes, seed ${seed}`)
        await ring.clock.advance(12_000)
        for (const view of ring.views()) assert.not(/suspect|dead/.test(view), view)
        await ring.stop()
      }
    }),
  )
}

for (const death of deaths) {
  test(
    `a node is dead for all others in time: ${death}`,
    deadline(60_000, async () => {
      const withinMs = death === 'killed' ? 500 : 5_500
      for (const [nodes, , seed] of [...rings, [30, 0, 1] as const]) {
        const ring = new TestRing(seed)
        await ring.grow(nodes)
        const since = ring.clock.now()
        const victim = ring.nodes[seed] as RingNode
        const { lastMs } = await die(ring, victim, death, 60_000)
        assert.ok(lastMs !== undefined && lastMs <= withinMs, `${nodes} nodes, seed ${seed}: ${lastMs} ms`)
        assert.equal(falseDeaths(ring, since, [victim.certificate.name]), [])
        if (death === 'stopped') ring.resume(victim)
        await ring.stop(death === 'stopped' ? ring.nodes : ring.nodes.filter((node) => node !== victim))
      }
    }),
  )
}

test(
  'a node that hears nobody doubts itself, and kills nobody for half a minute',
  deadline(20_000, async () => {
    const ring = new TestRing(3)
    await ring.grow(5)
    const [deaf, ...others] = ring.nodes as [RingNode, ...RingNode[]]
    for (const { peers } of others) ring.network.cut(peers.self, deaf.peers.self)
    const since = ring.clock.now()
    await ring.clock.advance(30_000)
    const own = falseDeaths(ring, since).filter((text) => text.startsWith(`${deaf.certificate.name}:`))
    assert.equal(own, [])
    assert.ok(deaf.members.snapshot().health > 3)
    ring.network.heal()
    await ring.clock.advance(15_000)
    for (const view of ring.views()) assert.not(/suspect|dead/.test(view), view)
    assert.is(deaf.members.snapshot().health, 1)
    await ring.stop()
  }),
)

test(
  'half of ten lose power at once: the others do not wait for long',
  deadline(20_000, async () => {
    const ring = new TestRing(4)
    await ring.grow(10)
    const gone = ring.nodes.slice(0, 5)
    const left = ring.nodes.slice(5)
    const since = ring.clock.now()
    for (const node of gone) await ring.crash(node, { power: true })
    const isSeen = () => left.every(({ members }) => gone.every(({ peers }) => !members.isLive(peers.self)))
    while (!isSeen() && ring.clock.now() - since < 60_000) await ring.clock.advance(100)
    assert.ok(ring.clock.now() - since <= 15_000, `${ring.clock.now() - since} ms`)
    const names = gone.map(({ certificate }) => certificate.name)
    assert.equal(falseDeaths(ring, since, names), [])
    await ring.stop(left)
  }),
)

test.run()

import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { die, massEvents } from './faults.fixture.ts'
import { Meter } from './meter.fixture.ts'
import { type RingNode, TestRing } from './ring.fixture.ts'

const test = suite('membership: what it sends')

test(
  'at rest, at a join and at a death each node sends about the same in a ring of 12 and of 40',
  deadline(60_000, async () => {
    const measured: Record<string, number>[] = []
    for (const nodes of [12, 40]) {
      const ring = new TestRing(nodes)
      const meter = new Meter()
      await massEvents[0]?.play(ring, nodes)
      meter.watch(ring.nodes)
      await ring.clock.advance(5_000)
      const seconds = 5
      const resting = await meter.during(ring, undefined, () => ring.clock.advance(seconds * 1_000))
      const idle = { bytes: resting.bytes / seconds, frames: resting.frames / seconds }
      const join = await meter.during(ring, idle, async () => {
        await ring.join((node) => meter.watch([node]))
        await ring.clock.advance(3_000)
      })
      const victim = ring.nodes[1] as RingNode
      const death = await meter.during(ring, idle, async () => {
        const { lastMs } = await die(ring, victim, 'power lost', 20_000)
        assert.ok(lastMs)
        ring.nodes.splice(1, 1)
        await ring.clock.advance(3_000)
      })
      measured.push({ idle: idle.bytes, join: join.bytes, deathFrames: death.frames })
      await ring.stop()
    }
    const [small, large] = measured as [Record<string, number>, Record<string, number>]
    const text = JSON.stringify(measured)
    assert.ok((large.idle ?? 0) < 1.1 * (small.idle ?? 0), text)
    assert.ok((large.join ?? 0) < 8_000, text)
    assert.ok((large.deathFrames ?? 0) < 250, text)
  }),
)

test(
  'who missed news gets what it lacks, and no more, from the next exchange',
  deadline(20_000, async () => {
    const ring = new TestRing(5)
    await ring.grow(4)
    const [a, b] = [ring.nodes[0], ring.nodes[1]] as [RingNode, RingNode]
    // News of its own that only one of the others hears.
    const send = a.peers.send.bind(a.peers)
    a.peers.send = (to, frame) => (to === b.peers.self ? send(to, frame) : true)
    a.members.setServing(true)
    await ring.clock.advance(50)
    a.peers.send = send
    const knows = () => ring.nodes.filter(({ members }) => members.get(a.peers.self)?.serving).length
    assert.is(knows(), 2)
    const meter = new Meter()
    meter.watch(ring.nodes)
    await ring.clock.advance(15_000)
    assert.is(knows(), 4)
    const { bytes } = await meter.during(ring, undefined, () => ring.clock.advance(10_000))
    assert.ok(bytes < 10_000, `${bytes}`)
    await ring.stop()
  }),
)

test.run()

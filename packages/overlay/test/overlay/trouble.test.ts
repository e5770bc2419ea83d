/** Full disks, slow disks, failing disks and wrong clocks of one node of a ring. */
import { errorCode } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { OverlayRing, placeIn, RANGES, type RingNode, ringKey } from './ring.fixture.ts'

const test = suite('overlay: a node in trouble')

const kinds = ({ overlay }: RingNode): string[] => overlay.alarms().map(({ kind }) => kind)
const homes = (of: RingNode, seenBy: RingNode): number => {
  let count = 0
  for (let range = 0; range < RANGES; range++) if (seenBy.overlay.ranges.homeOf(range) === of.id) count++
  return count
}
const troublesOf = (of: RingNode, seenBy: RingNode) => seenBy.overlay.members.get(of.id)?.troubles ?? []

async function formed(seed: number): Promise<{ ring: OverlayRing; nodes: [RingNode, RingNode, RingNode] }> {
  const ring = new OverlayRing(seed)
  return { ring, nodes: (await ring.form(3)) as [RingNode, RingNode, RingNode] }
}

for (const [how, fill, empty] of [
  ['little space is left', (n: RingNode) => (n.medium.freeBytes = 1e6), (n: RingNode) => n.medium.full(false)],
  ['no space is left at all', (n: RingNode) => n.medium.full(true), (n: RingNode) => n.medium.full(false)],
] as const) {
  test(
    `${how}: nothing new is written there, the ring goes on, and it resumes by itself`,
    deadline(60_000, async () => {
      const { ring, nodes } = await formed(1)
      const [a, b, c] = nodes
      const place = placeIn(3)
      await ring.run(a.overlay.store.set.put(ringKey('note', place), 'old'))
      assert.is(await ring.count(a, place), 1)
      assert.ok(homes(c, a) > 0)
      fill(c)
      await ring.until(() => troublesOf(c, a).includes('full-disk'), 10_000, 'others know')
      assert.equal(kinds(c), ['full-disk'])
      assert.is(homes(c, a) + homes(c, c), 0, 'it is home of nothing')
      const before = c.medium.peek('R').length + c.medium.peek('S').length
      for (const node of nodes) {
        assert.type(await ring.count(node, place), 'number')
        await ring.run(node.overlay.store.set.put(ringKey('note', `${place}${node.name}`), 'new'))
      }
      assert.is(c.medium.peek('R').length + c.medium.peek('S').length, before, 'nothing was written')
      assert.is(await ring.counted(c, place), 4)
      assert.is(await ring.run(c.overlay.store.set.get(ringKey('note', place))), 'old')
      await ring.run(c.overlay.store.soft.put(ringKey('loc', place), { sub: 's', seq: 1, body: 'here', ttlMs: 60_000 }))
      assert.is((await ring.run(c.overlay.store.soft.read(ringKey('loc', place)))).length, 1, 'SOFT goes on')

      ring.kill(a)
      await ring.clock.advance(2_000)
      assert.match(String(await ring.count(b, place)), /^STORE_UN/, 'its vote is missing')
      empty(c)
      await ring.until(() => troublesOf(c, b).length === 0, 10_000, 'others know that it is over')
      assert.equal(kinds(c), [])
      assert.type(await ring.count(b, place), 'number')
      assert.equal(c.failures, [])
    }),
  )
}

test(
  'a slow disk: the node ranks last for home, its vote counts, and ten seconds later all is as before',
  deadline(60_000, async () => {
    const { ring, nodes } = await formed(2)
    const [a, b, c] = nodes
    c.medium.slow(600, 900)
    for (let i = 0; i < 6 && troublesOf(c, a).length === 0; i++) {
      await ring.count(a, placeIn(i))
      await ring.clock.advance(1_000)
    }
    assert.equal(troublesOf(c, a), ['slow-disk'])
    assert.equal(kinds(c), ['slow-disk'])
    assert.is(homes(c, b), 0)
    ring.kill(b)
    await ring.clock.advance(2_000)
    assert.type(await ring.count(a, placeIn(1)), 'number', 'slow, but a vote')
    c.medium.slow(0)
    await ring.until(() => troublesOf(c, a).length === 0, 30_000, 'well again')
    assert.ok(homes(c, a) > 0)
  }),
)

test(
  'a disk that stalls does not stop the node: it answers what needs no disk',
  deadline(60_000, async () => {
    const { ring, nodes } = await formed(3)
    const [a, , c] = nodes
    c.medium.stall(8_000)
    assert.type(await ring.count(c, placeIn(5)), 'number', 'the others are a quorum')
    await ring.clock.advance(3_500)
    assert.equal(troublesOf(c, a), ['slow-disk'])
    assert.is(a.overlay.members.get(c.id)?.state, 'alive')
  }),
)

test(
  'a failed write ends the process; so do reads that fail too often, not one',
  deadline(60_000, async () => {
    const { ring, nodes } = await formed(4)
    const [a, b, c] = nodes
    c.medium.failNext('read')
    await ring.count(a, placeIn(1))
    await ring.clock.advance(1_000)
    assert.ok(c.up)
    c.medium.failNext('write')
    await ring.count(a, placeIn(2))
    await ring.clock.advance(1_000)
    assert.not(c.up)
    assert.equal(c.failures.map(errorCode), ['STORE_DISK_FAILED'])
    await ring.run(ring.boot(c))
    await ring.clock.advance(5_000)
    b.medium.failNext('read', 1_000)
    for (let i = 0; i < 20 && b.up; i++) await ring.count(a, placeIn(i))
    assert.not(b.up)
    assert.match(String(b.failures[0]), /too many reads failed/)
    assert.type(await ring.count(a, placeIn(3)), 'number', 'the ring goes on')
  }),
)

test(
  'a wrong clock: an alarm above a second; above ten no home and no trust, but a vote; it recovers by itself',
  deadline(60_000, async () => {
    const { ring, nodes } = await formed(5)
    const [a, b, c] = nodes
    assert.ok(c.overlay.clockTrusted)
    c.skewMs = -3_000
    await ring.until(() => kinds(c).includes('clock-off'), 15_000, 'an alarm')
    assert.match(c.overlay.alarms()[0]?.text ?? '', /clock of this node is 3\.0 s slow/)
    assert.equal(troublesOf(c, a), [])
    c.skewMs = 3_600_000
    await ring.until(() => troublesOf(c, a).includes('wrong-clock'), 15_000, 'others know')
    assert.not(c.overlay.clockTrusted)
    const stamped = c.overlay.ringClock.wall() - ring.clock.wall()
    assert.ok(Math.abs(stamped) < 1_000, `stamps are ${stamped} ms off`)
    assert.equal(kinds(c), ['clock-off', 'wrong-clock'])
    assert.is(homes(c, a), 0)
    assert.equal([...kinds(a), ...kinds(b)], [], 'those who are right are not blamed')
    ring.kill(b)
    await ring.clock.advance(2_000)
    assert.type(await ring.count(a, placeIn(1)), 'number', 'still an acceptor')
    await ring.run(ring.boot(b))
    c.skewMs = 40
    await ring.until(() => c.overlay.clockTrusted && kinds(c).length === 0, 15_000, 'right again')
    await ring.until(() => troublesOf(c, a).length === 0, 5_000, 'others know that')
  }),
)

test(
  'two nodes whose clocks differ both say so, and neither gives up',
  deadline(60_000, async () => {
    const ring = new OverlayRing(6)
    const [a, b] = (await ring.form(2)) as [RingNode, RingNode]
    b.skewMs = 60_000
    await ring.until(() => kinds(a).length > 0 && kinds(b).length > 0, 15_000, 'alarms')
    assert.equal([...kinds(a), ...kinds(b)], ['clock-off', 'clock-off'])
    assert.ok(a.overlay.clockTrusted && b.overlay.clockTrusted)
  }),
)

test.run()

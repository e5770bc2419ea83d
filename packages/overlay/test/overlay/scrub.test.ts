/** Bits flip on the disk of one node: found by the scrub, mended from the others. */
import type { RangeId } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { OverlayRing, placeIn, type RingNode, ringKey } from './ring.fixture.ts'

const test = suite('overlay: scrub')
const SCRUB = { firstAfterMs: 1_000, stepMs: 100, stepBytes: 4_000, periodMs: 600_000 }

async function filled(seed: number): Promise<{ ring: OverlayRing; nodes: [RingNode, RingNode, RingNode] }> {
  const ring = new OverlayRing(seed, { scrub: { ...SCRUB, firstAfterMs: 3_600_000 } })
  const nodes = (await ring.form(3)) as [RingNode, RingNode, RingNode]
  for (let range = 0; range < 20; range++) {
    const place = placeIn(range)
    await ring.count(nodes[0], place)
    await ring.run(nodes[0].overlay.store.set.put(ringKey('note', place), `note ${place}`))
    await ring.run(
      nodes[0].overlay.store.soft.put(ringKey('loc', place), { sub: 's', seq: 1, body: place, ttlMs: 3_600_000 }),
    )
  }
  // Until the entries are on the disks.
  await ring.clock.advance(25_000)
  return { ring, nodes }
}

/** All values of all disks, by key; what every node keeps for itself left out. */
const copies = (nodes: readonly RingNode[], prefix: string): string[] =>
  nodes.map(({ medium }) =>
    JSON.stringify(medium.peek(prefix).map(([key, value]) => [key, Buffer.from(value).toString('hex')])),
  )

test(
  'damage of every kind is found and mended in one pass',
  deadline(60_000, async () => {
    const { ring, nodes } = await filled(1)
    const [, , c] = nodes
    const before = copies([c], 'S')
    const damaged = ['C', 'R', 'S', 'T'].flatMap((prefix) => c.medium.corruptSome(prefix, 4))
    assert.is(damaged.length, 16)
    const report = await ring.run(c.overlay.scrub.passNow())
    assert.is(report.damaged, 16)
    assert.is(report.mended, 16, JSON.stringify(report))
    assert.match(c.overlay.alarms()[0]?.text ?? '', /^16 damaged records were found on the disk, 16 mended/)
    await ring.clock.advance(20_000)
    assert.equal(copies([c], 'S'), before)
    const again = await ring.run(c.overlay.scrub.passNow())
    assert.is(again.damaged, 0, 'nothing is left')
    assert.ok(again.records >= 60 && again.bytes > 1_000, JSON.stringify(again))
    assert.equal(c.overlay.alarms(), [], 'the alarm ends with a clean pass')
  }),
)

test(
  'it goes round by itself, slowly, once per period, and goes on where it was after a restart',
  deadline(60_000, async () => {
    const { ring, nodes } = await filled(2)
    const [, , c] = nodes
    ring.kill(c)
    await ring.run(ring.boot(c, { scrub: SCRUB }))
    const total = c.medium.peek('').reduce((sum, [key, value]) => sum + key.length + value.length, 0)
    await ring.clock.advance(1_000 + Math.floor(total / SCRUB.stepBytes / 2) * SCRUB.stepMs)
    const half = c.overlay.scrub.report
    assert.ok(half && half.endedAt === undefined && half.bytes < total, 'not all at once')
    assert.ok(half.position > 'C000' && half.position < 'C02f', half.position)
    await ring.run(c.overlay.stop())
    await ring.run(c.disk.close())
    ring.kill(c)
    await ring.run(ring.boot(c, { scrub: { ...SCRUB, firstAfterMs: 5_000 } }))
    assert.is(c.overlay.scrub.report?.position, half.position, 'where it was')
    assert.ok(c.medium.corrupt('C02f'))
    await ring.until(() => c.overlay.scrub.report?.endedAt !== undefined, 60_000, 'the pass')
    const first = c.overlay.scrub.report
    assert.is(first?.damaged, 1)
    assert.ok((first?.records ?? 0) > half.records)
    ring.kill(c)
    await ring.run(ring.boot(c, { scrub: SCRUB }))
    await ring.clock.advance(60_000)
    assert.is(c.overlay.scrub.report?.startedAt, first?.startedAt, 'it is not due yet')
    assert.ok(c.medium.corrupt('C000'))
    await ring.until(() => (c.overlay.scrub.report?.startedAt ?? 0) > (first?.startedAt ?? 0), 700_000, 'the next')
    await ring.until(() => c.overlay.scrub.report?.endedAt !== undefined, 60_000, 'its end')
    assert.is(c.overlay.scrub.report?.damaged, 1)
  }),
)

test(
  'what cannot be mended without the others is mended when they are back',
  deadline(60_000, async () => {
    const { ring, nodes } = await filled(3)
    const [a, b, c] = nodes
    ring.kill(a)
    ring.kill(b)
    c.medium.corruptSome('R', 2)
    const report = await ring.run(c.overlay.scrub.passNow())
    assert.is(report.mended, 0)
    assert.is(report.damaged, 2)
    await ring.run(Promise.all([ring.boot(a), ring.boot(b)]))
    await ring.until(() => ring.isStable(3), 60_000, 'all are back')
    await ring.clock.advance(40_000)
    assert.is((await ring.run(c.overlay.scrub.passNow())).damaged, 0, 'a comparison mended them')
  }),
)

test(
  'a register with a damaged promise does not vote with it',
  deadline(60_000, async () => {
    const { ring, nodes } = await filled(4)
    const [a, b, c] = nodes
    const place = placeIn(7)
    const key = c.medium.peek('R007').map(([name]) => name)[0] as string
    assert.ok(key)
    for (let bit = 0; bit < 30; bit++) {
      assert.ok(c.medium.corrupt(key))
      ring.network.partition([[a.id], [b.id]])
      await ring.clock.advance(50)
      // Only a and c are a quorum now, and c has nothing to say.
      const outcome = await ring.count(a, place)
      ring.network.heal()
      assert.match(String(outcome), /^STORE_UN|^\d+$/)
      await ring.run(c.overlay.scrub.passNow())
      const value = await ring.counted(a, place)
      assert.type(value, 'number')
      assert.is(await ring.counted(c, place), value)
    }
  }),
)

/** Damages the configs of these ranges while the node is down. */
async function loseConfigs(
  ring: OverlayRing,
  node: RingNode,
  ranges: readonly RangeId[],
  absent = false,
): Promise<void> {
  ring.kill(node)
  const image = new Map(node.medium.image())
  for (const range of ranges) {
    const key = `C${range.toString(16).padStart(3, '0')}`
    assert.ok(image.has(key))
    if (absent) image.delete(key)
  }
  node.medium.restore(image)
  if (!absent) for (const range of ranges) assert.ok(node.medium.corrupt(`C${range.toString(16).padStart(3, '0')}`))
  await ring.run(ring.boot(node))
}

for (const absent of [false, true]) {
  test(
    `a config that is ${absent ? 'missing' : 'damaged'} costs the vote in its range until the node has joined it anew; the data stays`,
    deadline(60_000, async () => {
      const { ring, nodes } = await filled(5)
      const [a, b, c] = nodes
      const since = a.overlay.configs.get(5).old.find(({ nodeId }) => nodeId === c.id)?.since ?? 0
      const copied = copies([c], 'S005')
      await loseConfigs(ring, c, [5, 6], absent)
      assert.equal(c.overlay.configs.mute, [5, 6])
      assert.not(c.overlay.configs.hasVoice(5))
      assert.equal(copies([c], 'S005'), copied)
      assert.is(c.overlay.configs.get(5).epoch, a.overlay.configs.get(5).epoch, 'the others told it')
      await ring.until(() => c.overlay.configs.mute.length === 0, 60_000, 'it is out')
      await ring.until(() => ring.isStable(3), 120_000, 'it is in again')
      for (const range of [5, 6]) {
        const now = a.overlay.configs.get(range)
        assert.ok((now.old.find(({ nodeId }) => nodeId === c.id)?.since ?? 0) > since, 'as another entry')
        assert.ok(c.overlay.configs.hasVoice(range))
      }
      assert.equal(copies([c], 'S005'), copied)
      ring.kill(b)
      await ring.clock.advance(2_000)
      assert.is(await ring.count(a, placeIn(5)), 2, 'its vote counts')
    }),
  )
}

test(
  'a lost vote stays lost over restarts, and an operator can open the range when no majority is left',
  deadline(60_000, async () => {
    const { ring, nodes } = await filled(6)
    const [a, b, c] = nodes
    ring.kill(a)
    await loseConfigs(ring, c, [5])
    await ring.clock.advance(30_000)
    assert.equal(c.overlay.configs.mute, [5], 'without a majority it cannot be taken out')
    assert.match(String(await ring.count(b, placeIn(5))), /^STORE_UN/)
    assert.is(await ring.count(b, placeIn(4)), 2, 'other ranges go on')
    ring.kill(c)
    await ring.run(ring.boot(c, { scrub: SCRUB }))
    await ring.clock.advance(3_000)
    assert.equal(c.overlay.configs.mute, [5])
    assert.equal(
      c.overlay.alarms().map(({ kind }) => kind),
      ['lost-votes'],
    )
    await ring.run(ring.boot(a))
    await ring.until(() => c.overlay.configs.mute.length === 0, 60_000, 'a majority takes it out')
    assert.type(await ring.count(b, placeIn(5)), 'number')
  }),
)

test(
  'a ring of one with a damaged config does not start',
  deadline(60_000, async () => {
    const ring = new OverlayRing(7)
    const [a] = (await ring.form(1)) as [RingNode]
    ring.kill(a)
    assert.ok(a.medium.corrupt('C003'))
    const outcome = await ring.run(
      ring.boot(a).then(
        () => 'started',
        (error: { code: string }) => error.code,
      ),
    )
    assert.is(outcome, 'RANGES_CONFIG_CORRUPT')
  }),
)

test.run()

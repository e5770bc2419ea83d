import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { judge, laterOf, readRows, toClaim } from '../../src/life/judge.ts'
import { OverlayRing, type RingNode } from './ring.fixture.ts'

const test = suite('overlay: old copies of disks')

const at = (ring: OverlayRing, index: number): RingNode => ring.nodes[index] as RingNode

test('a process is judged by where its disk begins', () => {
  const known = { session: 'a', count: 50 }
  const table = [
    ['nobody knows it', undefined, { session: 'x', base: 0, count: 1 }, { session: 'x', count: 1 }],
    ['the same process goes on', known, { session: 'a', base: 3, count: 60 }, { session: 'a', count: 60 }],
    ['what it said comes late', known, { session: 'a', base: 3, count: 40 }, known],
    ['a restart', known, { session: 'b', base: 50, count: 51 }, { session: 'b', count: 51 }],
    [
      'a restart after writes that were not told',
      known,
      { session: 'b', base: 70, count: 71 },
      { session: 'b', count: 71 },
    ],
    ['an image of before', known, { session: 'b', base: 49, count: 50 }, undefined],
    ['an image that has counted on', known, { session: 'b', base: 20, count: 900 }, undefined],
    [
      'a second restart after one that nobody confirmed',
      known,
      { session: 'c', base: 60, count: 61, before: { sessions: ['b'], base: 50 } },
      { session: 'c', count: 61 },
    ],
    [
      'the same, and the first was heard',
      { session: 'b', count: 58 },
      { session: 'c', base: 60, count: 61, before: { sessions: ['b'], base: 50 } },
      { session: 'c', count: 61 },
    ],
    [
      'an image that was started, counted on, and is started again',
      known,
      { session: 'c', base: 900, count: 901, before: { sessions: ['b'], base: 49 } },
      undefined,
    ],
    ['an empty disk', known, { session: 'b', base: 0, count: 1 }, undefined],
    ['an image, by order', known, { session: 'b', base: 20, count: 900, forced: true }, { session: 'b', count: 900 }],
  ] as const
  for (const [what, before, claim, after] of table) assert.equal(judge(before, claim), after, what)
})

test('of two memories the higher count is the later; malformed ones are none', () => {
  const [low, high] = [
    { session: 'a', count: 1 },
    { session: 'b', count: 2 },
  ]
  assert.is(laterOf(low, high), high)
  assert.is(laterOf(high, low), high)
  assert.is(laterOf(undefined, low), low)
  const rows = [['n1', 's', 3], ['n2', 's', -1], ['n3', 4, 4], 'n4', null, ['n5', 's', 1.5], ['n6', 's', 6]]
  assert.equal(
    [...readRows(rows, 10)].map(([nodeId]) => nodeId),
    ['n1', 'n6'],
  )
  assert.equal([...readRows(rows, 1)].length, 1)
  assert.equal([...readRows('x', 10)], [])
  for (const bad of [
    null,
    3,
    {},
    { session: 's', base: -1, count: 1 },
    { session: 's', base: 1, count: 1, before: { sessions: 'b', base: 1 } },
    { session: 's', base: 1, count: 1, before: { sessions: Array(17).fill('b'), base: 1 } },
    { session: 's'.repeat(65), base: 1, count: 1 },
  ]) {
    assert.is(toClaim(bad), undefined)
  }
})

test(
  'a node on an image of its disk is told so, and votes for nothing',
  deadline(60_000, async () => {
    const ring = new OverlayRing(1)
    await ring.form(3)
    assert.is(await ring.count(at(ring, 0), 'money'), 1)
    const image = at(ring, 2).medium.image()
    // What the image does not know: node 2 is in this quorum, node 1 is not.
    ring.kill(at(ring, 1))
    await ring.clock.advance(1_000)
    assert.is(await ring.count(at(ring, 0), 'money'), 2)
    await ring.clock.advance(1_500)
    ring.kill(at(ring, 2))
    at(ring, 2).medium.restore(image)
    ring.kill(at(ring, 0))
    // The one that slept and the one that forgot would be a quorum that reads 1.
    await ring.run(ring.boot(at(ring, 1)))
    await ring.run(ring.boot(at(ring, 0)))
    await ring.run(ring.boot(at(ring, 2)))
    await ring.until(() => at(ring, 2).staleBy.length > 0, 5_000, 'told')
    assert.ok([0, 1].map((i) => at(ring, i).id).includes(at(ring, 2).staleBy[0] as string))
    assert.not(at(ring, 2).overlay.configs.hasVoice(0))
    assert.is(await ring.counted(at(ring, 1), 'money'), 2)
    assert.is(await ring.count(at(ring, 2), 'money'), 3, 'what it asks others is served until it ends')
    ring.kill(at(ring, 0))
    await ring.clock.advance(2_000)
    assert.match(String(await ring.count(at(ring, 1), 'money')), /^STORE_UN/, 'it makes no quorum')
  }),
)

test(
  'when all who are there have just started, the one that comes seconds later is waited for',
  deadline(60_000, async () => {
    const ring = new OverlayRing(21)
    await ring.form(3)
    assert.is(await ring.count(at(ring, 0), 'money'), 1)
    const image = at(ring, 2).medium.image()
    ring.kill(at(ring, 1))
    await ring.clock.advance(1_000)
    assert.is(await ring.count(at(ring, 0), 'money'), 2)
    await ring.clock.advance(1_500)
    ring.kill(at(ring, 2))
    ring.kill(at(ring, 0))
    at(ring, 2).medium.restore(image)
    // Node 1 slept and knows nothing of it; node 0, which does, comes last.
    await ring.run(Promise.all([1, 2].map((index) => ring.boot(at(ring, index)))))
    await ring.clock.advance(4_000)
    assert.match(String(await ring.counted(at(ring, 1), 'money')), /^STORE_UN/)
    await ring.run(ring.boot(at(ring, 0)))
    await ring.until(() => at(ring, 2).staleBy.length > 0, 5_000, 'told')
    assert.is(await ring.counted(at(ring, 1), 'money'), 2)
  }),
)

test(
  'the word of one that had not heard of the node for a while is not enough until those who may have were waited for',
  deadline(60_000, async () => {
    const ring = new OverlayRing(22)
    await ring.form(3)
    const [first, second, third] = ring.nodes as [RingNode, RingNode, RingNode]
    const cut = (one: RingNode, other: RingNode): void => {
      ring.network.cut(one.id, other.id)
      ring.network.cut(other.id, one.id)
    }
    const mend = (one: RingNode, other: RingNode): void => {
      ring.network.mend(one.id, other.id)
      ring.network.mend(other.id, one.id)
    }
    assert.is(await ring.count(first, 'money'), 1)
    const image = third.medium.image()
    for (const other of [first, third]) cut(second, other)
    await ring.clock.advance(7_000)
    assert.is(await ring.count(first, 'money'), 2)
    await ring.clock.advance(500)
    // From here on the second sees the third, which has forgotten, and not the first, which knows.
    ring.kill(third)
    third.medium.restore(image)
    cut(first, third)
    mend(second, third)
    await ring.run(ring.boot(third))
    await ring.clock.advance(4_000)
    // To have been heard for so short does not make it known.
    ring.kill(third)
    await ring.run(ring.boot(third))
    await ring.clock.advance(4_000)
    assert.match(String(await ring.counted(second, 'money')), /^STORE_UN/)
    mend(first, third)
    mend(first, second)
    await ring.until(() => third.staleBy.length > 0, 40_000, 'told')
    assert.is(await ring.counted(second, 'money'), 2)
    await ring.stop()
  }),
)

test(
  'a restart is no old copy, nor are restarts of all at once after a power cut',
  deadline(120_000, async () => {
    for (let seed = 10; seed < 15; seed++) {
      const ring = new OverlayRing(seed)
      await ring.form(3)
      for (let turn = 1; turn <= 3; turn++) {
        for (let i = 0; i < 5; i++) await ring.count(at(ring, i % 3), `r${i}`)
        for (const node of ring.nodes) ring.kill(node, { power: true })
        await ring.clock.advance(500)
        await ring.run(Promise.all(ring.nodes.map((node) => ring.boot(node))))
        await ring.until(() => ring.isStable(3), 30_000, 'all are back')
        assert.is(await ring.count(at(ring, 1), 'r1'), 2 * turn)
      }
      assert.equal(
        ring.nodes.flatMap((node) => node.staleBy),
        [],
      )
    }
  }),
)

test(
  'the memory of others outlives their restarts',
  deadline(60_000, async () => {
    const ring = new OverlayRing(3)
    await ring.form(3)
    const image = at(ring, 2).medium.image()
    await ring.count(at(ring, 2), 'x')
    await ring.clock.advance(15_000)
    for (const node of ring.nodes) ring.kill(node, { power: true })
    at(ring, 2).medium.restore(image)
    await ring.run(Promise.all(ring.nodes.map((node) => ring.boot(node))))
    await ring.until(() => at(ring, 2).staleBy.length > 0, 5_000, 'told')
    await ring.until(() => at(ring, 0).overlay.configs.hasVoice(0), 5_000, 'the others vote')
    assert.is(await ring.count(at(ring, 0), 'x'), 2)
  }),
)

test(
  'a lost disk under a kept identity is an old copy too',
  deadline(60_000, async () => {
    const ring = new OverlayRing(4)
    await ring.form(3)
    await ring.count(at(ring, 0), 'x')
    ring.kill(at(ring, 1))
    at(ring, 1).medium.lose()
    await ring.clock.advance(1_000)
    await ring.run(ring.boot(at(ring, 1)))
    await ring.until(() => at(ring, 1).staleBy.length > 0, 5_000, 'told')
  }),
)

test(
  'alone, nobody vouches: a node of three that sees no other does not vote, a ring of one does',
  deadline(60_000, async () => {
    const ring = new OverlayRing(5)
    await ring.form(3)
    for (const node of ring.nodes) ring.kill(node, { power: true })
    await ring.run(ring.boot(at(ring, 0)))
    await ring.clock.advance(5_000)
    assert.not(at(ring, 0).overlay.configs.hasVoice(0))
    assert.is(await ring.count(at(ring, 0), 'x'), 'STORE_UNAVAILABLE')
    await ring.run(ring.boot(at(ring, 1)))
    await ring.clock.advance(5_000)
    assert.not(at(ring, 0).overlay.configs.hasVoice(0), 'who is missing may remember more')
    await ring.clock.advance(6_000)
    assert.is(await ring.count(at(ring, 0), 'x'), 1, 'two of three are enough')
    const single = new OverlayRing(6)
    await single.form(1)
    single.kill(at(single, 0))
    await single.run(single.boot(at(single, 0)))
    assert.is(await single.count(at(single, 0), 'x'), 1)
  }),
)

test(
  'a copy of the disk of a running node that takes its place is told',
  deadline(60_000, async () => {
    const ring = new OverlayRing(7)
    await ring.form(3)
    await ring.count(at(ring, 0), 'x')
    await ring.clock.advance(1_000)
    // The process goes on while another one starts from a copy of its disk, somewhere else.
    const original = at(ring, 2)
    const image = original.medium.image()
    await ring.clock.advance(300)
    assert.is(await ring.count(at(ring, 0), 'x'), 2)
    await ring.clock.advance(1_000)
    original.medium.crash()
    original.medium.restore(image)
    await ring.run(ring.boot(original))
    await ring.until(() => original.staleBy.length > 0, 10_000, 'told')
  }),
)

test(
  'by order of an operator an old copy is taken, and later starts need no order',
  deadline(60_000, async () => {
    const ring = new OverlayRing(8)
    await ring.form(3)
    const image = at(ring, 2).medium.image()
    await ring.count(at(ring, 0), 'x')
    await ring.clock.advance(1_000)
    ring.kill(at(ring, 2))
    at(ring, 2).medium.restore(image)
    await ring.run(ring.boot(at(ring, 2), { acceptOldCopy: true }))
    await ring.until(() => at(ring, 2).overlay.configs.hasVoice(0), 5_000, 'it votes')
    await ring.clock.advance(1_000)
    ring.kill(at(ring, 2))
    await ring.run(ring.boot(at(ring, 2)))
    await ring.until(() => at(ring, 2).overlay.configs.hasVoice(0), 5_000, 'it votes again')
    assert.equal(at(ring, 2).staleBy, [])
  }),
)

test.run()

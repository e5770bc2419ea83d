import { errorCode, type RecordKey } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { finalConfig, jointConfig, undoneConfig } from '../../src/ranges/config.ts'
import { diskKey } from '../../src/store/encoding.ts'
import { RANGES, ringKey, type TestNode, TestRing } from './ring.fixture.ts'

const test = suite('overlay: change of ranges')

const keys: RecordKey[] = Array.from({ length: 20 }, (_, i) => ringKey('acct', `user${i}@example.com`))

async function write(ring: TestRing, node: TestNode, text: string): Promise<void> {
  await ring.run(Promise.all(keys.map((key) => node.reg.change(key, text, () => ({ body: text, result: 0 })))))
}

async function expectAt(ring: TestRing, node: TestNode, mode: 'strict' | 'near', text: string): Promise<void> {
  const values = await ring.run(Promise.all(keys.map((key) => node.reg.read<string>(key, mode))))
  for (const value of values) assert.is(value?.body, text)
}

async function grown(ring: TestRing, ...ids: string[]): Promise<TestNode[]> {
  const nodes: TestNode[] = []
  for (const id of ids) {
    nodes.push(await ring.start(id, { genesis: nodes.length === 0 }))
    await ring.until(() => ring.isStable(Math.min(nodes.length, 3)), 30_000, `${nodes.length} nodes`)
  }
  return nodes
}

test(
  'a third node cannot join the ranges of two while one of them is dead; when it is back, it can',
  deadline(30_000, async () => {
    const ring = new TestRing(21)
    const [a] = (await grown(ring, 'a', 'b')) as [TestNode, TestNode]
    await write(ring, a, 'x')
    await ring.kill('b')
    await ring.start('c')
    await ring.clock.advance(10_000)
    assert.ok(
      a.configs.all().every(({ old, next }) => old.length === 2 && !next),
      'nothing moved',
    )
    await ring.start('b')
    await ring.until(() => ring.isStable(3), 20_000, 'three copies')
    for (const node of ring.nodes.values()) {
      await ring.until(() => node.balancer.caughtUp, 10_000, 'complete copies')
      await expectAt(ring, node, 'near', 'x')
    }
    await ring.stop()
  }),
)

test(
  'a dead node is replaced after a while; when it comes back, it is corrected and its copies are wiped',
  deadline(60_000, async () => {
    const ring = new TestRing(22, { limits: { deadNodeAfterMs: 3_000, newNodeAfterMs: 500, rangesAtOnce: 256 } })
    const [a, , , d] = (await ring.formed(['a', 'b', 'c', 'd'], ['a', 'b', 'c'])) as [
      TestNode,
      TestNode,
      TestNode,
      TestNode,
    ]
    await ring.until(() => ring.isStable(3) && d.view.counts().held > RANGES * 0.6, 60_000, 'a fair share')
    await write(ring, a, 'x')
    await ring.kill('b')
    await write(ring, a, 'y')
    const without = () => a.configs.all().every(({ old, next }) => !next && old.every(({ nodeId }) => nodeId !== 'b'))
    const took = await ring.until(without, 60_000, 'replacement')
    assert.ok(took >= 2_500, `not before it was long dead (${took} ms)`)
    assert.ok(ring.isStable(3))
    await expectAt(ring, a, 'strict', 'y')
    await write(ring, d, 'z')

    const b = await ring.start('b', { manual: true })
    // Its copy is of old epochs: alone it is no quorum, and the first refusal teaches it.
    const key = keys[0] as RecordKey
    assert.is((await ring.run(b.reg.read<string>(key, 'strict')))?.body, 'z')
    assert.is(b.configs.standing(key.range), 'outsider')
    await ring.run(b.spread.sync('a'))
    await ring.run(b.balancer.start())
    await ring.until(() => b.copied.wiped.length > 0, 20_000, 'wiping what is not its own any more')
    await ring.until(() => ring.isStable(3) && b.view.counts().held > RANGES * 0.6, 60_000, 'its share again')
    await ring.until(() => b.balancer.caughtUp, 10_000, 'complete copies')
    await expectAt(ring, b, 'strict', 'z')
    await expectAt(ring, b, 'near', 'z')
    await ring.stop()
  }),
)

test(
  'a change whose driver died after the joint config is finished by another member',
  deadline(30_000, async () => {
    const ring = new TestRing(23, { limits: { newNodeAfterMs: 3_600_000 } })
    const [a, b, c, d] = (await ring.formed(['a', 'b', 'c', 'd'], ['a', 'b', 'c'])) as [
      TestNode,
      TestNode,
      TestNode,
      TestNode,
    ]
    await write(ring, a, 'x')
    const ranges = keys.map(({ range }) => range)
    // As decided by a driver that then died: one majority has heard of it.
    const joint = ranges.map((range) => jointConfig(a.configs.get(range), ['b', 'c', 'd']))
    await ring.run(Promise.all([a, b, d].map((node) => node.configs.adoptAll(joint))))
    await ring.kill('a')
    await ring.until(
      () => ranges.every((range) => [b, c, d].every((node) => !node.configs.get(range).next)),
      20_000,
      'the end of the change',
    )
    for (const range of ranges) {
      const { old, epoch } = c.configs.get(range)
      const final = finalConfig(joint.find((config) => config.range === range) as never)
      // The next change, which puts the best member first, may have followed already.
      const inOrder = [...old].sort((one, other) => (one.nodeId < other.nodeId ? -1 : 1))
      assert.equal(inOrder, final.old)
      assert.ok(epoch >= final.epoch)
      assert.is(d.configs.standing(range), 'member')
    }
    await expectAt(ring, d, 'strict', 'x')
    await expectAt(ring, d, 'near', 'x')
    // Also by those who stay: they may have missed what those who leave acknowledged.
    for (const { id, copied } of [b, c, d]) {
      const pulled = new Set(copied.pulled.flatMap((pull) => pull.ranges))
      assert.ok(
        ranges.every((range) => pulled.has(range)),
        `${id} copied what the others have`,
      )
    }
    await ring.stop()
  }),
)

test(
  'a change whose new members are gone for good is taken back by the old ones',
  deadline(30_000, async () => {
    const ring = new TestRing(26, { limits: { newNodeAfterMs: 3_600_000, deadNodeAfterMs: 3_000 } })
    const nodes = await ring.formed(['a', 'b', 'c', 'd', 'e'], ['a', 'b', 'c'])
    const [a, b, c, d, e] = nodes as [TestNode, TestNode, TestNode, TestNode, TestNode]
    await write(ring, a, 'x')
    const { range } = keys[0] as RecordKey
    const joint = jointConfig(a.configs.get(range), ['a', 'd', 'e'])
    await ring.run(Promise.all([a, b, d, e].map((node) => node.configs.adopt(joint))))
    await ring.kill('d')
    await ring.kill('e')
    const refused = await ring.run(
      b.reg.change(keys[0] as RecordKey, 'y', () => ({ body: 'y', result: 0 })).catch(errorCode),
    )
    assert.ok(['STORE_UNAVAILABLE', 'STORE_UNKNOWN'].includes(refused as string), `${refused}`)
    assert.equal(a.configs.get(range), joint, 'they may come back')
    const undone = (): boolean => [a, b, c].every((node) => node.configs.get(range).epoch > joint.epoch)
    await ring.until(undone, 10_000, 'the change to be taken back')
    for (const node of [a, b, c]) assert.equal(node.configs.get(range), undoneConfig(joint))
    await write(ring, c, 'z')
    await expectAt(ring, b, 'strict', 'z')

    const back = await ring.start('d')
    await ring.until(() => back.copied.wiped.includes(range), 10_000, 'what it was given to be deleted')
    assert.is(back.configs.standing(range), 'outsider')
    await ring.stop()
  }),
)

test(
  'a change whose new members live and cannot decide a register, as one has it damaged, is taken back',
  deadline(30_000, async () => {
    const ring = new TestRing(28, { limits: { deadNodeAfterMs: 3_000 } })
    const nodes = await ring.formed(['a', 'b', 'c'], ['a', 'b', 'c'])
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
    await write(ring, a, 'x')
    await ring.clock.advance(1_000)
    const { range, name } = keys[0] as RecordKey
    assert.ok(b.medium.corrupt(diskKey('R', range, name)))
    const joint = jointConfig(a.configs.get(range), ['a', 'b'])
    await ring.run(Promise.all(nodes.map((node) => node.configs.adopt(joint))))
    const refused = await ring.run(
      c.reg.change(keys[0] as RecordKey, 'y', () => ({ body: 'y', result: 0 })).catch(errorCode),
    )
    assert.ok(['STORE_UNAVAILABLE', 'STORE_UNKNOWN'].includes(refused as string), `${refused}`)
    assert.equal(a.configs.get(range), joint, 'it may go on yet')
    const undone = (): boolean => nodes.every((node) => node.configs.get(range).epoch > joint.epoch)
    await ring.until(undone, 20_000, 'the change to be taken back')
    for (const node of nodes) assert.equal(node.configs.get(range), undoneConfig(joint))
    await write(ring, c, 'z')
    await ring.run(b.acceptors.mend(keys[0] as RecordKey))
    await expectAt(ring, b, 'near', 'z')
    await ring.stop()
  }),
)

test(
  'a change that may have ended is not taken back: it waits for the new members',
  deadline(30_000, async () => {
    const ring = new TestRing(27, { limits: { newNodeAfterMs: 3_600_000, deadNodeAfterMs: 3_000 } })
    const nodes = await ring.formed(['a', 'b', 'c', 'd', 'e'], ['a', 'b', 'c'])
    const [a, b, c, d, e] = nodes as [TestNode, TestNode, TestNode, TestNode, TestNode]
    const { range } = keys[0] as RecordKey
    const joint = jointConfig(a.configs.get(range), ['a', 'd', 'e'])
    await ring.run(Promise.all([a, b, c, d, e].map((node) => node.configs.adopt(joint))))
    // A driver that then died asked for the last votes: whether d and e gave theirs, nobody who is left can know.
    const vote = { type: 'accept', ballot: [joint.epoch + 1, 1, 'a'], value: finalConfig(joint) } as const
    for (const node of [b, c]) await ring.run(node.configs.vote([{ config: joint, input: vote }]))
    await ring.kill('d')
    await ring.kill('e')
    await ring.clock.advance(60_000)
    for (const node of [a, b, c]) assert.equal(node.configs.get(range), joint)
    await ring.start('d')
    await ring.until(() => a.configs.get(range).epoch > joint.epoch, 10_000, 'the end of the change')
    assert.equal(a.configs.get(range), finalConfig(joint))
    await ring.stop()
  }),
)

test(
  'a minority cut off refuses changes and cannot change configs; healed or restarted, it follows',
  deadline(60_000, async () => {
    const ring = new TestRing(24, { limits: { deadNodeAfterMs: 2_000 } })
    const [a, b] = (await ring.formed(['a', 'b', 'c'], ['a', 'b', 'c'])) as [TestNode, TestNode, TestNode]
    await write(ring, a, 'x')
    ring.network.partition([['a'], ['b', 'c']])
    const epochs = a.configs.all().map(({ epoch }) => epoch)
    const failed = await ring.run(
      a.reg.change(keys[0] as RecordKey, 'cut', () => ({ body: 'wrong', result: 0 })).catch((error) => error.code),
    )
    assert.ok(['STORE_UNAVAILABLE', 'STORE_UNKNOWN'].includes(failed as string), `${failed}`)
    await write(ring, b, 'y')
    await ring.clock.advance(5_000)
    assert.equal(
      a.configs.all().map(({ epoch }) => epoch),
      epochs,
    )
    ring.network.heal()
    for (const other of ['b', 'c']) await ring.run(a.net.connect(other))
    await expectAt(ring, a, 'strict', 'y')
    // What members think of each other meanwhile; seeing one again is the reason to compare.
    ring.setState('b', { state: 'dead' })
    ring.setState('b', { state: 'alive' })
    await ring.clock.advance(3_000)
    await expectAt(ring, a, 'near', 'y')

    await ring.kill('c')
    await write(ring, b, 'z')
    const c = await ring.start('c')
    assert.ok(keys.every(({ range }) => c.configs.standing(range) === 'warming'))
    await ring.until(() => c.balancer.caughtUp, 10_000, 'complete copies')
    await expectAt(ring, c, 'near', 'z')
    await ring.stop()
  }),
)

test(
  'the last node cannot leave, and one that leaves is home of nothing',
  deadline(30_000, async () => {
    const ring = new TestRing(25)
    const [a] = (await grown(ring, 'a')) as [TestNode]
    const code = await ring.run(a.balancer.leave().catch((error) => error.code))
    assert.is(code, 'RANGES_LAST_NODE')
    const b = await ring.start('b')
    await ring.until(() => ring.isStable(2), 20_000, 'two copies')
    await write(ring, b, 'x')
    const lost: number[] = []
    a.view.onLost((range) => lost.push(range))
    const homes = a.view.counts().home
    await ring.run(a.balancer.leave())
    assert.is(lost.length, homes)
    assert.equal(a.view.counts(), { held: 0, home: 0, changing: 0 })
    assert.ok(ring.isStable(1))
    await expectAt(ring, b, 'strict', 'x')
    await expectAt(ring, a, 'strict', 'x')
    await ring.stop()
    assert.is(ring.clock.armed > 50, false, `${ring.clock.armed} timers left`)
  }),
)

test.run()

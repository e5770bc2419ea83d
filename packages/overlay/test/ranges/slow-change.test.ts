/** Changes that take long, of which some ranges go on meanwhile: nothing is done twice, and one range holds up no other. */
import { type RangeId, silentLogger } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RangeChanger } from '../../src/ranges/change.ts'
import { finalConfig, jointConfig } from '../../src/ranges/config.ts'
import { type ChangeLimits, defaultChangeLimits } from '../../src/ranges/limits.ts'
import type { FillAnswer } from '../../src/ranges/messages.ts'
import { emptyValue, held } from '../../src/store/reg-value.ts'
import { RANGES, ringKey, type TestNode, TestRing } from './ring.fixture.ts'

const test = suite('overlay: slow changes of ranges')
const LIMITS = { deadNodeAfterMs: 1_000, newNodeAfterMs: 500 }

/** Four nodes; `c` is dead, and its ranges go to `d`, which does not come to the end of its copies. */
async function replacing(
  seed: number,
  limits: Partial<ChangeLimits> = {},
): Promise<{ ring: TestRing; nodes: TestNode[]; release: () => void }> {
  const ring = new TestRing(seed, { limits: { ...LIMITS, ...limits } })
  const nodes = await ring.formed(['a', 'b', 'c', 'd'], ['a', 'b', 'c'])
  const { promise, resolve } = Promise.withResolvers<void>()
  const d = nodes[3] as TestNode
  d.copied.hold = promise
  await ring.kill('c')
  await ring.until(() => pulledBy(d).length === RANGES, 20_000, 'a copy of every range')
  return { ring, nodes, release: resolve }
}

const pulledBy = ({ copied }: TestNode): RangeId[] => copied.pulled.flatMap(({ ranges }) => ranges)

test(
  'nobody begins with a change that somebody says to drive, however long it takes',
  deadline(60_000, async () => {
    const { ring, nodes, release } = await replacing(31)
    const d = nodes[3] as TestNode
    await ring.clock.advance(40_000)
    assert.is(pulledBy(d).length, RANGES, 'each range is copied once')
    release()
    await ring.until(() => ring.isStable(3), 20_000, 'three copies')
    assert.is(pulledBy(d).length, RANGES)
    await ring.stop()
  }),
)

test(
  'when the driver of a slow change stops, another one goes on; nobody is believed for ever',
  deadline(60_000, async () => {
    const { ring, nodes, release } = await replacing(32)
    const [a, b, , d] = nodes as [TestNode, TestNode, TestNode, TestNode]
    const driver = a.balancer.snapshot().active > 0 ? a : b
    await ring.clock.advance(10_000)
    const before = pulledBy(d).length
    await driver.balancer.stop()
    await ring.until(() => pulledBy(d).length > before, 30_000, 'another driver')
    release()
    await driver.balancer.start()
    await ring.until(() => ring.isStable(3), 60_000, 'three copies')
    await ring.stop()

    const again = await replacing(33, { fillTimeoutMs: 60_000 })
    await again.ring.clock.advance(90_000)
    assert.ok(pulledBy(again.nodes[3] as TestNode).length > RANGES, 'others tried after a minute')
    again.release()
    await again.ring.until(() => again.ring.isStable(3), 60_000, 'three copies')
    await again.ring.stop()
  }),
)

test(
  'a copy leaves out the ranges that are at another epoch, and says which',
  deadline(30_000, async () => {
    const ring = new TestRing(34)
    const nodes: TestNode[] = []
    for (const id of ['a', 'b', 'c', 'd']) nodes.push(await ring.start(id, { manual: true, genesis: id === 'a' }))
    const [a, , , d] = nodes as [TestNode, TestNode, TestNode, TestNode]
    const joint = [1, 2, 3].map((range) => {
      const old = ['a', 'b', 'c'].map((nodeId) => ({ nodeId, since: 1 }))
      return jointConfig({ range, epoch: 3, old }, ['b', 'c', 'd'])
    })
    for (const node of nodes) await ring.run(node.configs.adoptAll(joint))
    const further = joint.map(finalConfig)
    await ring.run(d.configs.adopt(further[1] as never))
    const items = joint.map(({ range, epoch }) => ({ range, epoch }))
    const fill = (): Promise<FillAnswer> => a.rpc.call<FillAnswer>('d', 'range.fill', { items, sources: ['b', 'c'] })
    assert.equal(await ring.run(fill()), { done: true, stale: [2] })
    assert.equal(pulledBy(d), [1, 3])
    assert.ok(!d.configs.isUnfilled(1) && !d.configs.isUnfilled(3))

    // One goes on while it is copied.
    const { promise, resolve } = Promise.withResolvers<void>()
    d.copied.hold = promise
    const asked = fill()
    await ring.clock.advance(500)
    await ring.run(d.configs.adopt(further[0] as never))
    resolve()
    assert.equal(await ring.run(asked), { done: true, stale: [1, 2] })
    await ring.run(d.configs.adopt(further[2] as never))
    assert.equal(await ring.run(fill()), { done: true, stale: [1, 2, 3] })
    await ring.stop()
  }),
)

test(
  'registers of a range that went on do not hold up those of others',
  deadline(30_000, async () => {
    const ring = new TestRing(35)
    const nodes: TestNode[] = []
    for (const id of ['a', 'b', 'c']) nodes.push(await ring.start(id, { manual: true, genesis: id === 'a' }))
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
    const old = ['a', 'b', 'c'].map((nodeId) => ({ nodeId, since: 1 }))
    const all = Array.from({ length: RANGES }, (_, range) => ({ range, epoch: 3, old }))
    for (const node of nodes) await ring.run(node.configs.adoptAll(all))
    for (const node of nodes) await ring.run(node.configs.markFilled(all))
    const [one, other] = [ringKey('acct', 'one@example.com'), ringKey('acct', 'other@example.com')]
    for (const key of [one, other]) await ring.run(a.reg.change(key, 'op', () => ({ body: 'x', result: 0 })))
    const configs = [one, other].map(({ range }) => a.configs.get(range))
    for (const node of [b, c]) await ring.run(node.configs.adopt({ range: other.range, epoch: 5, old }))
    const { done, failure } = await ring.run(a.reg.redecide(configs))
    assert.equal([...done], [one.range])
    assert.match(String(failure), new RegExp(`range ${other.range}|${other.name}|epoch|config`))
    await ring.stop()
  }),
)

const OLD = ['a', 'b', 'c'].map((nodeId) => ({ nodeId, since: 1 }))

/** Four nodes without balancers; every range at epoch 3 with `a`, `b` and `c`. */
async function quiet(seed: number): Promise<{ ring: TestRing; nodes: TestNode[] }> {
  const ring = new TestRing(seed)
  const nodes: TestNode[] = []
  for (const id of ['a', 'b', 'c', 'd']) nodes.push(await ring.start(id, { manual: true, genesis: id === 'a' }))
  const all = Array.from({ length: RANGES }, (_, range) => ({ range, epoch: 3, old: OLD }))
  for (const node of nodes) {
    await ring.run(node.configs.adoptAll(all))
    await ring.run(node.configs.markFilled(all))
  }
  return { ring, nodes }
}

function changerOf({ clock, random }: TestRing, node: TestNode): RangeChanger {
  const { id, rpc, members, configs, reg, spread } = node
  const parts = { clock, random, log: silentLogger, rpc, members, configs, reg, spread }
  return new RangeChanger(parts, { self: id, limits: defaultChangeLimits })
}

/** As a proposer would; `nodes` accept it. */
async function accepted(ring: TestRing, nodes: readonly TestNode[], range: RangeId, epoch: number, names: string[]) {
  const value = held({ ...emptyValue, rev: 1, body: new Uint8Array([1]) }).bytes
  const [from] = nodes as [TestNode]
  const ask = ({ id }: TestNode, name: string): Promise<{ type: string }> =>
    from.rpc.call(id, 'reg.accept', { range, epoch, name, ballot: [epoch, 1, 'b'], value, promise: [epoch, 2, 'b'] })
  for (let at = 0; at < names.length; at += 100) {
    const some = names.slice(at, at + 100).flatMap((name) => nodes.map((node) => ask(node, name)))
    for (const { type } of await ring.run(Promise.all(some))) assert.is(type, 'accepted')
  }
}

test(
  'ranges in any order, with more registers than a page: what a majority has acknowledged is not lost',
  deadline(60_000, async () => {
    const { ring, nodes } = await quiet(36)
    const [a, b, c, d] = nodes as [TestNode, TestNode, TestNode, TestNode]
    const many = (what: string): string[] => Array.from({ length: 900 }, (_, i) => `acct/${what}${i}@example.com`)
    await accepted(ring, [b, a, c], 9, 3, many('user'))
    // Without `a`, which drives the change.
    await accepted(ring, [b, c], 5, 3, many('other'))
    await accepted(ring, [b, c], 3, 3, ['acct/precious@example.com'])
    await ring.kill('c')
    const jobs = [9, 5, 3].map((range) => ({ config: a.configs.get(range), target: ['a', 'b', 'd'] }))
    const left: RangeId[] = []
    const arrived = await ring.run(changerOf(ring, a).run(jobs, { urgent: true, letGo: (range) => left.push(range) }))
    assert.equal([...arrived], [9, 5, 3])
    assert.equal(left, [])
    for (const range of [9, 5, 3]) {
      const digests = await ring.run(Promise.all([a, b, d].map(({ acceptors }) => acceptors.digest(range))))
      assert.is(new Set(digests).size, 1, `the copies of range ${range} are alike`)
    }
    await ring.kill('b')
    const found = await ring.run(a.reg.read({ range: 3, name: 'acct/precious@example.com' }, 'strict'))
    assert.is(found?.rev, 1)
    await ring.stop()
  }),
)

test(
  'a new member that dies while it copies is not taken in place of one that lives; in place of a dead one, the others are enough',
  deadline(30_000, async () => {
    for (const oldDies of [false, true]) {
      const { ring, nodes } = await quiet(oldDies ? 40 : 39)
      const [a, , , d] = nodes as [TestNode, TestNode, TestNode, TestNode]
      const hold = Promise.withResolvers<void>()
      d.copied.hold = hold.promise
      if (oldDies) await ring.kill('c')
      const job = { config: a.configs.get(7), target: ['a', 'b', 'd'] }
      const changing = changerOf(ring, a).run([job], { urgent: true, letGo: () => undefined })
      await ring.clock.advance(3_000)
      assert.equal(pulledBy(d), [7])
      await ring.kill('d')
      const arrived = await ring.run(changing)
      assert.equal([...arrived], [7])
      const members = a.configs.get(7).old.map(({ nodeId }) => nodeId)
      assert.equal([a.configs.get(7).next, members], [undefined, oldDies ? ['a', 'b', 'd'] : ['a', 'b', 'c']])
      await ring.stop()
    }
  }),
)

test(
  'a range that has gone on at a source alone is left out when the copy is asked for again',
  deadline(30_000, async () => {
    const { ring, nodes } = await quiet(37)
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
    const joint = [1, 2, 3].map((range) => jointConfig(a.configs.get(range), ['b', 'c', 'd']))
    for (const node of nodes) await ring.run(node.configs.adoptAll(joint))
    await accepted(ring, [b, c], 2, 4, ['acct/x@example.com'])
    await ring.run(b.configs.adopt(finalConfig(joint[1] as never)))
    const items = joint.map(({ range, epoch }) => ({ range, epoch }))
    const fill = (): Promise<FillAnswer> => a.rpc.call<FillAnswer>('d', 'range.fill', { items, sources: ['b', 'c'] })
    assert.equal(await ring.run(fill()), { done: true, stale: [2] })
    await ring.stop()
  }),
)

test(
  'a member that stands still does not hold up the decisions of the others',
  deadline(30_000, async () => {
    const { ring, nodes } = await quiet(38)
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
    await accepted(ring, [b, a, c], 7, 3, ['acct/x@example.com'])
    ring.network.cut('a', 'c')
    const before = ring.clock.now()
    const { done } = await ring.run(a.reg.redecide([a.configs.get(7)]))
    assert.equal([...done], [7])
    assert.ok(ring.clock.now() - before < 5_000, 'not as long as a call may take')
    await ring.stop()
  }),
)

test.run()

import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type TestNode, TestRing } from './ring.fixture.ts'

const test = suite('overlay: home of a range')

async function ringOf(ids: readonly string[], old: readonly string[]): Promise<{ ring: TestRing; a: TestNode }> {
  const ring = new TestRing(31)
  for (const id of ids) await ring.start(id, { manual: true, genesis: id === 'a' })
  const members = old.map((nodeId) => ({ nodeId, since: 1 }))
  const a = ring.nodes.get('a') as TestNode
  for (const node of ring.nodes.values()) {
    await ring.run(node.configs.adoptAll([{ range: 5, epoch: 3, old: members }]))
    await ring.run(node.configs.markFilled([{ range: 5, epoch: 3 }]))
  }
  return { ring, a }
}

test(
  'the first live replica in the order of the config is home',
  deadline(10_000, async () => {
    const { ring, a } = await ringOf(['a', 'b', 'c'], ['b', 'a', 'c'])
    const steps = [
      [{}, 'b'],
      [{ state: 'suspect' }, 'a'],
      [{ state: 'alive' }, 'b'],
      [{ state: 'alive', serving: false }, 'a'],
      [{ state: 'dead', serving: true }, 'a'],
      [{ state: 'alive' }, 'b'],
      [{ troubles: ['full-disk'] }, 'a'],
      [{ troubles: undefined }, 'b'],
      [{ state: 'left' }, 'a'],
    ] as const
    for (const [change, home] of steps) {
      ring.setState('b', change)
      assert.is(a.view.homeOf(5), home, JSON.stringify(change))
    }
    ring.setState('b', { state: 'suspect' })
    assert.equal(a.view.replicasOf(5), ['a', 'c', 'b'])
    ring.setState('c', { state: 'dead' })
    const c = ring.nodes.get('c') as TestNode
    assert.is(c.view.homeOf(5), 'a')
    ring.setState('a', { state: 'dead' })
    assert.is(c.view.homeOf(5), 'c', 'one always lives oneself')
  }),
)

test(
  'a troubled node is home when the others are worse, and only then',
  deadline(10_000, async () => {
    const { ring, a } = await ringOf(['a', 'b', 'c'], ['b', 'a', 'c'])
    ring.setState('b', { troubles: ['slow-disk'] })
    ring.setState('a', { serving: false })
    assert.equal(a.view.replicasOf(5), ['c', 'a', 'b'], 'who drains is better than who is in trouble')
    ring.setState('c', { state: 'suspect' })
    assert.equal(a.view.replicasOf(5), ['a', 'b', 'c'], 'who is in trouble is better than a suspect')
    ring.setState('a', { troubles: ['wrong-clock'] })
    assert.is(a.view.homeOf(5), 'b', 'among equals the order of the config decides')
    assert.is((ring.nodes.get('b') as TestNode).view.homeOf(5), 'b', 'the node itself thinks so too')
  }),
)

test(
  'gaining and losing is told once, to those who still listen',
  deadline(10_000, async () => {
    const { ring, a } = await ringOf(['a', 'b'], ['b', 'a'])
    const told: string[] = []
    const stop = a.view.onGained((range) => told.push(`+${range}`))
    a.view.onLost((range) => told.push(`-${range}`))
    assert.not.ok(a.view.isHome(5))
    ring.setState('b', { state: 'suspect' })
    ring.setState('b', { state: 'dead' })
    assert.ok(a.view.isHome(5))
    ring.setState('b', { state: 'alive' })
    assert.equal(told, ['+5', '-5'])
    stop()
    ring.setState('b', { state: 'dead' })
    assert.equal(told, ['+5', '-5'])
  }),
)

test(
  'a range that nobody knows or nobody serves has no home; a copy that is behind is home only for want of others',
  deadline(10_000, async () => {
    const { ring, a } = await ringOf(['a', 'b'], ['a', 'b'])
    const b = ring.nodes.get('b') as TestNode
    assert.is(b.view.homeOf(6), undefined)
    await ring.run(
      a.configs.adopt({
        range: 5,
        epoch: 9,
        old: [
          { nodeId: 'a', since: 8 },
          { nodeId: 'b', since: 1 },
        ],
      }),
    )
    assert.is(a.configs.standing(5), 'warming')
    assert.is(a.view.homeOf(5), 'b')
    ring.setState('b', { state: 'dead' })
    assert.is(a.view.homeOf(5), 'a')
    ring.setState('b', { state: 'alive' })
    await ring.run(a.configs.markFilled([{ range: 5, epoch: 9 }]))
    assert.is(a.view.homeOf(5), 'a')
    assert.equal(a.view.info(5), { range: 5, epoch: 9, replicas: ['a', 'b'], home: 'a' })
  }),
)

test.run()

import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { jointConfig } from '../../src/ranges/config.ts'
import type { VoteReply } from '../../src/ranges/config-table.ts'
import type { RangeConfig } from '../../src/ranges/contract.ts'
import { RANGES, type TestNode, TestRing } from './ring.fixture.ts'

const test = suite('overlay: table of range configs')

const of = (epoch: number, ...old: [string, number][]): RangeConfig => ({
  range: 9,
  epoch,
  old: old.map(([nodeId, since]) => ({ nodeId, since })),
})

async function one(seed: number): Promise<{ ring: TestRing; a: TestNode }> {
  const ring = new TestRing(seed)
  return { ring, a: await ring.start('a', { manual: true, genesis: true }) }
}

test(
  'a ring is created once',
  deadline(10_000, async () => {
    const { ring, a } = await one(41)
    assert.equal(a.configs.get(RANGES - 1), { range: RANGES - 1, epoch: 1, old: [{ nodeId: 'a', since: 1 }] })
    assert.is(a.configs.unknown, 0)
    const first = a.configs.all()
    // A start that was cut off after it is done anew.
    await ring.run(a.configs.genesis())
    assert.equal(a.configs.all(), first)
    const b = await ring.start('b', { manual: true })
    assert.is(b.configs.unknown, RANGES)
    await ring.run(b.spread.join())
    assert.equal(b.configs.all(), a.configs.all())
    assert.is(await ring.run(b.configs.genesis().catch((error) => error.code)), 'RANGES_EXIST')
    await ring.run(a.configs.adopt(of(3, ['a', 1], ['b', 2])))
    assert.is(await ring.run(a.configs.genesis().catch((error) => error.code)), 'RANGES_EXIST')
  }),
)

test(
  'epochs only go up, and survive a power cut',
  deadline(10_000, async () => {
    const { ring, a } = await one(42)
    const told: number[] = []
    a.configs.onChange(({ epoch }) => told.push(epoch))
    await ring.run(a.configs.adopt(of(5, ['a', 1], ['b', 3])))
    await ring.run(a.configs.adopt(of(4, ['b', 3])))
    await ring.run(a.configs.adoptAll([of(6, ['b', 3]), of(8, ['a', 1]), of(7, ['b', 3])]))
    assert.equal(told, [5, 8])
    await ring.kill('a')
    const again = await ring.start('a', { manual: true })
    assert.equal(again.configs.get(9), of(8, ['a', 1]))
    assert.is(again.configs.unknown, 0)
  }),
)

test(
  'votes are given once, survive a power cut, and are void with the next epoch',
  deadline(10_000, async () => {
    const { ring, a } = await one(43)
    const config = a.configs.get(9)
    const value = jointConfig(config, ['b'])
    const vote = async (node: TestNode, input: Parameters<TestNode['configs']['vote']>[0][number]['input']) =>
      ((await ring.run(node.configs.vote([{ config, input }])))[0] as VoteReply).type
    assert.is(await vote(a, { type: 'prepare', ballot: [2, 5, 'x'] }), 'promised')
    assert.is(await vote(a, { type: 'accept', ballot: [2, 4, 'x'], value }), 'refused')
    assert.is(await vote(a, { type: 'accept', ballot: [2, 5, 'x'], value }), 'accepted')
    await ring.kill('a')
    const again = await ring.start('a', { manual: true })
    assert.is(await vote(again, { type: 'prepare', ballot: [2, 5, 'x'] }), 'refused')
    assert.is(await vote(again, { type: 'prepare', ballot: [2, 6, 'x'] }), 'promised')
    await ring.run(again.configs.adopt(value))
    assert.is(await vote(again, { type: 'accept', ballot: [2, 6, 'x'], value }), 'newer')
  }),
)

test(
  'a copy of an earlier membership is deleted before the new one begins, also when the end of the earlier one was missed',
  deadline(10_000, async () => {
    const { ring, a } = await one(44)
    await ring.run(a.reg.change({ range: 9, name: 'k' }, 'op', () => ({ body: 'old', result: 0 })))
    assert.is((await ring.run(a.reg.read<string>({ range: 9, name: 'k' }, 'strict')))?.body, 'old')
    await ring.run(a.configs.adopt(of(7, ['a', 6])))
    assert.equal(a.copied.wiped, [9])
    assert.is(await ring.run(a.reg.read({ range: 9, name: 'k' }, 'strict')), undefined)
    assert.is(a.configs.standing(9), 'warming')
  }),
)

test(
  'a copy is kept while others have not confirmed theirs, and goes when asked for as an outsider only',
  deadline(10_000, async () => {
    const { ring, a } = await one(45)
    await ring.run(a.configs.forget([9]))
    assert.ok(a.configs.holds(9), 'a member forgets nothing')
    await ring.run(a.configs.adopt(of(7, ['b', 6])))
    assert.ok(a.configs.holds(9))
    assert.equal(a.copied.wiped, [])
    await ring.run(a.configs.forget([9]))
    assert.not.ok(a.configs.holds(9))
    assert.equal(a.copied.wiped, [9])
  }),
)

test(
  'the fence lets the same epoch pass, refuses older ones and fetches newer ones from the sender',
  deadline(10_000, async () => {
    const { ring, a } = await one(46)
    const b = await ring.start('b', { manual: true })
    await ring.run(b.configs.adopt(of(3, ['a', 1], ['b', 2])))
    assert.equal(await ring.run(a.configs.fence(9, 1, 'b')), { ok: true })
    assert.equal(await ring.run(a.configs.fence(9, 3, 'b')), { ok: true })
    assert.equal(a.configs.get(9), b.configs.get(9))
    assert.equal(await ring.run(a.configs.fence(9, 1, 'b')), { ok: false, newer: b.configs.get(9) })
    assert.equal(
      await ring.run(a.configs.fence(9, 8, 'b')),
      { ok: false, newer: b.configs.get(9) },
      'a claim without proof',
    )
  }),
)

test.run()

import { deadline, SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RegCopies } from '../../src/store/reg-copies.ts'
import { regLimits } from '../../src/store/reg-limits.ts'
import { type ChangeListener, newsAfterMs, type RegNews } from '../../src/store/reg-news.ts'
import { Held, packPlain } from '../../src/store/reg-value.ts'
import type { TestNode, TestRing } from '../ranges/ring.fixture.ts'
import { all, append, codeOf, keyOf, NAMES, ringOf } from './transactions.fixture.ts'

const test = suite('overlay: near reads')

/** Long enough for news to be everywhere. */
const SOON = 100

/** Counts what a node asks others about registers. */
function countReads(node: TestNode): { reads: number } {
  const counter = { reads: 0 }
  const call = node.rpc.call.bind(node.rpc)
  node.rpc.call = (to, method, body, options) => {
    if (method === 'reg.read' || method === 'reg.near') counter.reads++
    return call(to, method, body, options)
  }
  return counter
}

const near = async (ring: TestRing, node: TestNode, name: string): Promise<string[] | undefined> =>
  (await ring.run(node.reg.read<string[]>(keyOf(name), 'near')))?.body

test(
  'a near read is answered from a copy until the register changes, everywhere',
  deadline(20_000, async () => {
    const { ring, nodes } = await ringOf(1, ['a', 'b', 'c', 'd'])
    const [a, b, , d] = nodes as [TestNode, TestNode, TestNode, TestNode]
    await ring.run(a.reg.change(keyOf('x'), 'op1', append('1')))
    await ring.clock.advance(SOON)
    for (const node of nodes) assert.equal(await near(ring, node, 'x'), ['1'])
    const counters = nodes.map(countReads)
    for (const node of nodes) assert.equal(await near(ring, node, 'x'), ['1'])
    assert.equal(
      counters.map(({ reads }) => reads),
      [0, 0, 0, 0],
    )
    await ring.run(b.reg.change(keyOf('x'), 'op2', append('2')))
    assert.equal(await near(ring, b, 'x'), ['1', '2'], 'who wrote sees it at once')
    await ring.clock.advance(SOON)
    for (const node of nodes) assert.equal(await near(ring, node, 'x'), ['1', '2'])
    await ring.run(d.reg.transact('op3', all(NAMES, '3')))
    await ring.clock.advance(SOON)
    for (const node of nodes) assert.equal(await near(ring, node, 'x'), ['1', '2', '3'])
    await ring.run(a.reg.change(keyOf('x'), 'op4', () => ({ body: undefined, result: 0 })))
    await ring.clock.advance(SOON)
    for (const node of nodes) assert.is(await near(ring, node, 'x'), undefined)
  }),
)

test(
  'news that got lost make a copy old for a minute at most, and none after a broken connection',
  deadline(20_000, async () => {
    const { ring, nodes } = await ringOf(2, ['a', 'b', 'c', 'd'])
    const [a, , , d] = nodes as [TestNode, TestNode, TestNode, TestNode]
    await ring.run(a.reg.change(keyOf('x'), 'op1', append('1')))
    await ring.clock.advance(SOON)
    assert.equal(await near(ring, d, 'x'), ['1'])
    a.rpc.notify = () => undefined
    await ring.run(a.reg.change(keyOf('x'), 'op2', append('2')))
    await ring.clock.advance(regLimits.copyMs - 1_000)
    assert.equal(await near(ring, d, 'x'), ['1'])
    await ring.clock.advance(1_000)
    assert.equal(await near(ring, d, 'x'), ['1', '2'])
    await ring.run(a.reg.change(keyOf('x'), 'op3', append('3')))
    await ring.run(Promise.all([a.net.disconnect('d'), ring.clock.advance(10)]))
    await ring.run(d.net.connect('a', []))
    assert.equal(await near(ring, d, 'x'), ['1', '2', '3'])
  }),
)

test(
  'without a quorum one replica answers, and its word is not kept',
  deadline(20_000, async () => {
    const { ring, nodes } = await ringOf(3, ['a', 'b', 'c', 'd'])
    const [a, b, , d] = nodes as [TestNode, TestNode, TestNode, TestNode]
    await ring.run(a.reg.change(keyOf('x'), 'op1', append('1')))
    await ring.kill('b')
    await ring.kill('c')
    const counter = countReads(d)
    for (let i = 0; i < 2; i++) {
      assert.equal(await near(ring, a, 'x'), ['1'])
      assert.equal(await near(ring, d, 'x'), ['1'])
    }
    assert.ok(counter.reads > 3, `${counter.reads}`)
    void b
  }),
)

test(
  'more changes at once than have a name in the news drop all copies',
  deadline(60_000, async () => {
    const { ring, nodes } = await ringOf(4, ['a', 'b', 'c', 'd'])
    const [a, , , d] = nodes as [TestNode, TestNode, TestNode, TestNode]
    await ring.run(a.reg.change(keyOf('x'), 'op1', append('1')))
    await ring.clock.advance(SOON)
    await near(ring, d, 'x')
    const told: unknown[] = []
    const names: (string | undefined)[] = []
    d.reg.watch('acct/', (name) => names.push(name))
    const notify = a.rpc.notify.bind(a.rpc)
    a.rpc.notify = (to, method, body) => {
      if (method === 'reg.changed' && to === 'd') told.push(body)
      notify(to, method, body)
    }
    const many = Array.from({ length: regLimits.newsKeysMax + 500 }, (_, i) => keyOf(`n${i}`))
    await ring.run(Promise.all(many.map((key) => codeOf(a.reg.change(key, 'op', append('1'))))))
    await ring.clock.advance(SOON)
    assert.ok(told.some((news) => (news as { all?: true }).all))
    assert.ok(names.includes(undefined))
    const counter = countReads(d)
    await near(ring, d, 'x')
    assert.ok(counter.reads > 0)
  }),
)

test(
  'balances are read anew each time, and nobody is told of them',
  deadline(20_000, async () => {
    const { ring, nodes } = await ringOf(5)
    const [a, b] = nodes as [TestNode, TestNode]
    const told: unknown[] = []
    const key = { range: 1, name: 'bal/a@b.c' }
    b.reg.watch('', (name) => told.push(name))
    await ring.run(a.reg.change(key, 'op1', append('1')))
    await ring.clock.advance(SOON)
    assert.equal(told, [])
    assert.equal((await ring.run(b.reg.read<string[]>(key, 'near')))?.body, ['1'])
  }),
)

test(
  'whatever the timing, a near read that begins when the news are everywhere sees the change',
  deadline(60_000, async () => {
    for (const seed of [6, 7, 8]) {
      const { ring, nodes } = await ringOf(seed, ['a', 'b', 'c', 'd'])
      const [a, b, , d] = nodes as [TestNode, TestNode, TestNode, TestNode]
      const pause = (ms: number): Promise<void> => new Promise((resolve) => void ring.clock.after(ms, resolve))
      let running = true
      const reader = async (node: TestNode): Promise<void> => {
        while (running) {
          await node.reg.read(keyOf('x'), 'near')
          await pause(1)
        }
      }
      const readers = [a, d].map(reader)
      const writing = (async () => {
        for (let i = 1; i <= 20; i++) {
          await (i % 2 ? a : b).reg.change(keyOf('x'), `op${i}`, append(`${i}`))
          await pause(regLimits.newsMs + 10)
          for (const node of nodes) {
            const seen = (await node.reg.read<string[]>(keyOf('x'), 'near'))?.body.length
            assert.is(seen, i, `${node.id}, change ${i}, seed ${seed}`)
          }
        }
        running = false
      })()
      await ring.run(writing)
      await ring.run(Promise.all(readers))
    }
  }),
)

test('copies have a limit in number and bytes; the one unused for longest goes; what changes while it is read is not kept', async () => {
  let listener: ChangeListener = () => undefined
  const news = {
    onChange(added: ChangeListener) {
      listener = added
      return () => undefined
    },
  } as unknown as RegNews
  const copies = new RegCopies({ clock: new SimClock(), news })
  const value = (bytes: number) => new Held(packPlain([1, Buffer.alloc(bytes), Buffer.alloc(0), [0, 0], null]))
  const put = (name: string, bytes: number) =>
    copies.fill({ range: 0, name }, async () => ({ held: value(bytes), sure: true }))
  const fit = Math.floor(regLimits.copyBytesMax / 1_000_100)
  for (let i = 0; i < fit; i++) await put(`n${i}`, 1_000_000)
  assert.is(copies.size, fit)
  copies.get({ range: 0, name: 'n0' })
  await put('more', 1_000_000)
  assert.ok(copies.get({ range: 0, name: 'n0' }) && !copies.get({ range: 0, name: 'n1' }))
  listener(undefined)
  assert.is(copies.size, 0)
  for (let i = 0; i < regLimits.copiesMax; i++) await put(`n${i}`, 1)
  assert.is(copies.size, regLimits.copiesMax)
  await put('one more', 1)
  assert.ok(copies.size < regLimits.copiesMax && copies.size > regLimits.copiesMax * 0.99, `${copies.size} copies`)
  const key = { range: 0, name: 'new' }
  await copies.fill(key, async () => {
    listener(key)
    return { held: value(1), sure: true }
  })
  assert.is(copies.get(key), undefined)
  await copies.fill(key, async () => ({ held: value(1), sure: false }))
  assert.is(copies.get(key), undefined)
})

test('changes gather for longer in larger rings', () => {
  assert.equal([1, 3, 64, 100, 1_000, 10_000].map(newsAfterMs), [20, 20, 20, 30, 300, 300])
})

test.run()

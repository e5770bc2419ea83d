import type { RecordKey } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { finalConfig, jointConfig } from '../../src/ranges/config.ts'
import { regLimits } from '../../src/store/reg-limits.ts'
import { RANGES, ringKey, type TestNode, TestRing } from '../ranges/ring.fixture.ts'

const test = suite('overlay: registers')

const key: RecordKey = ringKey('acct', 'alice@example.com')
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  )

/** Three nodes that vote for everything; no balancer, so nothing moves. */
async function three(seed: number): Promise<{ ring: TestRing; nodes: TestNode[] }> {
  const ring = new TestRing(seed)
  const nodes: TestNode[] = []
  for (const id of ['a', 'b', 'c']) nodes.push(await ring.start(id, { manual: true, genesis: id === 'a' }))
  const configs = Array.from({ length: RANGES }, (_, range) => ({
    range,
    epoch: 2,
    old: ['a', 'b', 'c'].map((nodeId) => ({ nodeId, since: 1 })),
  }))
  for (const node of nodes) await ring.run(node.configs.adoptAll(configs))
  for (const node of nodes) await ring.run(node.configs.markFilled(configs))
  return { ring, nodes }
}

const append = (item: string) => (current: { body: string[] } | undefined) => {
  const body = [...(current?.body ?? []), item]
  return { body, result: body.length }
}

test(
  'a change is seen by strict reads everywhere; revision and etag follow',
  deadline(10_000, async () => {
    const { ring, nodes } = await three(1)
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
    assert.is(await ring.run(a.reg.read(key, 'strict')), undefined)
    assert.is(await ring.run(a.reg.change(key, 'op1', append('x'))), 1)
    assert.is(await ring.run(b.reg.change(key, 'op2', append('y'))), 2)
    const seen = await ring.run(c.reg.read<string[]>(key, 'strict'))
    assert.equal(seen?.body, ['x', 'y'])
    assert.is(seen?.rev, 2)
    assert.match(seen?.etag ?? '', /^2-[0-9a-f]{8}$/)
    await ring.clock.advance(50)
    for (const node of nodes) assert.equal((await ring.run(node.reg.read<string[]>(key, 'near')))?.body, ['x', 'y'])
  }),
)

test(
  'a second change by the same node takes one round trip, and needs no prepare',
  deadline(10_000, async () => {
    const { ring, nodes } = await three(2)
    const [a, b] = nodes as [TestNode, TestNode]
    let prepares = 0
    const call = a.rpc.call.bind(a.rpc)
    a.rpc.call = (to, method, body, options) => {
      if (method === 'reg.prepare') prepares++
      return call(to, method, body, options)
    }
    await ring.run(a.reg.change(key, 'op1', append('1')))
    assert.is(prepares, 3)
    await ring.run(a.reg.change(key, 'op2', append('2')))
    await ring.run(a.reg.change(key, 'op3', append('3')))
    assert.is(prepares, 3)
    await ring.run(b.reg.change(key, 'op4', append('4')))
    assert.is(await ring.run(a.reg.change(key, 'op5', append('5'))), 5, 'after losing its promise to another node')
    assert.equal((await ring.run(a.reg.read<string[]>(key, 'strict')))?.body, ['1', '2', '3', '4', '5'])
  }),
)

test(
  'an operation repeated with its id has one effect and the same answer',
  deadline(10_000, async () => {
    const { ring, nodes } = await three(3)
    const [a, b] = nodes as [TestNode, TestNode]
    assert.is(await ring.run(a.reg.change(key, 'op1', append('x'))), 1)
    assert.is(await ring.run(a.reg.change(key, 'op2', append('y'))), 2)
    assert.is(await ring.run(a.reg.change(key, 'op1', append('x'))), 1)
    assert.is(await ring.run(b.reg.change(key, 'op1', append('x'))), 1)
    assert.is((await ring.run(b.reg.read(key, 'strict')))?.rev, 2)
  }),
)

test(
  'an operation that may be forgotten is refused, not applied again',
  deadline(20_000, async () => {
    const { ring, nodes } = await three(4)
    const a = nodes[0] as TestNode
    const count = (current: { body: number } | undefined) => ({ body: (current?.body ?? 0) + 1, result: 'done' })
    const body = async (): Promise<number | undefined> => (await ring.run(a.reg.read<number>(key, 'strict')))?.body
    const issued: number[] = []
    const run = (i: number) => ring.run(a.reg.change(key, `op${i}`, count, { issuedAt: issued[i] ?? 0 }))
    for (let i = 0; i <= regLimits.recentMax; i++) {
      issued[i] = ring.clock.wall()
      await run(i)
    }
    // However many there were since, who got no answer may still repeat.
    await run(0)
    assert.is(await body(), regLimits.recentMax + 1)
    await ring.clock.advance(regLimits.recentRepeatMs)
    await ring.run(a.reg.change(key, 'later', count))
    await run(2)
    assert.is(await body(), regLimits.recentMax + 2)
    assert.is(await ring.run(codeOf(run(0))), 'STORE_TOO_OLD', 'op0 was forgotten')
    assert.is(await ring.run(codeOf(a.reg.change(key, 'odd', count, { issuedAt: -1 }))), 'STORE_BAD_REQUEST')
    assert.is(await body(), regLimits.recentMax + 2)
  }),
)

test(
  'keep changes nothing, a throw changes nothing, deleting and creating again goes on counting',
  deadline(10_000, async () => {
    const { ring, nodes } = await three(5)
    const [a, b] = nodes as [TestNode, TestNode]
    await ring.run(a.reg.change(key, 'op1', append('x')))
    assert.is(await ring.run(b.reg.change(key, 'op2', () => ({ keep: true, result: 'kept' }))), 'kept')
    const failing = () => {
      throw Object.assign(new Error('no'), { code: 'STORE_CONFLICT' })
    }
    assert.is(await ring.run(codeOf(a.reg.change(key, 'op3', failing))), 'STORE_CONFLICT')
    assert.is((await ring.run(a.reg.read(key, 'strict')))?.rev, 1)
    await ring.run(a.reg.change(key, 'op4', () => ({ body: undefined, result: 0 })))
    assert.is(await ring.run(b.reg.read(key, 'strict')), undefined)
    assert.equal(await ring.run(b.reg.list('acct/')), [])
    await ring.run(b.reg.change(key, 'op5', append('z')))
    assert.is((await ring.run(a.reg.read(key, 'strict')))?.rev, 3)
  }),
)

test(
  'list finds every live register with the prefix, page by page',
  deadline(20_000, async () => {
    const { ring, nodes } = await three(6)
    const a = nodes[0] as TestNode
    const names = Array.from({ length: 40 }, (_, i) => `user${String(i).padStart(2, '0')}@example.com`)
    await ring.run(
      Promise.all([
        ...names.map((name) => a.reg.change(ringKey('acct', name), 'op', () => ({ body: { name }, result: 0 }))),
        a.reg.change(ringKey('alias', 'other@example.com'), 'op', () => ({ body: 1, result: 0 })),
        a.reg.change({ range: 7, name: 'acct0' }, 'op', () => ({ body: 1, result: 0 })),
      ]),
    )
    for (const node of nodes) {
      const found = await ring.run(node.reg.list<{ name: string }>('acct/'))
      assert.equal(
        found.map(({ value }) => value.body.name),
        names,
      )
      assert.equal(found[3]?.key, ringKey('acct', names[3] as string))
    }
    await ring.kill('c')
    assert.is((await ring.run(a.reg.list('acct/'))).length, 40)
  }),
)

test(
  'values and names above the limit are refused, and nothing changes',
  deadline(10_000, async () => {
    const { ring, nodes } = await three(7)
    const a = nodes[0] as TestNode
    const big = 'x'.repeat(regLimits.valueBytesMax)
    assert.is(await ring.run(codeOf(a.reg.change(key, 'op1', () => ({ body: big, result: 0 })))), 'STORE_TOO_LARGE')
    const name = 'n'.repeat(regLimits.nameBytesMax + 1)
    assert.is(await ring.run(codeOf(a.reg.read({ range: 1, name }, 'strict'))), 'STORE_TOO_LARGE')
    const longId = 'o'.repeat(regLimits.opIdBytesMax + 1)
    assert.is(await ring.run(codeOf(a.reg.change(key, longId, append('x')))), 'STORE_BAD_REQUEST')
    assert.is(await ring.run(a.reg.read(key, 'strict')), undefined)
    await ring.run(a.reg.change(key, 'op2', () => ({ body: big.slice(1_000), result: 0 })))
  }),
)

test(
  'without a quorum a change and a strict read are refused within two seconds',
  deadline(20_000, async () => {
    const { ring, nodes } = await three(8)
    const a = nodes[0] as TestNode
    await ring.run(a.reg.change(key, 'op1', append('x')))
    await ring.kill('b')
    await ring.kill('c')
    const other = ringKey('acct', 'bob@example.com')
    for (const [expected, operation] of [
      ['STORE_UNAVAILABLE', () => a.reg.change(other, 'op2', append('y'))],
      ['STORE_UNAVAILABLE', () => a.reg.read(other, 'strict')],
      // Under its carried promise a sends the accept at once, so the outcome is not known.
      ['STORE_UNKNOWN', () => a.reg.change(key, 'op3', append('y'))],
    ] as const) {
      const from = ring.clock.now()
      assert.is(await ring.run(codeOf(operation())), expected)
      assert.ok(ring.clock.now() - from < 2_100, `${ring.clock.now() - from} ms`)
    }
    assert.equal((await ring.run(a.reg.read<string[]>(key, 'near')))?.body.at(0), 'x')
  }),
)

test(
  'who is thought to be gone is waited for during one round, who is thought to be well until the end',
  deadline(20_000, async () => {
    for (const [state, least, most] of [
      ['suspect', regLimits.roundTimeoutMs, regLimits.roundTimeoutMs + 200],
      ['alive', 1_900, 2_100],
    ] as const) {
      const { ring, nodes } = await three(15)
      const [a, b] = nodes as [TestNode, TestNode, TestNode]
      await ring.run(a.reg.change(key, 'op1', append('x')))
      ring.network.partition([['a'], ['b', 'c']])
      for (const id of ['b', 'c']) ring.setState(id, { state })
      const other = ringKey('acct', 'bob@example.com')
      for (const [expected, operation] of [
        ['STORE_UNAVAILABLE', () => a.reg.change(other, 'op2', append('y'))],
        ['STORE_UNAVAILABLE', () => a.reg.read(other, 'strict')],
        ['STORE_UNKNOWN', () => a.reg.change(key, 'op3', append('y'))],
      ] as const) {
        const from = ring.clock.now()
        assert.is(await ring.run(codeOf(operation())), expected)
        const took = ring.clock.now() - from
        assert.ok(took >= least && took <= most, `${expected} after ${took} ms while others are ${state}`)
      }
      // A quorum that answers decides, whatever is thought of it.
      ring.network.heal()
      assert.is(await ring.run(b.reg.change(key, 'op4', append('z'))), 2)
    }
  }),
)

test(
  'an acceptor of an old epoch is corrected by the request, a proposer by the refusal',
  deadline(10_000, async () => {
    const { ring, nodes } = await three(9)
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
    await ring.run(a.reg.change(key, 'op1', append('x')))
    const before = a.configs.get(key.range)
    const after = finalConfig(jointConfig(before, ['b', 'a']))
    await ring.run(a.configs.adopt(after))
    assert.is(await ring.run(a.reg.change(key, 'op2', append('y'))), 2)
    assert.is(b.configs.get(key.range).epoch, after.epoch, 'fetched from the sender')
    assert.is(c.configs.get(key.range).epoch, before.epoch)
    assert.is(await ring.run(c.reg.change(key, 'op3', append('z'))), 3)
    assert.equal(c.configs.get(key.range), after, 'told by the refusals')
    assert.is(c.configs.standing(key.range), 'outsider')
  }),
)

test(
  'a value of one acceptor alone is either decided or outranked, never both',
  deadline(20_000, async () => {
    const { ring, nodes } = await three(10)
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
    await ring.run(a.reg.change(key, 'op1', append('x')))
    // The accept of op2 reaches c only; a never hears of it.
    const call = a.rpc.call.bind(a.rpc)
    a.rpc.call = (to, method, body, options) =>
      method === 'reg.accept' && to !== 'c' ? Promise.reject(new Error('lost')) : call(to, method, body, options)
    const lost = codeOf(a.reg.change(key, 'op2', append('y')))
    await ring.clock.advance(10)
    await ring.kill('a')
    const read = await ring.run(b.reg.read<string[]>(key, 'strict'))
    assert.equal(read?.body, ['x', 'y'], 'two of three with c: the higher ballot wins')
    assert.equal((await ring.run(c.reg.read<string[]>(key, 'strict')))?.body, ['x', 'y'])
    assert.is(await ring.run(b.reg.change(key, 'op2', append('y'))), 2, 'repeating it finds it done')
    void lost
  }),
)

test(
  'concurrent changes by three nodes over a lossy network are each applied once',
  deadline(40_000, async () => {
    for (const seed of [11, 12, 13]) {
      const { ring, nodes } = await three(seed)
      ring.network.links.lossRate = 0.05
      const sure: string[] = []
      const maybe: string[] = []
      const worker = async (node: TestNode, name: string): Promise<void> => {
        for (let i = 0; i < 15; i++) {
          const item = `${name}${i}`
          const code = await codeOf(node.reg.change(key, item, append(item)))
          if (code === 'none') sure.push(item)
          else if (code === 'STORE_UNKNOWN') maybe.push(item)
          else assert.is(code, 'STORE_UNAVAILABLE')
        }
      }
      await ring.run(Promise.all(nodes.map((node) => worker(node, node.id))))
      const final = (await ring.run((nodes[0] as TestNode).reg.read<string[]>(key, 'strict')))?.body ?? []
      assert.is(new Set(final).size, final.length, 'nothing twice')
      for (const item of sure) assert.ok(final.includes(item), `${item} was acknowledged (seed ${seed})`)
      for (const item of final)
        assert.ok(sure.includes(item) || maybe.includes(item), `${item} was refused (seed ${seed})`)
      assert.ok(sure.length > 20, `${sure.length} of 45`)
    }
  }),
)

test.run()

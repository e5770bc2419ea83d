import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RangeConfig } from '../../src/ranges/contract.ts'
import { recordKeyOf } from '../../src/store/acceptor-record.ts'
import type { PairsAnswer } from '../../src/store/reg-messages.ts'
import { pairsOf } from '../../src/store/reg-pairs.ts'
import { type TestNode, TestRing } from '../ranges/ring.fixture.ts'

const test = suite('overlay: registers at an acceptor')

const range = 9
const name = 'k'
const value = Buffer.from('v')
const config = (epoch: number, ...ids: string[]): RangeConfig => ({
  range,
  epoch,
  old: ids.map((nodeId) => ({ nodeId, since: 1 })),
})

async function ringOf(...ids: string[]): Promise<{ ring: TestRing; nodes: TestNode[] }> {
  const ring = new TestRing(51)
  const nodes: TestNode[] = []
  for (const id of ids) nodes.push(await ring.start(id, { manual: true, genesis: id === 'a' }))
  for (const node of nodes) {
    await ring.run(node.configs.adopt(config(2, ...ids)))
    await ring.run(node.configs.markFilled([{ range, epoch: 2 }]))
  }
  return { ring, nodes }
}

const accept = (node: TestNode, epoch: number, counter: number): Promise<{ type: string }> => {
  const ballot = [epoch, counter, 'x']
  const request = { range, epoch, name, ballot, value, promise: [epoch, counter + 1, 'x'] }
  return node.rpc.call<{ type: string }>('a', 'reg.accept', request)
}

test(
  'an accept that meets the next epoch on its way is either refused, or seen by whoever lists the registers then',
  deadline(20_000, async () => {
    const outcomes = new Set<string>()
    const { ring, nodes } = await ringOf('a')
    const [a] = nodes as [TestNode]
    for (let at = 100; at < 180; at++) {
      const request = { range: at, epoch: 1, name, ballot: [1, 1, 'x'], value, promise: [1, 2, 'x'] }
      const answer = a.rpc.call<{ type: string }>('a', 'reg.accept', request)
      await ring.clock.advance((at % 8) / 4)
      await ring.run(a.configs.adopt({ ...config(3, 'a'), range: at }))
      const list = (method: string, body: object) => a.rpc.call<PairsAnswer>('a', method, body)
      const pages = await ring.run(Array.fromAsync(pairsOf(list, [{ range: at, epoch: 3 }])))
      const pairs = pages.flatMap((page) => page.pairs)
      const { type } = await ring.run(answer)
      outcomes.add(type)
      assert.is(pairs.length > 0, type === 'accepted', `${type} in range ${at}`)
    }
    assert.ok(outcomes.has('accepted'))
  }),
)

test(
  'an accept that waits for the disk while the epoch goes on is refused',
  deadline(10_000, async () => {
    const { ring, nodes } = await ringOf('a')
    const [a] = nodes as [TestNode]
    const { get } = a.disk
    let release = (): void => undefined
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    a.disk.get = async (key) => {
      await gate
      return get.call(a.disk, key)
    }
    const answer = accept(a, 2, 1)
    await ring.clock.advance(5)
    await ring.run(a.configs.adopt(config(3, 'a')))
    release()
    assert.is((await ring.run(answer)).type, 'newer')
    assert.is(await ring.run(get.call(a.disk, recordKeyOf(range, name))), undefined)
  }),
)

test(
  'ballots of another epoch and values that are none are refused',
  deadline(10_000, async () => {
    const { ring, nodes } = await ringOf('a')
    const [a] = nodes as [TestNode]
    const bad = { range, epoch: 2, name, ballot: [1, 1, 'x'], value, promise: [1, 2, 'x'] }
    for (const [request, code] of [
      [bad, 'STORE_BAD_REQUEST'],
      [{ ...bad, ballot: 'no' }, 'STORE_BAD_REQUEST'],
      [{ ...bad, value: 'text' }, 'STORE_TOO_LARGE'],
      [{ ...bad, range: 5000 }, 'RANGES_UNKNOWN'],
    ] as const) {
      const ballotFits = code === 'RANGES_UNKNOWN' ? { ...request, ballot: [2, 1, 'x'] } : request
      assert.is(await ring.run(a.rpc.call('a', 'reg.accept', ballotFits).catch((error) => error.code)), code)
    }
  }),
)

test(
  'promises and accepts survive a power cut',
  deadline(10_000, async () => {
    const { ring, nodes } = await ringOf('a')
    assert.is((await ring.run(accept(nodes[0] as TestNode, 2, 3))).type, 'accepted')
    await ring.kill('a')
    const a = await ring.start('a', { manual: true })
    assert.is((await ring.run(accept(a, 2, 3))).type, 'refused')
    assert.is((await ring.run(accept(a, 2, 4))).type, 'accepted')
  }),
)

test(
  'a damaged register gives no vote, and the others go on',
  deadline(10_000, async () => {
    const { ring, nodes } = await ringOf('a', 'b', 'c')
    const [a, b] = nodes as [TestNode, TestNode]
    await ring.run(a.reg.change({ range, name }, 'op', () => ({ body: 'x', result: 0 })))
    await ring.clock.advance(50)
    const key = recordKeyOf(range, name)
    const bytes = Buffer.from((await ring.run(a.disk.get(key))) as Uint8Array)
    bytes[bytes.length - 8] = (bytes[bytes.length - 8] as number) ^ 1
    await ring.run(a.disk.batch([{ type: 'put', key, value: bytes }], { sync: true }))
    const request = { range, epoch: 2, name }
    assert.is(await ring.run(a.rpc.call('a', 'reg.read', request).catch((error) => error.code)), 'STORE_CORRUPT')
    assert.is((await ring.run(b.reg.read<string>({ range, name }, 'strict')))?.body, 'x')
    await ring.run(a.reg.change({ range, name }, 'op2', () => ({ body: 'y', result: 0 })))
    assert.is((await ring.run(b.reg.read<string>({ range, name }, 'strict')))?.body, 'y')
    assert.is((await ring.run(a.reg.read<string>({ range, name }, 'near')))?.body, 'y', 'near, at another node')
  }),
)

test(
  'a damaged register is mended from a quorum of the others, and votes again',
  deadline(10_000, async () => {
    const { ring, nodes } = await ringOf('a', 'b', 'c')
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
    await ring.run(a.reg.change({ range, name }, 'op', () => ({ body: 'x', result: 0 })))
    await ring.run(a.reg.change({ range, name: 'whole' }, 'op', () => ({ body: 'w', result: 0 })))
    await ring.clock.advance(50)
    assert.equal(await ring.run(a.acceptors.digest(range)), await ring.run(b.acceptors.digest(range)))
    const key = recordKeyOf(range, name)
    const bytes = Buffer.from((await ring.run(a.disk.get(key))) as Uint8Array)
    bytes[bytes.length - 8] = (bytes[bytes.length - 8] as number) ^ 1
    await ring.run(a.disk.batch([{ type: 'put', key, value: bytes }], { sync: true }))
    await ring.run(b.reg.change({ range, name }, 'op2', () => ({ body: 'y', result: 0 })))
    // Noticed by the vote that it could not give.
    ring.network.partition([['a', 'b'], ['c']])
    await ring.run(a.acceptors.pull([range], ['b']))
    const request = { range, epoch: 2, name }
    const read = () => ring.run(a.rpc.call('a', 'reg.read', request).catch((error) => error.code))
    assert.is(await read(), 'STORE_CORRUPT', 'one other is no quorum')
    ring.network.heal()
    for (const other of [a, b]) await ring.run(other.net.connect('c'))
    await ring.run(a.acceptors.pull([range], ['b']))
    const mended = (await read()) as { type: string; accepted: [number, number, string] }
    assert.is(mended.type, 'read')
    // A round from before the damage, promised and forgotten here, may still end at the others: none below it may, here.
    const low = [2, mended.accepted[1] + 1, 'z']
    const vote = await ring.run(b.rpc.call<{ type: string }>('a', 'reg.prepare', { ...request, ballot: low }))
    assert.is(vote.type, 'refused')
    await ring.kill('c')
    assert.is((await ring.run(a.reg.read<string>({ range, name }, 'strict')))?.body, 'y')
    assert.equal(await ring.run(a.acceptors.digest(range)), await ring.run(b.acceptors.digest(range)))
    assert.ok(c)
  }),
)

test(
  'a list with holes is refused, not given',
  deadline(10_000, async () => {
    const ring = new TestRing(52)
    const [a, b] = await ring.formed(['a', 'b', 'c'], ['a', 'b', 'c'])
    await ring.run((a as TestNode).reg.change({ range, name: 'acct/x' }, 'op', () => ({ body: 1, result: 0 })))
    for (const id of ['a', 'b', 'c']) await ring.kill(id)
    // Alone after a power cut, its copy is not known to be complete.
    const again = await ring.start('a', { manual: true })
    const refused = await ring.run(again.reg.list('acct/').catch((error) => error.code))
    assert.is(refused, 'STORE_UNAVAILABLE')
    await ring.start('b')
    await ring.run(again.balancer.start())
    await ring.until(() => again.balancer.caughtUp, 10_000, 'complete copies')
    assert.is((await ring.run(again.reg.list('acct/'))).length, 1)
    assert.ok(b)
    await ring.stop()
  }),
)

test(
  'pulling takes over what others accepted, above what is promised; copies are equal then',
  deadline(10_000, async () => {
    const { ring, nodes } = await ringOf('a', 'b', 'c')
    const [a, b] = nodes as [TestNode, TestNode]
    await ring.kill('c')
    for (let i = 0; i < 10; i++) {
      await ring.run(a.reg.change({ range, name: `k${i}` }, 'op', () => ({ body: i, result: 0 })))
    }
    const c = await ring.start('c', { manual: true })
    assert.is(
      await ring.run(c.reg.read({ range, name: 'k0' }, 'near')).then((found) => found?.body),
      0,
      'from another node',
    )
    assert.is(c.configs.standing(range), 'warming')
    const held = { range, epoch: 2, name: 'k3', ballot: [2, 1_000, 'x'] }
    await ring.run(c.rpc.call('c', 'reg.prepare', held))
    await ring.run(c.acceptors.pull([range], ['a', 'b']))
    await ring.run(c.configs.markFilled([{ range, epoch: 2 }]))
    for (let i = 0; i < 10; i++) {
      assert.is((await ring.run(c.reg.read<number>({ range, name: `k${i}` }, 'near')))?.body, i)
    }
    await ring.clock.advance(100)
    const digests = await ring.run(Promise.all([a, b, c].map((node) => node.acceptors.digest(range))))
    assert.is(new Set(digests).size, 1, digests.join(' '))
    await ring.run(c.acceptors.wipe(range))
    assert.is.not(await ring.run(c.acceptors.digest(range)), digests[0])
  }),
)

test.run()

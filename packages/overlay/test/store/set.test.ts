import { errorCode, type RecordKey, silentLogger } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SetRecords } from '../../src/store/set.ts'
import { HandRing } from './ring.ts'

const test = suite('overlay: SET')
const key = (name: string, range = 7): RecordKey => ({ range, name })
const codeOf = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => 'done', errorCode)

class Sets extends HandRing {
  readonly sets = new Map<string, SetRecords>()

  at(name: string): SetRecords {
    return this.sets.get(name) as SetRecords
  }

  override async boot(name: string) {
    const node = await super.boot(name)
    const components = { ...node, clock: this.clock, log: silentLogger }
    this.sets.set(name, new SetRecords(components))
    return node
  }
}

async function ring(names: readonly string[] = ['a', 'b', 'c'], seed = 1): Promise<Sets> {
  const it = new Sets(names, { seed })
  await it.start()
  return it
}

test(
  'a record is on two disks when it is acknowledged, and read from anywhere',
  deadline(5_000, async () => {
    const it = await ring(['a', 'b', 'c', 'd'])
    await it.run(it.at('d').put(key('cdr/1'), { seconds: 5, ok: true }))
    const copies = ['a', 'b', 'c'].filter((name) => it.node(name).medium.peek('S007').length === 1)
    assert.ok(copies.length >= 2)
    for (const name of it.names) assert.equal(await it.run(it.at(name).get(key('cdr/1'))), { seconds: 5, ok: true })
    assert.is(await it.run(it.at('d').get(key('cdr/2'))), undefined)
    assert.is(it.node('d').medium.peek('S').length, 0)
  }),
)

test(
  'an acknowledged record survives a power cut of all nodes',
  deadline(5_000, async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const it = await ring(['a', 'b', 'c'], seed)
      await it.run(it.at('a').put(key('x'), 1))
      for (const name of it.names) it.crash(name)
      for (const name of it.names) await it.boot(name)
      await it.connectAll()
      assert.is(await it.run(it.at('c').get(key('x'))), 1)
    }
  }),
)

test(
  'with one replica gone writes go on; with two they are refused in two seconds',
  deadline(5_000, async () => {
    const it = await ring()
    it.crash('c')
    await it.clock.advance(100)
    await it.run(it.at('a').put(key('x'), 1))
    it.network.partition([['a'], ['b']])
    const before = it.clock.now()
    assert.is(await it.run(codeOf(it.at('a').put(key('y'), 1))), 'STORE_UNAVAILABLE')
    assert.ok(it.clock.now() - before <= 2_000, `${it.clock.now() - before} ms`)
    assert.is(await it.run(it.at('a').get(key('x'))), 1, 'what is here is served')
    assert.is(await it.run(codeOf(it.at('a').get(key('z')))), 'STORE_UNAVAILABLE', 'absence needs a majority')
    assert.is(await it.run(codeOf(it.at('a').list(7, ''))), 'STORE_UNAVAILABLE')
  }),
)

test(
  'the same body again is a no-op, another body is kept beside it on every replica in the same way',
  deadline(5_000, async () => {
    const it = await ring()
    await it.run(it.at('a').put(key('x'), { v: 1 }))
    await it.run(it.at('b').put(key('x'), { v: 1 }))
    assert.is((await it.run(it.at('a').list(7, 'x'))).length, 1)
    await it.run(Promise.all([it.at('a').put(key('x'), { v: 2 }), it.at('c').put(key('x'), { v: 3 })]))
    await it.run(it.at('b').put(key('x'), { v: 2 }))
    await it.clock.advance(1_000)
    const all = await it.run(it.at('b').list<{ v: number }>(7, 'x'))
    assert.equal(all.map((one) => one.body.v).sort(), [1, 2, 3])
    for (const one of all) assert.match(one.name, /^x#[0-9a-f]{8}$/)
    const digests = await it.run(Promise.all(it.names.map((name) => it.at(name).digest(7))))
    assert.is(new Set(digests).size, 1)
    const shown = await it.run(Promise.all(it.names.map((name) => it.at(name).get(key('x')))))
    assert.equal(shown[0], shown[1])
    assert.equal(shown[1], shown[2])
  }),
)

test(
  'a record that only the other replicas have is found, and kept',
  deadline(5_000, async () => {
    const it = await ring()
    it.network.partition([['a', 'b'], ['c']])
    await it.run(it.at('a').put(key('x'), 'here'))
    it.network.heal()
    assert.is(it.node('c').medium.peek('S').length, 0)
    assert.is(await it.run(it.at('c').get(key('x'))), 'here')
    await it.clock.advance(100)
    assert.is(it.node('c').medium.peek('S').length, 1)
  }),
)

test(
  'a flipped bit on one disk is not served',
  deadline(5_000, async () => {
    const it = await ring()
    await it.run(it.at('a').put(key('x'), 'right'))
    await it.clock.advance(100)
    assert.ok(it.node('a').medium.corrupt('S007x'))
    assert.is(await it.run(it.at('a').get(key('x'))), 'right')
    await it.clock.advance(100)
    assert.equal(await it.run(it.at('a').list(7, '')), [{ name: 'x', body: 'right' }])
  }),
)

test(
  'a writer with an old config is corrected and succeeds at the new replicas',
  deadline(5_000, async () => {
    const it = await ring(['a', 'b', 'c', 'd', 'e', 'f'])
    const config = { range: 7, epoch: 3, old: ['d', 'e', 'f'].map((nodeId) => ({ nodeId, since: 2 })) }
    for (const name of ['b', 'c', 'd', 'e', 'f']) await it.node(name).configs.adopt(config)
    await it.run(it.at('a').put(key('x'), 1))
    assert.is(it.node('a').configs.get(7).epoch, 3)
    for (const name of ['b', 'c']) assert.is(it.node(name).medium.peek('S').length, 0)
    await it.clock.advance(100)
    assert.equal(
      ['d', 'e', 'f'].map((name) => it.node(name).medium.peek('S').length),
      [1, 1, 1],
    )
  }),
)

test(
  'during a change a write needs a majority of the old and of the new',
  deadline(5_000, async () => {
    const it = await ring(['a', 'b', 'c', 'd', 'e'])
    const since = (nodeId: string) => ({ nodeId, since: nodeId < 'd' ? 1 : 2 })
    const joint = { range: 7, epoch: 2, old: ['a', 'b', 'c'].map(since), next: ['a', 'd', 'e'].map(since) }
    for (const node of it.nodes.values()) await node.configs.adopt(joint)
    await it.run(it.at('a').put(key('x'), 1))
    it.crash('d')
    it.crash('e')
    await it.clock.advance(100)
    assert.is(await it.run(codeOf(it.at('a').put(key('y'), 1))), 'STORE_UNAVAILABLE')
    assert.is(await it.run(it.at('b').get(key('x'))), 1, 'reads ask the old members')
  }),
)

test(
  'a warming replica takes writes but does not say that something is absent',
  deadline(5_000, async () => {
    const it = await ring()
    await it.run(it.at('a').put(key('x'), 1))
    await it.run(it.at('b').wipe(7))
    await it.run(it.at('c').wipe(7))
    it.node('b').configs.unfilled.add(7)
    it.node('c').configs.unfilled.add(7)
    it.crash('a')
    await it.clock.advance(100)
    assert.is(await it.run(codeOf(it.at('b').get(key('x')))), 'STORE_UNAVAILABLE')
    await it.run(it.at('b').put(key('y'), 2))
    assert.is(await it.run(it.at('c').get(key('y'))), 2)
  }),
)

test(
  'a new replica pulls everything in chunks, and digests agree; wiping forgets it',
  deadline(20_000, async () => {
    const it = await ring(['a', 'b', 'c', 'd'])
    const big = 'x'.repeat(20_000)
    for (let i = 0; i < 40; i++) await it.run(it.at('a').put(key(`k${i}`), { i, big }))
    await it.run(it.at('a').put(key('k0'), 'another'))
    await it.run(it.at('a').put(key('other', 9), 1))
    await it.clock.advance(1_000)
    await it.run(it.at('d').pull([7, 8, 9], ['a', 'b']))
    for (const range of [7, 8, 9]) {
      assert.is(await it.run(it.at('d').digest(range)), await it.run(it.at('b').digest(range)))
    }
    assert.not.equal(await it.run(it.at('d').digest(7)), await it.run(it.at('d').digest(8)))
    assert.is(it.node('d').medium.peek('S007').length, 42, '39 single, one name with two bodies and its note')
    await it.run(it.at('d').wipe(7))
    assert.is(it.node('d').medium.peek('S007').length, 0)
    assert.is(await it.run(it.at('d').digest(7)), await it.run(it.at('d').digest(8)))
    assert.is(await it.run(codeOf(it.at('d').pull([7], ['nobody']))), 'STORE_UNAVAILABLE')
  }),
)

test(
  'records of the whole ring are listed once each, though a node is down',
  deadline(5_000, async () => {
    const it = await ring(['a', 'b', 'c', 'd'])
    for (const range of [1, 2, 4095]) await it.run(it.at('d').put(key(`cdr/${range}`, range), range))
    await it.run(it.at('d').put(key('voice/1', 2), 0))
    it.crash('b')
    await it.clock.advance(100)
    const all = await it.run(it.at('d').listAll<number>('cdr/'))
    assert.equal(
      all,
      [1, 2, 4095].map((range) => ({ key: key(`cdr/${range}`, range), body: range })),
    )
  }),
)

test(
  'a watch tells what is there and what comes, each once',
  deadline(5_000, async () => {
    const it = await ring()
    await it.run(it.at('a').put(key('open/1'), 1))
    await it.run(it.at('a').put(key('open/2', 9), 2))
    await it.run(it.at('a').put(key('else'), 3))
    await it.clock.advance(100)
    const seen: string[] = []
    const end = it.at('b').watch('open/', (record, body) => seen.push(`${record.range} ${record.name} ${body}`))
    const more = it.at('c').put(key('open/3'), 4)
    await it.run(more)
    await it.clock.advance(100)
    await it.run(it.at('c').put(key('open/3'), 4))
    await it.clock.advance(100)
    assert.equal(seen.sort(), ['7 open/1 1', '7 open/3 4', '9 open/2 2'])
    end()
    await it.run(it.at('c').put(key('open/5'), 6))
    await it.clock.advance(100)
    assert.is(seen.length, 3)
  }),
)

test(
  'names and bodies have limits',
  deadline(5_000, async () => {
    const it = await ring()
    assert.is(await codeOf(it.at('a').put(key('n'.repeat(513)), 1)), 'STORE_TOO_LARGE')
    assert.is(await codeOf(it.at('a').put(key('n'), new Uint8Array(300_000))), 'STORE_TOO_LARGE')
  }),
)

test.run()

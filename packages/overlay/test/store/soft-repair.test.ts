import { silentLogger } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AntiEntropy } from '../../src/store/anti-entropy.ts'
import { codeOf, key, phone, ring } from './softs.ts'

const test = suite('overlay: SOFT, fill-in nodes and repair')

test(
  'with members gone the next nodes fill in, and give back when they return',
  deadline(5_000, async () => {
    const it = await ring(['a', 'b', 'c', 'd', 'e'])
    it.crash('b')
    it.crash('c')
    it.believe('b', 'dead')
    it.believe('c', 'dead')
    await it.run(it.at('a').put(key(), phone('x')))
    await it.clock.advance(500)
    assert.equal(
      ['a', 'd', 'e'].map((name) => it.held(name)),
      [1, 1, 1],
    )
    await it.boot('b')
    await it.boot('c')
    await it.connectAll()
    it.believe('b', 'alive')
    it.believe('c', 'alive')
    await it.clock.advance(30_000)
    assert.equal(
      ['a', 'b', 'c', 'd', 'e'].map((name) => it.held(name)),
      [1, 1, 1, 0, 0],
    )
    it.crash('a')
    it.believe('a', 'dead')
    assert.equal(await it.bodies('e'), ['x'])
  }),
)

test(
  'a fill-in node is used before its member is known to be dead; alone a node acknowledges thin',
  deadline(5_000, async () => {
    const it = await ring()
    it.crash('b')
    it.crash('c')
    await it.clock.advance(100)
    await it.run(it.at('a').put(key(), phone('x')))
    assert.is(it.held('d'), 1)
    assert.is(it.at('a').snapshot().thin, 0)
    it.network.partition([['a'], ['d']])
    const before = it.clock.now()
    await it.run(it.at('a').put(key(), phone('y')))
    assert.ok(it.clock.now() - before < 2_000)
    assert.is(it.at('a').snapshot().thin, 1)
    assert.equal(await it.bodies('a'), ['y'])
  }),
)

test(
  'what is asked of a node while it stops is refused: its own copy alone is nothing to go by',
  deadline(5_000, async () => {
    const it = await ring()
    await it.run(it.at('a').put(key(), phone('x')))
    it.network.partition([['d'], ['a', 'b', 'c']])
    const reading = codeOf(it.at('d').read(key()))
    const writing = codeOf(it.at('d').put(key(), phone('y')))
    const removing = codeOf(it.at('d').remove(key(), 'phone'))
    await it.run(it.at('d').stop())
    for (const other of ['a', 'b', 'c']) it.nodes.get('d')?.members.set(other, 'dead')
    assert.equal(await it.run(Promise.all([reading, writing, removing])), Array(3).fill('STORE_UNAVAILABLE'))
    assert.is(await it.run(codeOf(it.at('d').list('loc/'))), 'STORE_UNAVAILABLE')
    await it.end()
  }),
)

test(
  'both sides of a partition serve what they know, and merge after it',
  deadline(5_000, async () => {
    const it = await ring()
    const stores = it.names.map((name) => {
      const node = it.node(name)
      const components = { ...node, clock: it.clock, random: it.random.fork(), peers: node.rpc, log: silentLogger }
      return new AntiEntropy(components, { records: [it.at(name)] })
    })
    for (const one of stores) await one.start()
    await it.run(it.at('a').put(key(), phone('both', 1)))
    await it.clock.advance(100)
    it.network.partition([
      ['a', 'd'],
      ['b', 'c'],
    ])
    await it.run(it.at('a').put(key(), { sub: 'left', body: 'left', ttlMs: 600_000 }))
    await it.run(it.at('b').put(key(), { sub: 'right', body: 'right', ttlMs: 600_000 }))
    assert.equal(await it.bodies('a'), ['left', 'both'])
    assert.equal(await it.bodies('c'), ['both', 'right'])
    await it.clock.advance(12_000)
    it.network.heal()
    await it.connectAll()
    await it.clock.advance(35_000)
    for (const name of ['a', 'b', 'c']) {
      assert.equal(
        it
          .at(name)
          .table.get(7, 'loc/alice')
          .map((entry) => entry.sub),
        ['left', 'phone', 'right'],
      )
      assert.is(await it.at(name).digest(7), await it.at('a').digest(7))
    }
    for (const one of stores) await one.stop()
    await it.end()
  }),
)

test(
  'a read repairs the copy that missed a write',
  deadline(5_000, async () => {
    const it = await ring()
    it.network.partition([['a', 'b', 'd'], ['c']])
    await it.run(it.at('a').put(key(), phone('x')))
    it.network.heal()
    assert.is(it.held('c'), 0)
    assert.equal(await it.bodies('c'), ['x'])
    await it.clock.advance(100)
    assert.is(it.held('c'), 1)
  }),
)

test(
  'a warming node has no say in what is absent, and old members are asked after a miss',
  deadline(5_000, async () => {
    const it = await ring(['a', 'b', 'c', 'd', 'e', 'f'])
    await it.run(it.at('a').put(key(), phone('x')))
    await it.clock.advance(100)
    const config = { range: 7, epoch: 3, old: ['d', 'e', 'f'].map((nodeId) => ({ nodeId, since: 2 })) }
    for (const name of it.names) {
      assert.equal(await it.bodies(name, key('loc/nobody')), [])
      await it.node(name).configs.adopt(config)
      it.node(name).configs.unfilled.add(7)
    }
    assert.equal(await it.bodies('f'), ['x'])
  }),
)

test(
  'a node that has just started says nothing until it has what the others remember',
  deadline(5_000, async () => {
    const it = await ring()
    await it.clock.advance(1_000)
    await it.run(it.at('d').put(key(), phone('x')))
    await it.clock.advance(100)
    it.crash('a')
    await it.boot('a')
    assert.not(it.at('a').filled)
    for (const name of ['b', 'c', 'd']) it.node('a').members.set(name, 'dead')
    assert.is(await it.run(codeOf(it.at('a').put(key(), phone('y')))), 'STORE_UNAVAILABLE')
    assert.is(await it.run(codeOf(it.at('a').read(key()))), 'STORE_UNAVAILABLE')
    for (const name of ['b', 'c', 'd']) it.node('a').members.set(name, 'alive')
    await it.connectAll()
    await it.clock.advance(500)
    assert.ok(it.at('a').filled)
    assert.equal(await it.bodies('a'), ['x'])
  }),
)

test(
  'a writer with an old config is corrected',
  deadline(5_000, async () => {
    const it = await ring(['a', 'b', 'c', 'd', 'e', 'f'])
    const config = { range: 7, epoch: 3, old: ['d', 'e', 'f'].map((nodeId) => ({ nodeId, since: 2 })) }
    for (const name of ['b', 'c', 'd', 'e', 'f']) await it.node(name).configs.adopt(config)
    await it.run(it.at('a').put(key(), phone('x')))
    await it.clock.advance(100)
    assert.equal(
      ['d', 'e', 'f'].map((name) => it.held(name)),
      [1, 1, 1],
    )
    assert.is(it.node('a').configs.get(7).epoch, 3)
  }),
)

test(
  'pull copies the union of the sources, digests agree, wipe forgets',
  deadline(10_000, async () => {
    const it = await ring(['a', 'b', 'c', 'd'])
    const body = 'x'.repeat(5_000)
    for (let i = 0; i < 40; i++) await it.run(it.at('a').put(key(`loc/${i}`, 7 + (i % 2)), phone(body)))
    await it.clock.advance(1_000)
    await it.run(it.at('d').pull([7, 8, 9], ['a', 'b']))
    assert.is(it.held('d'), 40)
    for (const range of [7, 8]) assert.is(await it.at('d').digest(range), await it.at('b').digest(range))
    await it.at('d').wipe(7)
    assert.is(it.held('d'), 20)
    assert.is(await it.at('d').digest(7), await it.at('d').digest(9))
    assert.is(await it.run(codeOf(it.at('d').pull([7], ['nobody']))), 'STORE_UNAVAILABLE')
  }),
)

test.run()

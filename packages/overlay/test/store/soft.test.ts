import { errorCode, type RecordKey, silentLogger } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AntiEntropy } from '../../src/store/anti-entropy.ts'
import { SoftRecords } from '../../src/store/soft.ts'
import { HandRing } from './ring.ts'

const test = suite('overlay: SOFT')
const key = (name = 'loc/alice', range = 7): RecordKey => ({ range, name })
const codeOf = (promise: Promise<unknown>): Promise<string | undefined> => promise.then(() => 'done', errorCode)
const phone = (body: unknown, seq?: number, ttlMs = 60_000) => ({ sub: 'phone', body, ttlMs, seq })

class Softs extends HandRing {
  readonly softs = new Map<string, SoftRecords>()

  at(name: string): SoftRecords {
    return this.softs.get(name) as SoftRecords
  }

  override async boot(name: string) {
    const node = await super.boot(name)
    const placement = () => this.names
    const components = { ...node, clock: this.clock, random: this.random.fork(), placement, log: silentLogger }
    await this.softs.get(name)?.stop()
    const soft = new SoftRecords(components)
    this.softs.set(name, soft)
    await soft.start()
    return node
  }

  async bodies(name: string, at = key()): Promise<unknown[]> {
    return (await this.run(this.at(name).read(at))).map((entry) => entry.body)
  }

  held(name: string): number {
    return this.at(name).table.size
  }

  async end(): Promise<void> {
    for (const soft of this.softs.values()) await soft.stop()
    await this.clock.advance(10_000)
    assert.is(this.clock.armed, 0, 'no timer is left')
  }
}

async function ring(names: readonly string[] = ['a', 'b', 'c', 'd'], seed = 1): Promise<Softs> {
  const it = new Softs(names, { seed })
  await it.start()
  await it.clock.advance(1_000)
  return it
}

test(
  'an entry is on two nodes when it is acknowledged, and found from anywhere with what is left of its life',
  deadline(5_000, async () => {
    const it = await ring()
    await it.run(it.at('d').put(key(), phone({ uri: 'sip:x' }, 3)))
    assert.ok(it.names.filter((name) => it.held(name) === 1).length >= 2)
    await it.clock.advance(1_000)
    assert.equal(
      ['a', 'b', 'c', 'd'].map((name) => it.held(name)),
      [1, 1, 1, 0],
    )
    for (const name of it.names) {
      const [entry, ...more] = await it.run(it.at(name).read(key()))
      assert.equal(more, [])
      assert.is(entry?.sub, 'phone')
      assert.is(entry?.seq, 3)
      assert.equal(entry?.body, { uri: 'sip:x' })
      assert.ok(entry && entry.ttlMs < 59_000 && entry.ttlMs > 58_000, `${entry?.ttlMs}`)
    }
    await it.end()
  }),
)

test(
  'an acknowledged entry is found after the crash of any one node',
  deadline(20_000, async () => {
    for (const writer of ['a', 'd']) {
      for (const victim of ['a', 'b', 'c']) {
        if (victim === writer) continue
        for (let seed = 1; seed <= 5; seed++) {
          const it = await ring(['a', 'b', 'c', 'd'], seed)
          await it.run(it.at(writer).put(key(), phone('here')))
          it.crash(victim)
          if (seed % 2) it.believe(victim, 'dead')
          for (const name of it.names) if (name !== victim) assert.equal(await it.bodies(name), ['here'])
        }
      }
    }
  }),
)

test(
  'it ends by the monotonic clock, on every node, without being asked for',
  deadline(5_000, async () => {
    const it = await ring()
    await it.run(it.at('a').put(key(), phone(1, undefined, 5_000)))
    await it.run(it.at('a').put(key(), { sub: 'other', body: 2, ttlMs: 20_000 }))
    await it.clock.advance(4_900)
    assert.equal((await it.bodies('b')).sort(), [1, 2])
    await it.clock.advance(200)
    assert.equal(await it.bodies('b'), [2])
    await it.clock.advance(20_000)
    assert.equal(
      it.names.map((name) => it.held(name)),
      [0, 0, 0, 0],
    )
    await it.end()
  }),
)

test(
  'a refresh moves the end',
  deadline(5_000, async () => {
    const it = await ring()
    for (let i = 0; i < 5; i++) {
      await it.run(it.at('a').put(key(), phone(i, i, 5_000)))
      await it.clock.advance(4_000)
    }
    assert.equal(await it.bodies('c'), [4])
    await it.run(it.at('a').put(key(), phone('short', 9, 100)))
    await it.clock.advance(3_000)
    assert.equal(
      it.names.map((name) => it.held(name)),
      [0, 0, 0, 0],
    )
  }),
)

test(
  'the higher seq wins whatever the order; equal or absent seq is settled by the later write',
  deadline(5_000, async () => {
    const it = await ring()
    await it.run(it.at('a').put(key(), phone('five', 5)))
    await it.run(it.at('b').put(key(), phone('four', 4)))
    assert.equal(await it.bodies('c'), ['five'])
    await it.run(it.at('b').put(key(), phone('five again', 5)))
    assert.equal(await it.bodies('c'), ['five again'])
    await it.run(it.at('c').put(key(), phone('newest')))
    assert.equal(await it.bodies('a'), ['newest'])
  }),
)

test(
  'a write after one that a fast clock stamped still wins',
  deadline(5_000, async () => {
    const it = await ring()
    const fast = (Date.UTC(2027, 0, 1) + 1) * 1024
    it.at('a').table.merge(7, 'loc/alice', {
      sub: 'phone',
      seq: 0,
      hlc: fast,
      expiresAt: 60_000,
      body: Uint8Array.of(1),
      dead: false,
    })
    await it.run(it.at('b').put(key(), phone('later')))
    await it.clock.advance(100)
    for (const name of ['a', 'b', 'c']) assert.ok((it.at(name).table.get(7, 'loc/alice')[0]?.hlc ?? 0) > fast)
    assert.equal(await it.bodies('d'), ['later'])
  }),
)

test(
  'removed is removed: a late copy does not come back, also where the removal never was seen',
  deadline(5_000, async () => {
    const it = await ring()
    it.network.partition([['a', 'b', 'd'], ['c']])
    await it.run(it.at('a').put(key(), phone('x', 1)))
    const copy = it.at('a').table.get(7, 'loc/alice')[0]
    assert.ok(copy)
    await it.run(it.at('b').remove(key(), 'phone'))
    assert.equal(await it.bodies('d'), [])
    it.network.heal()
    it.at('c').table.merge(7, 'loc/alice', copy)
    assert.equal(await it.bodies('c'), [])
    await it.clock.advance(100)
    assert.ok(it.at('c').table.get(7, 'loc/alice')[0]?.dead, 'the marker is repaired to the late copy')
    await it.run(it.at('d').put(key(), phone('new', 2)))
    assert.equal(await it.bodies('c'), ['new'])
  }),
)

test(
  'a dead marker wins against the entry of the same version',
  deadline(5_000, async () => {
    const it = await ring()
    const entry = { sub: 's', seq: 1, hlc: 9, expiresAt: 60_000, body: Uint8Array.of(1), dead: false }
    const table = it.at('a').table
    table.merge(1, 'x', entry)
    table.merge(1, 'x', { ...entry, dead: true, expiresAt: 50_000 })
    table.merge(1, 'x', entry)
    assert.ok(table.get(1, 'x')[0]?.dead)
    assert.is(table.get(1, 'x')[0]?.expiresAt, 60_000, 'it lives as long as the entry could have')
  }),
)

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

test(
  'keys of the whole ring are listed once each, sorted; local lists what is here',
  deadline(5_000, async () => {
    const it = await ring()
    for (const [i, name] of ['call/2', 'call/1', 'loc/z', 'call/3'].entries()) {
      await it.run(it.at('d').put(key(name, i), phone(i)))
    }
    await it.run(it.at('d').remove(key('call/3', 3), 'phone'))
    await it.clock.advance(100)
    it.crash('b')
    await it.clock.advance(100)
    const all = await it.run(it.at('d').list<number>('call/'))
    assert.equal(
      all.map((one) => [one.key.name, one.entries.map((entry) => entry.body)]),
      [
        ['call/1', [1]],
        ['call/2', [0]],
      ],
    )
    assert.equal(
      it
        .at('a')
        .local('')
        .map((one) => one.key.name),
      ['call/1', 'call/2', 'loc/z'],
    )
    assert.equal(it.at('d').local(''), [])
  }),
)

test(
  'entries per key, bytes per entry and names have limits',
  deadline(5_000, async () => {
    const it = await ring()
    for (let i = 0; i < 256; i++) await it.run(it.at('a').put(key(), { sub: `s${i}`, body: i, ttlMs: 60_000 }))
    const one = { sub: 'more', body: 1, ttlMs: 60_000 }
    assert.is(await it.run(codeOf(it.at('a').put(key(), one))), 'STORE_TOO_LARGE')
    assert.is(await codeOf(it.at('a').put(key('x'), { ...one, body: 'x'.repeat(70_000) })), 'STORE_TOO_LARGE')
    assert.is(await codeOf(it.at('a').put(key('x'.repeat(600)), one)), 'STORE_TOO_LARGE')
    await it.clock.advance(61_000)
    await it.run(it.at('a').put(key(), one))
  }),
)

test.run()

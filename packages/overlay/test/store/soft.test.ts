import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { softLimits } from '../../src/store/limits.ts'
import { codeOf, key, phone, ring } from './softs.ts'

const test = suite('overlay: SOFT')

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
  'who is slow, or suspect, is asked last: one read waits for it, and none of those that follow',
  deadline(5_000, async () => {
    const it = await ring()
    await it.run(it.at('a').put(key(), phone('here')))
    await it.clock.advance(1_000)
    const took = async (): Promise<number> => {
      const from = it.clock.now()
      assert.equal(await it.bodies('a'), ['here'])
      return it.clock.now() - from
    }
    assert.ok((await took()) < 50)
    it.network.links.setDelay('a', 'b', { min: 300, max: 300 })
    const first = await took()
    assert.ok(first >= softLimits.hedgeAfterMs && first < softLimits.hedgeAfterMs + 50, `${first} ms`)
    for (let turn = 0; turn < 5; turn++) assert.ok((await took()) < 50)
    await it.clock.advance(softLimits.slowMs)
    assert.ok((await took()) >= softLimits.hedgeAfterMs, 'it is tried again')
    await it.clock.advance(softLimits.slowMs)
    it.believe('b', 'suspect')
    assert.ok((await took()) < 50)
    await it.end()
  }),
)

test(
  'during a change an entry is also on two of the members after it when it is acknowledged',
  deadline(5_000, async () => {
    const it = await ring()
    const [old, next] = ['abc', 'bcd'].map((names) => [...names].map((nodeId) => ({ nodeId, since: 1 })))
    const joint = { range: 7, epoch: 2, old: old ?? [], next }
    const final = { range: 7, epoch: 3, old: next ?? [] }
    for (const name of it.names) await it.node(name).configs.adopt(joint)
    await it.run(it.at('a').put(key(), phone('before', 0)))
    await it.clock.advance(1_000)
    // The change ends while the entry is on its way: c and d have heard of it, and refuse what is of before.
    for (const name of ['c', 'd']) {
      await it.node(name).configs.adopt(final)
      it.network.links.setDelay('a', name, { min: 50, max: 50 })
    }
    await it.run(it.at('a').put(key(), phone('x', 1)))
    for (const name of it.names) await it.node(name).configs.adopt(final)
    it.crash('b')
    it.believe('b', 'dead')
    assert.equal(await it.bodies('d'), ['x'])

    // Who is gone is not waited for: as many as there are must have it.
    const again = { range: 7, epoch: 4, old: next ?? [], next: old }
    for (const name of ['a', 'c', 'd']) await it.node(name).configs.adopt(again)
    const began = it.clock.now()
    await it.run(it.at('a').put(key(), phone('y', 2)))
    assert.ok(it.clock.now() - began < 300, 'nobody is waited for')
    assert.equal(
      it
        .at('a')
        .table.get(7, 'loc/alice')
        .map(({ seq }) => seq),
      [2],
    )
  }),
)

test(
  'a node that was cut off and does not know it yet waits for a second copy; when it knows, its own is enough',
  deadline(5_000, async () => {
    const it = await ring()
    await it.run(it.at('b').put(key(), phone('before', 1)))
    await it.clock.advance(1_000)
    it.network.partition([['a'], ['b', 'c', 'd']])
    await it.run(it.at('b').put(key(), phone('meanwhile', 2)))
    const reading = it.at('a').read(key())
    await it.clock.advance(900)
    it.network.heal()
    await it.connectAll()
    assert.equal(
      (await it.run(reading)).map(({ body }) => body),
      ['meanwhile'],
    )

    it.network.partition([['a'], ['b', 'c', 'd']])
    await it.run(it.at('b').put(key(), phone('later', 3)))
    for (const other of ['b', 'c', 'd']) it.nodes.get('a')?.members.set(other, 'dead')
    const began = it.clock.now()
    assert.equal(await it.bodies('a'), ['meanwhile'])
    assert.ok(it.clock.now() - began < 100, 'nobody is waited for')
    await it.end()
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

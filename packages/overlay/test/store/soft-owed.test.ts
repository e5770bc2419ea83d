import { silentLogger } from '@thor-node/core'
import { deadline, SimClock, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Rpc } from '../../src/rpc/contract.ts'
import { softLimits } from '../../src/store/limits.ts'
import type { WireRecord } from '../../src/store/soft-messages.ts'
import { SoftOwed } from '../../src/store/soft-owed.ts'
import { codeOf, key, phone, ring, type Softs } from './softs.ts'

const test = suite('overlay: SOFT, what owners missed')

/** All owners, a, b and c, have an entry; b and c are cut off together. */
async function twoOwnersApart(): Promise<Softs> {
  const it = await ring(['a', 'b', 'c', 'd', 'e'])
  await it.run(it.at('a').put(key(), phone('before', 1)))
  it.network.partition([
    ['b', 'c'],
    ['a', 'd', 'e'],
  ])
  return it
}

test(
  'a write that two of three owners missed for a moment is at both within a second after they are back',
  deadline(20_000, async () => {
    const it = await twoOwnersApart()
    await it.run(it.at('d').put(key(), phone('after', 2)))
    assert.is(it.at('d').snapshot().owed, 2)
    await it.clock.advance(1_000)
    it.network.heal()
    await it.connectAll()
    await it.clock.advance(1_000)
    for (const owner of ['a', 'b', 'c']) {
      assert.equal(
        it
          .at(owner)
          .table.get(key().range, key().name)
          .map(({ seq }) => seq),
        [2],
        owner,
      )
    }
    assert.is(it.at('d').snapshot().owed, 0)
    assert.equal(await it.bodies('e'), ['after'])
    await it.end()
  }),
)

test(
  'a node that fills in shows what it holds, though two owners agree on what was before',
  deadline(20_000, async () => {
    const it = await twoOwnersApart()
    await it.run(it.at('a').put(key(), phone('after', 2)))
    // Whoever owes it is gone.
    it.crash('a')
    it.network.heal()
    await it.connectAll()
    assert.equal(await it.bodies('d'), ['after'])
    await it.clock.advance(100)
    assert.equal(await it.bodies('b'), ['after'], 'the owners were told by the one who read it')
  }),
)

test(
  'what is owed is bounded, told in pieces, given up after a while and with its owner',
  deadline(20_000, async () => {
    const clock = new SimClock()
    const told: WireRecord[][] = []
    let answers = false
    let live = true
    const rpc = {
      call: async (_to: string, _method: string, { records }: { records: WireRecord[] }) => {
        if (!answers) throw new Error('no answer')
        told.push(records)
        return { kept: records.length }
      },
    } as unknown as Rpc
    const owed = new SoftOwed({ clock, rpc, members: { isLive: () => live }, log: silentLogger })
    await owed.start()
    const add = (count: number): void => {
      for (let i = 0; i < count; i++) owed.add('b', 7, `loc/${i}`, ['phone', 1, 1, 60_000, new Uint8Array(40), 0])
    }
    add(softLimits.owedMax + 1)
    assert.ok(owed.size <= softLimits.owedMax)
    assert.ok(owed.size > softLimits.owedMax * 0.98)
    const kept = owed.size
    await clock.advance(softLimits.owedRetryMs)
    assert.is(owed.size, kept)
    answers = true
    await clock.advance(softLimits.owedRetryMs)
    await settle()
    assert.is(owed.size, 0)
    assert.ok(told.length > 10, 'no message of a megabyte')
    assert.is(told.flat().length, kept)
    assert.ok(
      told.flat().every(([, , [entry]]) => (entry?.[3] ?? 0) <= 59_000),
      'its life went on',
    )

    answers = false
    add(3)
    await clock.advance(softLimits.owedMs + softLimits.owedRetryMs)
    assert.is(owed.size, 0, 'given up')
    const large = new Uint8Array(64 * 1024)
    for (let i = 0; i < 200; i++) owed.add('b', 7, `loc/${i}`, ['phone', 1, 1, 60_000, large, 0])
    assert.ok(owed.size > 100 && owed.size < 128, 'no more than 8 MiB of them')
    await clock.advance(softLimits.owedMs + softLimits.owedRetryMs)
    assert.is(owed.size, 0)
    add(3)
    live = false
    await clock.advance(softLimits.owedRetryMs)
    assert.is(owed.size, 0, 'its owner is dead')
    await owed.stop()
    assert.is(clock.armed, 0)
  }),
)

test(
  'an owner that does not answer delays no other; a write that failed leaves nothing behind',
  deadline(20_000, async () => {
    const clock = new SimClock()
    const told: string[] = []
    const rpc = {
      call: (to: string) => {
        told.push(to)
        return to === 'b' ? new Promise(() => {}) : Promise.resolve({ kept: 1 })
      },
    } as unknown as Rpc
    const owed = new SoftOwed({ clock, rpc, members: { isLive: () => true }, log: silentLogger })
    await owed.start()
    const add = (to: string): void => owed.add(to, 7, 'loc/1', ['phone', 1, 1, 60_000, new Uint8Array(4), 0])
    add('b')
    for (let i = 0; i < 3; i++) {
      add('c')
      await clock.advance(softLimits.owedRetryMs)
    }
    assert.equal(told, ['b', 'c', 'c', 'c'])
    await owed.stop()

    const it = await ring(['a', 'b', 'c'])
    for (let i = 0; i < softLimits.entriesPerKeyMax; i++) {
      await it.run(it.at('a').put(key(), { ...phone(i), sub: `phone ${i}` }))
    }
    it.network.partition([['a', 'c'], ['b']])
    const one = it.at('a').put(key(), { ...phone('one more'), sub: 'one more' })
    assert.is(await it.run(codeOf(one)), 'STORE_TOO_LARGE')
    await it.clock.advance(softLimits.roundTimeoutMs)
    assert.is(it.at('a').snapshot().owed, 0)
    await it.run(it.at('a').put(key(), { ...phone('again', 5), sub: 'phone 1' }))
    await it.clock.advance(softLimits.roundTimeoutMs)
    assert.is(it.at('a').snapshot().owed, 1, 'missed after the others had taken it')
  }),
)

test.run()

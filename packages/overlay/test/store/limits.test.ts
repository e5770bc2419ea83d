/** What happens when something is full: every limit of the stores that other tests do not reach. */
import { errorCode, silentLogger } from '@thor-node/core'
import { deadline, SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Members } from '../../src/membership/contract.ts'
import type { ConfigTable } from '../../src/ranges/config-table.ts'
import { packConfigs, unpackConfigs } from '../../src/ranges/config-wire.ts'
import type { Rpc } from '../../src/rpc/contract.ts'
import { Gate } from '../../src/store/gate.ts'
import { transferLimits } from '../../src/store/limits.ts'
import { MemoryDisk } from '../../src/store/memory-disk.ts'
import { listAll } from '../../src/store/reg-list.ts'
import { NOTHING_FORGOTTEN, RecentOperations } from '../../src/store/reg-recent.ts'
import { held } from '../../src/store/reg-value.ts'
import { SetRecords } from '../../src/store/set.ts'
import { SetShelf } from '../../src/store/set-shelf.ts'
import { SoftRecords } from '../../src/store/soft.ts'
import { SoftPages } from '../../src/store/soft-pages.ts'
import { SoftSnapshot } from '../../src/store/soft-snapshot.ts'
import { SoftTable } from '../../src/store/soft-table.ts'
import { HandRing } from './ring.ts'

const test = suite('overlay: full stores')

const entry = (clock: SimClock, sub: string, ttlMs: number, seq = 1) => ({
  sub,
  seq,
  hlc: 1,
  expiresAt: clock.now() + ttlMs,
  body: new Uint8Array(8),
  dead: false,
})

test('an entry that is renewed for weeks with longer and shorter lives has one place in the wheel, not one for each', async () => {
  const clock = new SimClock()
  const table = new SoftTable({ clock })
  for (let i = 0; i < 2_000; i++) {
    table.merge(1, 'loc/a', entry(clock, 's', i % 2 === 0 ? 3_600_000 : 60_000, i))
    await clock.advance(30_000)
    table.turn()
  }
  assert.is(table.size, 1)
  assert.ok(table.scheduled <= 3, `${table.scheduled} places`)
  await clock.advance(3_700_000)
  table.turn()
  assert.equal([table.size, table.scheduled], [0, 0])
})

test('changed records that wait for a slow disk are bounded: the one that waits longest is not written', async () => {
  const clock = new SimClock()
  const disk = new MemoryDisk()
  await disk.open()
  const table: SoftTable = new SoftTable({ clock }, { onChange: (...at) => snapshot.changed(...at) })
  const snapshot = new SoftSnapshot({ clock, disk, table }, { waitingMax: 3 })
  for (const name of ['a', 'b', 'c', 'd', 'e']) table.merge(1, `loc/${name}`, entry(clock, 's', 60_000))
  assert.is(snapshot.waiting, 3)
  await snapshot.save()
  const kept = (await Array.fromAsync(disk.entries({ from: 'T', to: 'U' }))).map(([key]) => key.slice(4))
  assert.equal(kept, ['loc/c', 'loc/d', 'loc/e'])
})

test(
  'lists have an end: SET by bytes, SOFT by entries, REG by bytes',
  deadline(20_000, async () => {
    const ring = new HandRing(['a'])
    await ring.start()
    const { rpc, configs, members, disk } = ring.node('a')
    const { clock } = ring
    const base = { clock, rpc, configs, members, log: silentLogger }
    const set = new SetRecords({ ...base, disk }, { listBytesMax: 2_000 })
    const soft = new SoftRecords({ ...base, random: ring.random, placement: () => ['a'] }, { listEntriesMax: 3 })
    await ring.run(soft.start())
    await clock.advance(10_000)
    const codes: unknown[] = []
    for (let i = 0; i < 4; i++) {
      await ring.run(set.put({ range: 5, name: `cdr/${i}` }, 'x'.repeat(600)))
      await ring.run(soft.put({ range: 5, name: `loc/${i}` }, { sub: 's', body: 1, ttlMs: 60_000 }))
      const outcome = (promise: Promise<unknown>) => ring.run(promise.then(() => 'ok', errorCode))
      codes.push([
        await outcome(set.list(5, 'cdr/')),
        await outcome(set.listAll('cdr/')),
        await outcome(soft.list('loc/')),
      ])
    }
    assert.equal(codes.slice(0, 2), [
      ['ok', 'ok', 'ok'],
      ['ok', 'ok', 'ok'],
    ])
    assert.equal(codes.at(-1), ['STORE_TOO_LARGE', 'STORE_TOO_LARGE', 'STORE_TOO_LARGE'])
    await ring.run(soft.stop())

    const value = held({
      rev: 1,
      body: new Uint8Array(999),
      recent: RecentOperations.none,
      forgotten: NOTHING_FORGOTTEN,
    }).bytes
    const page = {
      complete: new Uint8Array(512).fill(0xff),
      entries: [[1, 'acct/a', [1, 1, 'a'], value]],
    }
    const one = { nodeId: 'a' }
    const components = {
      clock,
      rpc: { call: async () => page } as unknown as Rpc,
      members: { list: () => [one], isLive: () => true } as unknown as Members,
      configs: { count: 4_096 } as ConfigTable,
      listBytesMax: 998,
    }
    assert.is(await ring.run(listAll(components, 'acct/', async () => undefined).catch(errorCode)), 'STORE_TOO_LARGE')
  }),
)

test('lists of entries that are being given: the oldest is given up, and its receiver told to begin anew', () => {
  const clock = new SimClock()
  const table = new SoftTable({ clock })
  for (let i = 0; i < 2_000; i++)
    table.merge(1, `loc/${i}`, { ...entry(clock, 's', 60_000), body: new Uint8Array(100) })
  const pages = new SoftPages({
    table,
    wire: ({ range, name }) => [range, name, [['s', 1, 1, 9, new Uint8Array(100), 0]]],
  })
  const first = pages.give('x', [1], undefined)
  assert.ok(first.next && first.records.length < 2_000)
  assert.is(errorCode(caught(() => pages.give('y', [1], first.next))), 'STORE_UNAVAILABLE', 'of another node')
  const second = pages.give('x', [1], undefined)
  for (let i = 0; i < transferLimits.openPagesMax; i++) pages.give('x', [1], undefined)
  assert.is(pages.size, transferLimits.openPagesMax)
  assert.is(errorCode(caught(() => pages.give('x', [1], second.next))), 'STORE_UNAVAILABLE')
  // Whole, while records come and go.
  const names = new Set<string>()
  let page = pages.give('z', [1], undefined)
  for (;;) {
    for (const [, name] of page.records) names.add(name)
    if (!page.next) break
    table.merge(1, `loc/new${names.size}`, entry(clock, 's', 60_000))
    const lost = page.next
    page = pages.give('z', [], page.next)
    assert.is(errorCode(caught(() => pages.give('z', [], lost))), 'STORE_UNAVAILABLE', 'a page is given once')
    break
  }
  assert.ok(names.size > 100)
})

function caught(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

test('so many copies run for others at once, one more is refused, and ended ones make room', async () => {
  const gate = new Gate(2)
  const ends: (() => void)[] = []
  const task = () => new Promise<void>((resolve) => ends.push(resolve))
  const running = [gate.run(task), gate.run(task)]
  assert.is(await gate.run(task).catch(errorCode), 'STORE_OVERLOADED')
  ends[0]?.()
  await running[0]
  const next = gate.run(async () => {
    throw new Error('x')
  })
  assert.is(await next.catch((error: Error) => error.message), 'x')
  ends[1]?.()
  await running[1]
  assert.is(gate.running, 0)
})

test('a range is counted once for all who ask at the same time, and anew for who asks after a change', async () => {
  const disk = new MemoryDisk()
  await disk.open()
  let scans = 0
  let gate = Promise.resolve()
  const counted = {
    get: disk.get.bind(disk),
    batch: disk.batch.bind(disk),
    async *entries(range: { from: string; to: string }) {
      scans++
      await gate
      yield* disk.entries(range)
    },
  }
  const shelf = new SetShelf({ disk: counted as never }, { onStored: () => undefined })
  await shelf.put(1, 'a', new Uint8Array([1]))
  const { promise, resolve } = Promise.withResolvers<void>()
  gate = promise
  const two = [shelf.digest(1), shelf.digest(1)]
  assert.is(scans, 1)
  await shelf.put(1, 'b', new Uint8Array([2]))
  const later = shelf.digest(1)
  assert.is(scans, 2)
  const wiped = shelf.wipe(1)
  resolve()
  const [one, other] = await Promise.all(two)
  assert.is(one, other)
  await Promise.all([later, wiped])
  assert.is(await shelf.digest(1), '0'.repeat(32), 'nothing of before is taken for what is there now')
})

test('configs beyond the number of ranges are left out of a message', () => {
  const config = { range: 1, epoch: 3, old: [{ nodeId: 'a', since: 1 }] }
  const packed = packConfigs(Array.from({ length: 5_000 }, () => config))
  assert.is(packed.rows.length, 5_000)
  assert.is(unpackConfigs(packed).length, 4_096)
})

test.run()

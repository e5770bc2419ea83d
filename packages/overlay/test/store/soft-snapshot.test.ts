import { ThorError } from '@thor-node/core'
import { deadline, SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { softLimits } from '../../src/store/limits.ts'
import { MemoryDisk } from '../../src/store/memory-disk.ts'
import { SoftSnapshot } from '../../src/store/soft-snapshot.ts'
import { SoftTable } from '../../src/store/soft-table.ts'
import { key, phone, ring } from './softs.ts'

const test = suite('overlay: SOFT on the disk')

/** One process on a disk that outlives it. */
async function process(disk: MemoryDisk, clock: SimClock, entriesMax?: number) {
  const table: SoftTable = new SoftTable({ clock }, { entriesMax, onChange: (...at) => snapshot.changed(...at) })
  const snapshot = new SoftSnapshot({ clock, disk, table })
  await snapshot.load()
  return { table, snapshot }
}

async function openDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await disk.open()
  return disk
}

const put = (table: SoftTable, clock: SimClock, sub: string, ttlMs: number, bytes = 1, name = 'loc/a'): void =>
  void table.merge(7, name, {
    sub,
    seq: 1,
    hlc: 5,
    expiresAt: clock.now() + ttlMs,
    body: new Uint8Array(bytes).fill(1),
    dead: false,
  })

test(
  'a restart of all nodes at once keeps what the last snapshot had, and removed entries stay removed',
  deadline(20_000, async () => {
    const it = await ring(['a', 'b', 'c'])
    await it.run(it.at('a').put(key('loc/alice'), phone('x', 1)))
    await it.run(it.at('a').put(key('loc/bob'), phone('y', 1)))
    await it.run(it.at('a').put(key('loc/short'), phone('z', 1, 25_000)))
    await it.clock.advance(11_000)
    await it.run(it.at('a').remove(key('loc/bob'), 'phone', 2))
    await it.clock.advance(11_000)
    for (const name of it.names) it.crash(name)
    await it.clock.advance(5_000)
    for (const name of it.names) await it.boot(name)
    await it.connectAll()
    await it.clock.advance(10_000)
    assert.equal(await it.bodies('b', key('loc/alice')), ['x'])
    assert.equal(await it.bodies('b', key('loc/bob')), [])
    assert.equal(await it.bodies('b', key('loc/short')), [], 'it expired while nobody was there')
    const [entry] = await it.run(it.at('c').read(key('loc/alice')))
    assert.ok((entry?.ttlMs ?? 0) <= 60_000 - 37_000, `${entry?.ttlMs} ms left`)
    await it.end()
  }),
)

test(
  'a stop writes the rest; time that passes counts, a clock set back does not lengthen lives',
  deadline(10_000, async () => {
    const disk = await openDisk()
    const clock = new SimClock(1_000_000)
    const first = await process(disk, clock)
    put(first.table, clock, 'long', 60_000)
    put(first.table, clock, 'short', 10_000)
    await first.snapshot.save(Number.POSITIVE_INFINITY)
    const later = new SimClock(1_020_000)
    const second = await process(disk, later)
    assert.equal(
      second.table.get(7, 'loc/a').map(({ sub, expiresAt }) => [sub, expiresAt - later.now()]),
      [['long', 40_000]],
    )
    const back = new SimClock(5)
    const third = await process(disk, back)
    assert.equal(
      third.table.get(7, 'loc/a').map(({ sub, expiresAt }) => [sub, expiresAt - back.now()]),
      [
        ['long', 60_000],
        ['short', 10_000],
      ],
    )
  }),
)

test(
  'what has gone is deleted, what is damaged is left out',
  deadline(10_000, async () => {
    const disk = await openDisk()
    const clock = new SimClock()
    const { table, snapshot } = await process(disk, clock)
    put(table, clock, 'phone', 10_000)
    put(table, clock, 'phone', 100_000, 1, 'loc/b')
    await snapshot.save()
    assert.ok(await disk.get('T007loc/a'))
    await clock.advance(12_000)
    table.turn()
    assert.is(snapshot.waiting, 1)
    await snapshot.save()
    assert.is(await disk.get('T007loc/a'), undefined)
    const bytes = Uint8Array.from((await disk.get('T007loc/b')) as Uint8Array)
    bytes[9] = (bytes[9] as number) ^ 4
    await disk.batch([{ type: 'put', key: 'T007loc/b', value: bytes }])
    const again = await process(disk, clock)
    assert.is(again.table.size, 0)
    await again.snapshot.save()
    assert.is(await disk.get('T007loc/b'), undefined)
  }),
)

test(
  'a turn writes so much and no more, and a crowded disk is tried again',
  deadline(10_000, async () => {
    const disk = await openDisk()
    const clock = new SimClock()
    const { table, snapshot } = await process(disk, clock)
    for (let i = 0; i < 40; i++) put(table, clock, 'x', 60_000, 60_000, `loc/${i}`)
    await snapshot.save(1024 * 1024)
    assert.ok(snapshot.waiting > 10 && snapshot.waiting < 30, `${snapshot.waiting} left`)
    const { batch } = disk
    disk.batch = async () => {
      throw new ThorError('STORE_OVERLOADED', 'later')
    }
    const before = snapshot.waiting
    await snapshot.save()
    assert.is(snapshot.waiting, before)
    disk.batch = batch
    await snapshot.save()
    assert.is(snapshot.waiting, 0)
    assert.is((await process(disk, clock)).table.size, 40)
    assert.is((await process(disk, clock, 3)).table.size, 3, 'a table that is full takes what fits')
    assert.ok(softLimits.snapshotBatchBytes < softLimits.snapshotBytesMax)
  }),
)

test.run()

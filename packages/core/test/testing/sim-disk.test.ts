import assert from 'node:assert/strict'
import { type Disk, type DiskOperation, errorCode } from '@thor-node/core'
import { deadline, SimClock, SimDisk, type SimDiskInit, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'

const test = suite('core testing: simulated disk')
const put = (key: string, text = key): DiskOperation => ({ type: 'put', key, value: Buffer.from(text) })
const del = (key: string): DiskOperation => ({ type: 'del', key })

async function make(seed = 1, init: SimDiskInit = {}) {
  const clock = new SimClock()
  const medium = new SimDisk({ clock, random: new SimRandom(seed) }, init)
  const run = async <T>(promise: Promise<T>): Promise<T> => {
    await clock.advance(60_000)
    return promise
  }
  const mount = async (): Promise<Disk> => {
    const disk = medium.mount()
    await run(disk.open())
    return disk
  }
  return { clock, medium, run, mount, disk: await mount() }
}

const text = (medium: SimDisk): string =>
  medium
    .peek('')
    .map(([key, value]) => `${key}=${Buffer.from(value)}`)
    .join(' ')

/** What a plain list of all batches says must be there, whichever of the uncertain ones survived. */
function outcomes(batches: readonly { operations: DiskOperation[]; safe: boolean }[]): Set<string> {
  const all = new Set<string>()
  const unsure = batches.filter((batch) => !batch.safe)
  for (let choice = 0; choice < 2 ** unsure.length; choice++) {
    const map = new Map<string, string>()
    for (const batch of batches) {
      if (!batch.safe && ((choice >> unsure.indexOf(batch)) & 1) === 0) continue
      for (const one of batch.operations) {
        if (one.type === 'put') map.set(one.key, Buffer.from(one.value).toString())
        else map.delete(one.key)
      }
    }
    all.add(
      [...map]
        .sort()
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
    )
  }
  return all
}

test(
  'after a crash there is what was synced, and any part of the rest, in order',
  deadline(20_000, async () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 60; seed++) {
      const { clock, medium, disk } = await make(seed)
      const choice = new SimRandom(seed % 4)
      const batches: { operations: DiskOperation[]; safe: boolean }[] = []
      for (let i = 0; i < 6; i++) {
        const key = `k${choice.int(3)}`
        const operations = choice.int(4) === 0 ? [del(key)] : [put(key, `${i}`), put(`l${choice.int(2)}`, `${i}`)]
        const safe = choice.int(2) === 0
        batches.push({ operations, safe })
        const written = disk.batch(operations, { sync: safe })
        await clock.advance(20)
        await written
      }
      const image = [...medium.image()].sort().map(([key, value]) => `${key}=${Buffer.from(value)}`)
      medium.crash()
      const possible = outcomes(batches)
      assert.ok(possible.has(text(medium)), `${text(medium)} is none of ${[...possible].join(' | ')}`)
      assert.ok(possible.has(image.join(' ')), `the image ${image.join(' ')} is none of ${[...possible].join(' | ')}`)
      seen.add(text(medium))
    }
    assert.ok(seen.size > 8, `${seen.size} different outcomes`)
  }),
)

test(
  'what nobody synced is written by the kernel after a while',
  deadline(5_000, async () => {
    const { clock, medium, disk, run } = await make(1, { writebackMs: 1_000 })
    await run(disk.batch([put('a')], { sync: false }))
    const last = disk.batch([put('b')], { sync: false })
    await clock.advance(1)
    await last
    medium.crash()
    assert.match(text(medium), /^a=a/)
  }),
)

test(
  'an image puts the disk back to where it was',
  deadline(5_000, async () => {
    const { medium, disk, run, mount } = await make()
    await run(disk.batch([put('a', '1'), put('b', '1')], { sync: true }))
    const image = medium.image()
    await run(disk.batch([put('a', '2'), del('b'), put('c', '2')], { sync: true }))
    let heard = false
    disk.batch([put('late')], { sync: true }).then(
      () => {
        heard = true
      },
      () => undefined,
    )
    medium.restore(image)
    const again = await mount()
    assert.equal(heard, false, 'the process of before is gone')
    assert.equal(text(medium), 'a=1 b=1')
    await run(again.batch([put('a', '3')], { sync: true }))
    medium.restore(image)
    assert.equal(text(medium), 'a=1 b=1', 'an image can be used twice')
    medium.lose()
    assert.equal(text(medium), '')
  }),
)

test(
  'a full disk refuses every write cleanly, reads go on, and space comes back',
  deadline(5_000, async () => {
    const { medium, disk, run } = await make(1, { totalBytes: 1_000 })
    await run(disk.batch([put('a')], { sync: true }))
    medium.full(true)
    assert.deepEqual(await medium.space(), { freeBytes: 0, totalBytes: 1_000 })
    const codes = [[put('b')], [del('a')]].map((one) => disk.batch(one, { sync: true }).then(() => 'ok', errorCode))
    assert.deepEqual(await run(Promise.all(codes)), ['STORE_DISK_FULL', 'STORE_DISK_FULL'])
    assert.equal(Buffer.from((await run(disk.get('a'))) as Uint8Array).toString(), 'a')
    medium.crash()
    assert.equal(text(medium), 'a=a')
    assert.equal(medium.freeBytes, 0, 'a restart makes no room')
    medium.full(false)
    assert.equal(medium.freeBytes, 500)
  }),
)

test(
  'syncs are slow until told otherwise; other writes are not',
  deadline(5_000, async () => {
    const { clock, medium, disk } = await make()
    medium.slow(700, 900)
    const started = clock.now()
    const took = (sync: boolean): Promise<number> => disk.batch([put('a')], { sync }).then(() => clock.now() - started)
    const [synced, plain] = [took(true), took(false)]
    await clock.advance(2_000)
    assert.ok((await plain) < 1)
    assert.ok((await synced) >= 700 && (await synced) < 905, `${await synced} ms`)
    medium.slow(0)
    const again = clock.now()
    const quick = disk.batch([put('a')], { sync: true }).then(() => clock.now() - again)
    await clock.advance(10)
    assert.ok((await quick) < 5)
  }),
)

test(
  'bits are flipped where the prefix says, each value once, and stay flipped',
  deadline(5_000, async () => {
    const { medium, disk, run } = await make()
    const operations = Array.from({ length: 10 }, (_, i) => put(`R${i}`, 'value'))
    await run(disk.batch([...operations, put('S0', 'value'), put('Rempty', '')], { sync: true }))
    const keys = medium.corruptSome('R', 4)
    assert.equal(new Set(keys).size, 4)
    medium.crash()
    const bad = medium.peek('').filter(([key, value]) => key !== 'Rempty' && Buffer.from(value).toString() !== 'value')
    assert.deepEqual(bad.map(([key]) => key).sort(), [...keys].sort())
    assert.equal(medium.corruptSome('R', 100).length, 10)
    assert.deepEqual(medium.corruptSome('X'), [])
  }),
)

test(
  'the same seed makes the same trouble',
  deadline(10_000, async () => {
    const story = async (seed: number): Promise<string> => {
      const { clock, medium, disk } = await make(seed)
      for (let i = 0; i < 30; i++) void disk.batch([put(`k${i % 7}`, `${i}`)], { sync: i % 5 === 0 })
      await clock.advance(3)
      medium.corruptSome('k', 2)
      medium.crash()
      return text(medium)
    }
    assert.equal(await story(7), await story(7))
    assert.notEqual(await story(7), await story(8))
  }),
)

test.run()

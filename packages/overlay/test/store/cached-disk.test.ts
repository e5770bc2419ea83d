import { type Disk, type DiskOperation, ThorError } from '@thor-node/core'
import { deadline, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CachedDisk } from '../../src/store/cached-disk.ts'

const test = suite('overlay: cached disk')
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const textOf = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString()
const put = (key: string, value: string): DiskOperation => ({ type: 'put', key, value: bytes(value) })

/** A disk whose reads and writes take as long as it is told, writes one after the other; what a read finds is of any moment in it. */
class SlowDisk implements Disk {
  readonly values = new Map<string, Uint8Array>()
  reads = 0
  full = false
  wait: () => Promise<void> = async () => undefined
  #tail: Promise<unknown> = Promise.resolve()

  async open(): Promise<void> {}
  async close(): Promise<void> {}

  async get(key: string): Promise<Uint8Array | undefined> {
    this.reads++
    await this.wait()
    const value = this.values.get(key)?.slice()
    await this.wait()
    return value
  }

  async batch(operations: readonly DiskOperation[]): Promise<void> {
    const write = this.#tail.then(async () => {
      await this.wait()
      const { full } = this
      // Full: it may be there or not.
      if (full && operations.length % 2 === 0) throw new ThorError('STORE_DISK_FULL', 'no space')
      for (const one of operations) {
        if (one.type === 'put') this.values.set(one.key, one.value.slice())
        else this.values.delete(one.key)
      }
      await this.wait()
      if (full) throw new ThorError('STORE_DISK_FULL', 'no space')
    })
    this.#tail = write.catch(() => undefined)
    await write
  }

  async *entries({ from, to }: { from: string; to: string }) {
    for (const [key, value] of [...this.values].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (key >= from && key < to) yield [key, value.slice()] as const
    }
  }
}

test('what was read or written is not read again, until it is written or deleted', async () => {
  const slow = new SlowDisk()
  slow.values.set('a', bytes('1'))
  const disk = new CachedDisk({ disk: slow })
  assert.is(textOf(await disk.get('a')), '1')
  assert.is(textOf(await disk.get('a')), '1')
  assert.is(slow.reads, 1)
  await disk.batch([put('a', '2'), put('b', '3'), put('a', '4')], { sync: true })
  assert.equal([textOf(await disk.get('a')), textOf(await disk.get('b'))], ['4', '3'])
  assert.is(slow.reads, 1)
  await disk.batch([{ type: 'del', key: 'a' }], { sync: true })
  assert.is(await disk.get('a'), undefined)
  assert.is(slow.reads, 2)
})

test('who changes what it got, or what it gave, changes nothing here', async () => {
  const disk = new CachedDisk({ disk: new SlowDisk() })
  // A buffer is a part of a pool, and its slices are its own memory.
  const given = Buffer.from('given')
  await disk.batch([{ type: 'put', key: 'a', value: given }], { sync: false })
  given.fill(0)
  const got = await disk.get('a')
  got?.fill(0)
  assert.is(textOf(await disk.get('a')), 'given')
})

test('no more is kept than is allowed, and nothing that is large', async () => {
  const slow = new SlowDisk()
  const disk = new CachedDisk({ disk: slow }, { bytesMax: 2_000, valueBytesMax: 100 })
  for (let n = 0; n < 100; n++) await disk.batch([put(`k${n}`, 'x'.repeat(50))], { sync: false })
  assert.ok(disk.bytes <= 2_000 && disk.bytes > 1_500, `${disk.bytes}`)
  await disk.get('k99')
  assert.is(slow.reads, 0)
  await disk.get('k0')
  assert.is(slow.reads, 1)
  await disk.batch([put('large', 'x'.repeat(101))], { sync: false })
  await disk.get('large')
  assert.is(slow.reads, 2)
  await disk.close()
  assert.is(disk.bytes, 0)
})

test('a scan that finds something else on the disk, as after damage, ends what is kept of it', async () => {
  const slow = new SlowDisk()
  const disk = new CachedDisk({ disk: slow })
  await disk.batch([put('a', 'good'), put('b', 'good')], { sync: true })
  slow.values.set('a', bytes('baad'))
  assert.is(textOf(await disk.get('a')), 'good')
  const seen: string[] = []
  for await (const [key, value] of disk.entries({ from: 'a', to: 'c' })) seen.push(`${key}=${textOf(value)}`)
  assert.equal(seen, ['a=baad', 'b=good'])
  assert.is(textOf(await disk.get('a')), 'baad')
  assert.is(textOf(await disk.get('b')), 'good')
  assert.is(slow.reads, 1)
})

/**
 * One writer per key, as the store has it, and readers at any time: nobody reads a value older than the last one that was written
 * when the read began, or than one that somebody had read by then.
 */
test(
  'in any order of events a read is no older than what was there when it began',
  deadline(30_000, async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new SimRandom(seed)
      const slow = new SlowDisk()
      slow.wait = async () => {
        for (let turns = random.int(4); turns > 0; turns--) await new Promise((later) => setImmediate(later))
      }
      const disk = new CachedDisk({ disk: slow }, { bytesMax: 600 })
      const keys = ['a', 'b', 'c', 'd']
      /** The newest version that is known to be there. */
      const known = new Map(keys.map((key) => [key, 0]))
      const see = (key: string, version: number): void => {
        known.set(key, Math.max(known.get(key) as number, version))
      }
      const writer = async (key: string): Promise<void> => {
        for (let version = 1; version <= 12; version++) {
          slow.full = random.int(6) === 0
          const more = random.int(2) === 0 ? [put(`${key}-more`, `${version}`)] : []
          const failed = await disk.batch([put(key, `${version}`), ...more], { sync: true }).then(
            () => false,
            () => true,
          )
          if (!failed) see(key, version)
          await slow.wait()
        }
      }
      const reader = async (key: string): Promise<void> => {
        for (let n = 0; n < 40; n++) {
          const least = known.get(key) as number
          const version = Number(textOf(await disk.get(key)) ?? 0)
          assert.ok(version >= least, `seed ${seed}: ${key} is ${version}, and was ${least}`)
          see(key, version)
          await slow.wait()
        }
      }
      await Promise.all(keys.flatMap((key) => [writer(key), reader(key), reader(key)]))
      slow.full = false
      for (const key of keys) assert.is(textOf(await disk.get(key)), textOf(slow.values.get(key)), `seed ${seed}`)
    }
  }),
)

test('of writes side by side none is kept', async () => {
  const slow = new SlowDisk()
  const disk = new CachedDisk({ disk: slow })
  await Promise.all([1, 2, 3].map((n) => disk.batch([put('a', `${n}`)], { sync: true })))
  assert.is(textOf(await disk.get('a')), '3')
  assert.is(slow.reads, 1)
  assert.is(textOf(await disk.get('a')), '3')
  assert.is(slow.reads, 1)
})

test.run()

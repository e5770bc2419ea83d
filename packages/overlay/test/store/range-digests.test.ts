import { type Disk, type DiskRange, errorCode, RANGE_COUNT, type RangeId } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { diskKey, splitDiskKey } from '../../src/store/encoding.ts'
import { MemoryDisk } from '../../src/store/memory-disk.ts'
import { type DigestsRequest, RangeDigests } from '../../src/store/range-digests.ts'

const test = suite('overlay: digests of ranges')
const EMPTY = '0'.repeat(32)
const ALL: RangeId[] = Array.from({ length: RANGE_COUNT }, (_, range) => range)

/** `onSeek` runs before each look through the disk. */
async function make(onSeek: () => Promise<void> = () => Promise.resolve()) {
  const disk = new MemoryDisk()
  await disk.open()
  const it = { seeks: 0 }
  async function* entries(range: DiskRange) {
    it.seeks++
    await onSeek()
    yield* disk.entries(range)
  }
  const counted: Disk = {
    open: () => disk.open(),
    close: () => disk.close(),
    get: (key) => disk.get(key),
    batch: (operations) => disk.batch(operations),
    entries,
  }
  const itemOf = (key: string): string => splitDiskKey(key).name
  const digests = new RangeDigests({ disk: counted }, { letter: 'S', itemOf })
  const write = (range: RangeId, name: string): Promise<void> =>
    disk.batch([{ type: 'put', key: diskKey('S', range, name), value: new Uint8Array(1) }])
  const put = (range: RangeId, name: string): Promise<void> =>
    digests.during(range, { added: name }, () => write(range, name))
  return Object.assign(it, { digests, write, put })
}

test(
  'empty ranges cost a seek for each filled one, and nothing the next time',
  deadline(10_000, async () => {
    const it = await make()
    for (const range of [7, 8, 4_095]) await it.write(range, 'name')
    const first = await it.digests.ofAll(ALL)
    assert.equal(
      ALL.filter((range) => first[range] !== EMPTY),
      [7, 8, 4_095],
    )
    assert.ok(it.seeks <= 8, `${it.seeks} seeks`)
    const before = it.seeks
    assert.equal(await it.digests.ofAll(ALL), first)
    await it.put(9, 'later')
    const after = await it.digests.ofAll([...ALL].reverse())
    assert.is(it.seeks, before)
    assert.equal(
      ALL.filter((range) => after[RANGE_COUNT - 1 - range] !== first[range]),
      [9],
    )
  }),
)

test(
  'what is written while the disk is looked through is counted, whenever it ends',
  deadline(10_000, async () => {
    for (const within of [true, false]) {
      const began: (() => void)[] = []
      const gate = Promise.withResolvers<void>()
      const it = await make(() => {
        began.shift()?.()
        return within ? Promise.resolve() : gate.promise
      })
      const seeking = new Promise<void>((resolve) => began.push(resolve))
      const writing = Promise.withResolvers<void>()
      const slow = it.digests.during(3, { added: 'slow' }, async () => {
        await writing.promise
        await it.write(3, 'slow')
      })
      const asked = it.digests.ofAll([2, 3, 4])
      await seeking
      const quick = it.put(4, 'quick')
      gate.resolve()
      await Promise.all([asked, quick])
      writing.resolve()
      await slow
      const fresh = await make()
      await fresh.write(3, 'slow')
      await fresh.write(4, 'quick')
      assert.equal(await it.digests.ofAll([2, 3, 4]), await fresh.digests.ofAll([2, 3, 4]))
    }
  }),
)

test(
  'a write that failed, and a range to be forgotten, are counted anew',
  deadline(10_000, async () => {
    const it = await make()
    assert.equal(await it.digests.ofAll([1, 2]), [EMPTY, EMPTY])
    const failed = it.digests.during(1, { added: 'there' }, async () => {
      await it.write(1, 'there')
      throw new Error('not known to be there')
    })
    await failed.then(
      () => assert.unreachable(),
      () => undefined,
    )
    await it.write(2, 'there')
    assert.is(await it.digests.of(2), EMPTY)
    it.digests.forget(2)
    const [one, two] = await it.digests.ofAll([1, 2])
    assert.is(one, two)
    assert.is.not(one, EMPTY)
  }),
)

test(
  'who asks for digests says for which epochs; what are no ranges is refused',
  deadline(10_000, async () => {
    const it = await make()
    await it.put(2, 'there')
    const configs = { get: (range: RangeId) => ({ epoch: range === 3 ? 9 : 7 }) }
    const answer = (ranges: unknown, epochs: unknown): Promise<string[]> =>
      it.digests.answer({ ranges, epochs } as DigestsRequest, configs)
    const there = await it.digests.of(2)
    assert.equal(await answer([1, 2, 3, 2], [7, 7, 7, 7]), [EMPTY, there, '', there])
    assert.equal(await answer([1, 2], []), ['', ''])
    const before = it.seeks
    for (const ranges of [[-1], [4_096], [1.5], ['1'], 'all', undefined, [...ALL, 1]]) {
      const code = await answer(ranges, ALL).then(
        () => 'none',
        (error) => errorCode(error),
      )
      assert.is(code, 'STORE_BAD_REQUEST', String(ranges).slice(0, 20))
    }
    assert.is(it.seeks, before)
  }),
)

test.run()

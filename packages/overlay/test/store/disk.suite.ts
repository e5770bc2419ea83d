import type { Disk, DiskOperation } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'

export interface DiskUnderTest {
  disk: Disk
  /** A second disk object on the same medium, when the medium survives a close. */
  again?: () => Disk
  /** Drives simulated time until the promise is settled. */
  run<T>(promise: Promise<T>): Promise<T>
  clean?: () => Promise<void>
}

/** What every Disk promises. */
export function diskSuite(name: string, make: () => Promise<DiskUnderTest>): void {
  const test = suite(`overlay: disk contract, ${name}`)
  const put = (key: string, text: string): DiskOperation => ({ type: 'put', key, value: Buffer.from(text) })
  const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString()

  async function listed(disk: Disk, from: string, to: string): Promise<[string, string][]> {
    const out: [string, string][] = []
    for await (const [key, value] of disk.entries({ from, to })) out.push([key, text(value) as string])
    return out
  }

  const withDisk = (body: (under: DiskUnderTest) => Promise<void>) =>
    deadline(10_000, async () => {
      const under = await make()
      try {
        await body(under)
      } finally {
        await under.run(under.disk.close())
        await under.clean?.()
      }
    })

  for (const sync of [false, true]) {
    test(
      `a batch is read back, sync ${sync}`,
      withDisk(async ({ disk, run }) => {
        await run(disk.open())
        assert.is(await run(disk.get('a')), undefined)
        await run(disk.batch([put('a', '1'), put('b', '2')], { sync }))
        assert.is(text(await run(disk.get('a'))), '1')
        await run(disk.batch([put('a', '3'), { type: 'del', key: 'b' }, { type: 'del', key: 'c' }], { sync }))
        assert.is(text(await run(disk.get('a'))), '3')
        assert.is(await run(disk.get('b')), undefined)
      }),
    )
  }

  test(
    'in one batch the later operation of a key wins',
    withDisk(async ({ disk, run }) => {
      await run(disk.open())
      await run(disk.batch([put('a', '1'), { type: 'del', key: 'a' }, put('a', '2')], { sync: true }))
      assert.is(text(await run(disk.get('a'))), '2')
    }),
  )

  test(
    'entries come in order of their UTF-8 bytes, from inclusive, to exclusive',
    withDisk(async ({ disk, run }) => {
      await run(disk.open())
      const keys = ['b', 'a\u{1f600}', 'a\uffee', 'a', 'aé', 'a/1', 'a0', 'B', 'c']
      await run(
        disk.batch(
          keys.map((key) => put(key, key)),
          { sync: false },
        ),
      )
      const all = await run(listed(disk, 'B', 'c'))
      assert.equal(
        all.map(([key]) => key),
        ['B', 'a', 'a/1', 'a0', 'aé', 'a\uffee', 'a\u{1f600}', 'b'],
      )
      assert.equal(await run(listed(disk, 'x', 'z')), [])
    }),
  )

  test(
    'entries are those of when the listing began',
    withDisk(async ({ disk, run }) => {
      await run(disk.open())
      const keys = Array.from({ length: 600 }, (_, i) => `k${String(i).padStart(4, '0')}`)
      await run(
        disk.batch(
          keys.map((key) => put(key, 'old')),
          { sync: false },
        ),
      )
      const seen = await run(
        (async () => {
          const out: string[] = []
          for await (const [key] of disk.entries({ from: 'k', to: 'l' })) {
            if (out.length === 0) {
              await disk.batch([{ type: 'del', key: 'k0599' }, put('k0600', 'new')], { sync: false })
            }
            out.push(key)
          }
          return out
        })(),
      )
      assert.equal(seen, keys)
      assert.is((await run(listed(disk, 'k0599', 'l'))).length, 1)
    }),
  )

  test(
    'values are bytes of any kind, also none, and belong to their reader',
    withDisk(async ({ disk, run }) => {
      await run(disk.open())
      const value = Uint8Array.from({ length: 256 }, (_, i) => i)
      await run(disk.batch([{ type: 'put', key: 'x', value }, put('empty', '')], { sync: true }))
      value.fill(0)
      const read = (await run(disk.get('x'))) as Uint8Array
      assert.equal(
        [...read],
        Array.from({ length: 256 }, (_, i) => i),
      )
      read.fill(7)
      assert.is((await run(disk.get('x')))?.[1], 1)
      assert.is((await run(disk.get('empty')))?.length, 0)
    }),
  )

  test(
    'batches asked one after the other happen in that order',
    withDisk(async ({ disk, run }) => {
      await run(disk.open())
      const all = Array.from({ length: 50 }, (_, i) => disk.batch([put('n', `${i}`)], { sync: i % 7 === 0 }))
      await run(Promise.all(all))
      if (name !== 'simulated') assert.is(text(await run(disk.get('n'))), '49')
    }),
  )

  test(
    'a closed disk refuses, and closing twice is fine',
    withDisk(async ({ disk, run }) => {
      await run(disk.open())
      await run(disk.close())
      await run(disk.close())
      const outcome = await run(
        disk.get('a').then(
          () => 'read',
          (error) => error.code,
        ),
      )
      assert.is(outcome, 'STORE_DISK_CLOSED')
    }),
  )

  test(
    'what was synced is there after the next open',
    withDisk(async ({ disk, again, run }) => {
      if (!again) return
      await run(disk.open())
      await run(disk.batch([put('a', '1')], { sync: true }))
      await run(disk.close())
      const second = again()
      await run(second.open())
      assert.is(text(await run(second.get('a'))), '1')
      await run(second.close())
    }),
  )

  test.run()
}

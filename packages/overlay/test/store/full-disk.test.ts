/** LevelDB on a file system without space. Needs root, for a file system of its own. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Disk, errorCode } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LevelDisk } from '../../src/store/level-disk.ts'
import { diskLimits } from '../../src/store/limits.ts'

const test = suite('overlay: a disk without space')
const put = (key: string, size = 100) => ({ type: 'put', key, value: new Uint8Array(size).fill(key.length) }) as const

const root = mkdtempSync(join(tmpdir(), 'thor-full-'))

function mount(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', root], { stdio: 'ignore' })
    return true
  } catch {
    console.log('SKIP no file system can be mounted here (needs root)')
    return false
  }
}

const mounted = mount()
const onlyAsRoot = mounted ? test : test.skip

test.after(() => {
  if (mounted) execFileSync('umount', ['--lazy', root])
  rmSync(root, { recursive: true, force: true })
})

/** Takes all space that is left. */
function fill(path: string): void {
  for (const size of [1 << 20, 1 << 12]) {
    try {
      for (;;) writeFileSync(`${path}.${size}`, new Uint8Array(size), { flag: 'a' })
    } catch (error) {
      assert.is(errorCode(error), 'ENOSPC')
    }
  }
}

const writable = (disk: Disk, key: string, size?: number): Promise<string | undefined> =>
  disk.batch([put(key, size)], { sync: true }).then(
    () => 'ok',
    (error) => errorCode(error),
  )

onlyAsRoot(
  'a write without space is refused, all before it stays, reads go on, and it is written again when there is space',
  deadline(60_000, async () => {
    const directory = join(root, 'records')
    const disk = new LevelDisk({ directory })
    await disk.open()
    const { freeBytes, totalBytes } = await disk.space()
    assert.is(totalBytes, 160 * 1024 * 1024)
    assert.ok(freeBytes < totalBytes)
    assert.is(statSync(`${directory}.reserve`).size, diskLimits.reserveBytes, 'the disk is low from the start')

    for (let i = 0; i < 300; i++) await disk.batch([put(`k${i}`, 20_000)], { sync: true })
    fill(join(root, 'filler'))
    let last = 300
    while ((await writable(disk, `k${last}`, 20_000)) === 'ok') last++
    assert.not(existsSync(`${directory}.reserve`), 'it was needed')
    assert.is((await disk.get('k7'))?.length, 20_000)
    assert.is((await disk.get(`k${last - 1}`))?.length, 20_000, 'the last one that was acknowledged')
    let count = 0
    for await (const _ of disk.entries({ from: 'k', to: 'l' })) count++
    assert.ok(count >= last, `${count} of ${last}`)

    fill(join(root, 'filler2'))
    assert.is(await writable(disk, 'x'), 'STORE_DISK_FULL')
    assert.is(await writable(disk, 'x'), 'STORE_DISK_FULL')
    for (const name of ['filler', 'filler2']) {
      for (const size of [1 << 20, 1 << 12]) rmSync(join(root, `${name}.${size}`), { force: true })
    }
    assert.is(await writable(disk, 'y'), 'ok')
    await disk.close()
    const again = new LevelDisk({ directory })
    await again.open()
    assert.is((await again.get('y'))?.length, 100)
    assert.is((await again.get(`k${last - 1}`))?.length, 20_000)
    await again.close()
  }),
)

test.run()

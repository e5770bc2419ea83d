import { type DiskOperation, errorCode } from '@thor-node/core'
import { deadline, SimClock, SimDisk, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GroupCommit } from '../../src/store/group-commit.ts'
import { drive } from './sim-drive.ts'

const test = suite('overlay: group commit and simulated disk')
const put = (key: string): DiskOperation => ({ type: 'put', key, value: Buffer.from(key) })

function make(init: { waitingOperationsMax?: number } = {}) {
  const clock = new SimClock()
  const medium = new SimDisk({ clock, random: new SimRandom(3) })
  const fatal: unknown[] = []
  const disk = new GroupCommit({ disk: medium.mount() }, { onFatal: (error) => fatal.push(error), ...init })
  return { clock, medium, disk, fatal }
}

test(
  'callers share synced batches',
  deadline(5_000, async () => {
    const { clock, medium, disk } = make()
    await drive(clock, disk.open())
    await drive(clock, Promise.all(Array.from({ length: 100 }, (_, i) => disk.batch([put(`k${i}`)], { sync: true }))))
    assert.ok(medium.syncs <= 2, `${medium.syncs} syncs for 100 callers`)
    assert.is(medium.peek('k').length, 100)
  }),
)

test(
  'a failed write is told once, rejects everybody and everything after it',
  deadline(5_000, async () => {
    const { clock, medium, disk, fatal } = make()
    await drive(clock, disk.open())
    medium.failNext('write')
    const codes = await drive(
      clock,
      Promise.all([1, 2, 3].map((i) => disk.batch([put(`k${i}`)], { sync: true }).then(() => 'ok', errorCode))),
    )
    assert.equal(codes, ['STORE_DISK_FAILED', 'STORE_DISK_FAILED', 'STORE_DISK_FAILED'])
    assert.is(await disk.batch([put('late')], { sync: true }).then(() => 'ok', errorCode), 'STORE_DISK_FAILED')
    assert.is(fatal.length, 1)
  }),
)

test(
  'what was asked before the end is written, what comes later is refused, and neither ends the process',
  deadline(5_000, async () => {
    const { clock, medium, disk, fatal } = make()
    await drive(clock, disk.open())
    medium.stall(1_000)
    const early = disk.batch([put('early')], { sync: true })
    const read = disk.get('early').then(() => 'ok', errorCode)
    const closing = disk.close()
    const late = disk.batch([put('late')], { sync: true }).then(() => 'ok', errorCode)
    await drive(clock, Promise.all([early, closing]))
    assert.is(await late, 'STORE_DISK_CLOSED')
    assert.match(String(await drive(clock, read)), /^(ok|STORE_DISK_CLOSED)$/)
    assert.is(await disk.get('early').then(() => 'ok', errorCode), 'STORE_DISK_CLOSED')
    assert.equal(fatal, [])
    assert.equal(
      medium.peek('').map(([key]) => key),
      ['early'],
    )
  }),
)

test(
  'more than may wait is refused and not written',
  deadline(5_000, async () => {
    const { clock, medium, disk } = make({ waitingOperationsMax: 2 })
    await drive(clock, disk.open())
    medium.stall(1_000)
    const first = disk.batch([put('a')], { sync: true })
    await clock.advance(10)
    const all = [first, disk.batch([put('b')], { sync: true }), disk.batch([put('c')], { sync: true })]
    assert.is(await disk.batch([put('d')], { sync: true }).then(() => 'ok', errorCode), 'STORE_OVERLOADED')
    await drive(clock, Promise.all(all))
    assert.equal(
      medium.peek('').map(([key]) => key),
      ['a', 'b', 'c'],
    )
  }),
)

test(
  'a crash never takes what was synced, and sometimes what was not',
  deadline(5_000, async () => {
    let lost = 0
    for (let seed = 1; seed <= 20; seed++) {
      const clock = new SimClock()
      const medium = new SimDisk({ clock, random: new SimRandom(seed) })
      const disk = medium.mount()
      await drive(clock, disk.open())
      await drive(clock, disk.batch([put('soft')], { sync: false }))
      await drive(clock, disk.batch([put('hard')], { sync: true }))
      medium.crash()
      const after = medium.mount()
      await drive(clock, after.open())
      assert.ok(await drive(clock, after.get('hard')))
      if (!(await drive(clock, after.get('soft')))) lost++
    }
    assert.ok(lost > 0 && lost < 20, `${lost} of 20`)
  }),
)

test(
  'a process that crashed hears nothing more of its disk',
  deadline(5_000, async () => {
    const clock = new SimClock()
    const medium = new SimDisk({ clock, random: new SimRandom(1) })
    const disk = medium.mount()
    await drive(clock, disk.open())
    let answered = false
    disk.batch([put('x')], { sync: true }).then(() => {
      answered = true
    })
    medium.crash()
    await clock.advance(1_000)
    assert.not(answered)
    assert.equal(medium.peek(''), [])
  }),
)

test(
  'a bit can be flipped',
  deadline(5_000, async () => {
    const { clock, medium, disk } = make()
    await drive(clock, disk.open())
    await drive(clock, disk.batch([put('k')], { sync: true }))
    assert.ok(medium.corrupt('k'))
    assert.not(medium.corrupt('absent'))
    assert.not.equal(Buffer.from((await drive(clock, disk.get('k'))) as Uint8Array).toString(), 'k')
  }),
)

test.run()

import { silentLogger } from '@thor-node/core'
import { SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Alarms } from '../../src/condition/alarms.ts'
import { clockState, ownOffset } from '../../src/condition/clock-offset.ts'
import { isFull } from '../../src/condition/disk-space.ts'
import { conditionLimits } from '../../src/condition/limits.ts'
import { SyncTimes } from '../../src/condition/sync-times.ts'

const test = suite('overlay: how well a node is')
const MB = 1_048_576
const GB = 1024 * MB

test('a disk is full below 256 MB or 5 % (5 GB are enough for any), and has room again somewhat above', () => {
  const table = [
    [false, 300 * MB, 4 * GB, false],
    [false, 255 * MB, 4 * GB, true],
    [true, 300 * MB, 4 * GB, true],
    [true, 321 * MB, 4 * GB, false],
    [false, 3.1 * GB, 60 * GB, false],
    [false, 2.9 * GB, 60 * GB, true],
    [true, 3.7 * GB, 60 * GB, true],
    [true, 3.8 * GB, 60 * GB, false],
    [false, 5.1 * GB, 9000 * GB, false],
    [false, 4.9 * GB, 9000 * GB, true],
    [false, 0, 0, true],
  ] as const
  for (const [before, freeBytes, totalBytes, after] of table) {
    assert.is(isFull(before, { freeBytes, totalBytes }), after, `${before} ${freeBytes / MB} of ${totalBytes / MB} MB`)
  }
})

/** Syncs one after the other, each as long as it says; then so much time passes. */
function syncs(times: readonly number[], thenMs = 0): { slow: boolean; p99: number | undefined } {
  const seen = new SyncTimes()
  let now = 1_000
  for (const ms of times) {
    seen.begin(now)
    now += ms
    seen.end(now)
  }
  now += thenMs
  return { slow: seen.isSlow(now), p99: seen.p99(now) }
}

test('a disk is slow when more than one of a hundred syncs takes more than half a second', () => {
  const fast = (count: number): number[] => new Array(count).fill(5)
  const table = [
    ['nothing happened', syncs([]), false, undefined],
    ['all are fast', syncs(fast(200)), false, 5],
    ['two hiccups are none', syncs([...fast(10), 900, 900]), false, 900],
    ['three of few are', syncs([...fast(10), 900, 900, 900]), true, 900],
    ['three of many are not', syncs([900, 900, 900, ...fast(400)]), false, 5],
    ['five of many are', syncs([900, 900, 900, 900, 900, ...fast(400)]), true, 900],
    ['exactly half a second is fast', syncs([500, 500, 500, 500]), false, 500],
    ['what is long ago does not count', syncs([900, 900, 900], 10_001), false, undefined],
  ] as const
  for (const [what, { slow, p99 }, isSlow, expected] of table) {
    assert.is(slow, isSlow, what)
    assert.is(p99, expected, what)
  }
})

test('one sync that does not end makes a slow disk by itself; many are forgotten', () => {
  const seen = new SyncTimes()
  seen.begin(0)
  assert.not(seen.isSlow(2_000))
  assert.ok(seen.isSlow(2_001))
  seen.end(2_500)
  assert.not(seen.isSlow(2_501), 'one is not enough once it has ended')
  const many = new SyncTimes()
  for (let i = 0; i < conditionLimits.syncsMax * 2; i++) {
    many.begin(i / 10)
    many.end(i / 10 + 0.05)
  }
  assert.not(many.isSlow(conditionLimits.syncsMax / 5))
})

test('the clock of a node is compared with most clocks', () => {
  const table: [string, number[], number][] = [
    ['nobody is there', [], 0],
    ['all agree', [3, -2], 0],
    ['this one is slow', [20_000, 20_010], 20_000],
    ['this one is fast, seen by three', [-7_000, -7_010, -6_990], -6_990],
    ['one other is mad', [3_600_000, 5], 5],
    ['two of four are mad alike: nobody can say', [3_600_000, 3_600_000, 5], 5],
    ['two nodes differ: nobody can say', [3_600_000], 0],
  ]
  for (const [what, offsets, own] of table) assert.is(ownOffset(offsets), own, what)
})

test('a clock is off above a second, wrong above ten, and right again somewhat below', () => {
  const table = [
    ['right', 1_000, 'right'],
    ['right', -1_001, 'off'],
    ['off', 800, 'off'],
    ['off', 750, 'right'],
    ['right', 10_001, 'wrong'],
    ['off', 10_000, 'off'],
    ['wrong', -8_000, 'wrong'],
    ['wrong', 7_000, 'off'],
    ['wrong', 10, 'right'],
  ] as const
  for (const [before, offset, after] of table) assert.is(clockState(before, offset), after, `${before} ${offset}`)
})

test('an alarm is logged when it comes and when it goes, and keeps since when it is there', async () => {
  const clock = new SimClock(0)
  const lines: string[] = []
  const log = {
    ...silentLogger,
    info: (text: string) => void lines.push(text),
    warn: (text: string) => void lines.push(text),
    forComponent: () => log,
  }
  const alarms = new Alarms({ clock, log })
  alarms.set('a', undefined)
  alarms.set('a', 'one is wrong')
  await clock.advance(5)
  alarms.set('a', 'two are wrong')
  assert.equal(alarms.list(), [{ kind: 'a', text: 'two are wrong', since: 0 }])
  alarms.set('a', undefined)
  alarms.set('a', undefined)
  assert.equal(alarms.list(), [])
  assert.equal(lines, ['one is wrong', 'alarm is over'])
  for (let i = 0; i < conditionLimits.alarmsMax + 5; i++) alarms.set(`k${i}`, 'x')
  assert.is(alarms.list().length, conditionLimits.alarmsMax)
  assert.not(alarms.has('k0'))
})

test.run()

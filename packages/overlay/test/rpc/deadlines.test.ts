import type { Clock } from '@thor-node/core'
import { SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Deadlines } from '../../src/rpc/deadlines.ts'

const test = suite('rpc: deadlines')

test('each expires at its time, in order, unless it was ended; one timer for all of a duration', async () => {
  const clock = new SimClock()
  const deadlines = new Deadlines({ clock })
  const expired: string[] = []
  const all = Array.from({ length: 3_000 }, (_, n) => deadlines.after(100, () => expired.push(`${n}`)))
  deadlines.after(50, () => expired.push('early'))
  assert.is(clock.armed, 2)
  for (const [n, deadline] of all.entries()) if (n % 1_000 !== 7) deadline.end()
  await clock.advance(49)
  assert.equal(expired, [])
  await clock.advance(1)
  assert.equal(expired, ['early'])
  await clock.advance(50)
  assert.equal(expired, ['early', '7', '1007', '2007'])
  assert.is(clock.armed, 0)
})

test('when all are over nothing is armed; what begins while others expire has its own time', async () => {
  const clock = new SimClock()
  const deadlines = new Deadlines({ clock })
  const expired: string[] = []
  const one = deadlines.after(100, () => expired.push('never'))
  one.end()
  one.end()
  assert.is(clock.armed, 0)
  deadlines.after(100, () => {
    expired.push('first')
    deadlines.after(100, () => expired.push('second'))
  })
  await clock.advance(150)
  assert.equal(expired, ['first'])
  await clock.advance(50)
  assert.equal(expired, ['first', 'second'])
  assert.is(clock.armed, 0)
})

test('a process that stood still gives what came meanwhile its time, once', () => {
  let now = 0
  const timers: { at: number; fn: () => void }[] = []
  const clock: Clock = {
    now: () => now,
    wall: () => now,
    after: (afterMs, fn) => {
      const timer = { at: now + afterMs, fn }
      timers.push(timer)
      return { cancel: () => void timers.splice(timers.indexOf(timer), 1) }
    },
  }
  /** The time is so, and what is due fires now. */
  const wake = (at: number): void => {
    now = at
    for (const timer of timers.filter((one) => one.at <= now)) {
      timers.splice(timers.indexOf(timer), 1)
      timer.fn()
    }
  }
  const deadlines = new Deadlines({ clock })
  const expired: string[] = []
  const answered = deadlines.after(100, () => expired.push('answered'))
  deadlines.after(100, () => expired.push('lost'))
  wake(400)
  assert.equal(expired, [])
  answered.end()
  wake(699)
  assert.equal(expired, [])
  wake(700)
  assert.equal(expired, ['lost'])
  assert.is(timers.length, 0)
})

test.run()

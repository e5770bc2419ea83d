import { deadline, SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../src/clock.ts'
import { TimerQueue } from '../src/timer-queue.ts'

const test = suite('core: timer queue')
const never = (error: unknown): never => {
  throw error
}

test(
  'timers fire in order, and thousands of them arm one timer of the clock for each duration',
  deadline(10_000, async () => {
    const clock = new SimClock()
    const queue = new TimerQueue({ clock }, { onError: never })
    const fired: string[] = []
    for (let i = 0; i < 5_000; i++) queue.after(500, () => fired.push(`a${i}`))
    queue.after(200, () => fired.push('b'))
    assert.is(clock.armed, 2)
    await clock.advance(300)
    assert.equal(fired, ['b'])
    queue.after(500, () => fired.push('late'))
    await clock.advance(250)
    assert.is(fired.length, 5_001)
    assert.is(fired[1], 'a0')
    await clock.advance(250)
    assert.is(fired.at(-1), 'late')
    assert.is(clock.armed, 0)
  }),
)

test(
  'a cancelled timer does not fire, nor does one after clear',
  deadline(10_000, async () => {
    const clock = new SimClock()
    const queue = new TimerQueue({ clock }, { onError: never })
    const fired: string[] = []
    queue.after(100, () => fired.push('first')).cancel()
    queue.after(100, () => fired.push('second'))
    await clock.advance(100)
    assert.equal(fired, ['second'])
    queue.after(100, () => fired.push('third'))
    queue.clear()
    assert.is(clock.armed, 0)
    await clock.advance(100)
    assert.equal(fired, ['second'])
  }),
)

test(
  'a timer may arm the next one of its kind',
  deadline(10_000, async () => {
    const clock = new SimClock()
    const queue = new TimerQueue({ clock }, { onError: never })
    let count = 0
    const again = (): void => {
      count++
      if (count < 5) queue.after(100, again)
    }
    queue.after(100, again)
    await clock.advance(10_000)
    assert.is(count, 5)
    assert.is(clock.armed, 0)
  }),
)

test(
  'a timer that throws does not stop the others',
  deadline(10_000, async () => {
    const clock = new SimClock()
    const errors: unknown[] = []
    const queue = new TimerQueue({ clock }, { onError: (error) => errors.push(error) })
    let fired = 0
    queue.after(100, () => never(new Error('mine')))
    queue.after(100, () => fired++)
    await clock.advance(50)
    queue.after(100, () => fired++)
    await clock.advance(100)
    assert.is(fired, 2)
    assert.is(errors.length, 1)
  }),
)

test('each expires at its time, in order, unless it was ended; one timer for all of a duration', async () => {
  const clock = new SimClock()
  const queue = new TimerQueue({ clock }, { onError: never, waitMsMax: 500 })
  const expired: string[] = []
  const all = Array.from({ length: 3_000 }, (_, n) => queue.after(100, () => expired.push(`${n}`)))
  queue.after(50, () => expired.push('early'))
  assert.is(clock.armed, 2)
  for (const [n, timer] of all.entries()) if (n % 1_000 !== 7) timer.cancel()
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
  const queue = new TimerQueue({ clock }, { onError: never, waitMsMax: 500 })
  const expired: string[] = []
  const one = queue.after(100, () => expired.push('never'))
  one.cancel()
  one.cancel()
  assert.is(clock.armed, 0)
  queue.after(100, () => {
    expired.push('first')
    queue.after(100, () => expired.push('second'))
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
  const queue = new TimerQueue({ clock }, { onError: never, waitMsMax: 500 })
  const expired: string[] = []
  const answered = queue.after(100, () => expired.push('answered'))
  queue.after(100, () => expired.push('lost'))
  wake(400)
  assert.equal(expired, [])
  answered.cancel()
  wake(699)
  assert.equal(expired, [])
  wake(700)
  assert.equal(expired, ['lost'])
  assert.is(timers.length, 0)
})

test.run()

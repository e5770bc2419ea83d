import { deadline, SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TimerQueue } from '../../src/transaction/timers.ts'

const test = suite('sip: timer queue')
const never = (error: unknown): never => {
  throw error
}

test(
  'timers fire in order, and thousands of them arm one timer of the clock for each duration',
  deadline(10_000, async () => {
    const clock = new SimClock()
    const queue = new TimerQueue(clock, never)
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
    const queue = new TimerQueue(clock, never)
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
    const queue = new TimerQueue(clock, never)
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
    const queue = new TimerQueue(clock, (error) => errors.push(error))
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

test.run()

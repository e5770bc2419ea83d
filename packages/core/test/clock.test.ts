import assert from 'node:assert/strict'
import { deadline, eventually, SimClock, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { every, sleep, systemClock } from '../src/index.ts'

const test = suite('core clock')

test(
  'sleep ends after its time, not before',
  deadline(5_000, async () => {
    const clock = new SimClock()
    let woken = false
    const sleeping = sleep(clock, 100).then(() => {
      woken = true
    })
    await clock.advance(99)
    assert.equal(woken, false)
    await clock.advance(1)
    await sleeping
    assert.equal(clock.armed, 0)
  }),
)

test(
  'an aborted sleep rejects with the reason and leaves no timer',
  deadline(5_000, async () => {
    const clock = new SimClock()
    const controller = new AbortController()
    const sleeping = sleep(clock, 100, controller.signal)
    const reason = new Error('enough')
    controller.abort(reason)
    await assert.rejects(sleeping, reason)
    assert.equal(clock.armed, 0)
    await assert.rejects(sleep(clock, 100, controller.signal), reason)
    assert.equal(clock.armed, 0)
  }),
)

test(
  'every runs each period, first after its own time, until it is cancelled',
  deadline(5_000, async () => {
    const clock = new SimClock()
    const at: number[] = []
    const timer = every(
      clock,
      10,
      () => void at.push(clock.now()),
      () => assert.fail(),
      3,
    )
    await clock.advance(25)
    assert.deepEqual(at, [3, 13, 23])
    timer.cancel()
    timer.cancel()
    await clock.advance(100)
    assert.equal(at.length, 3)
    assert.equal(clock.armed, 0)
  }),
)

test(
  'every never overlaps with itself',
  deadline(5_000, async () => {
    const clock = new SimClock()
    let finish = (): void => undefined
    let runs = 0
    const timer = every(
      clock,
      10,
      () => {
        runs += 1
        return new Promise<void>((resolve) => {
          finish = resolve
        })
      },
      () => assert.fail(),
    )
    await clock.advance(50)
    assert.equal(runs, 1)
    finish()
    await settle()
    await clock.advance(10)
    assert.equal(runs, 2)
    timer.cancel()
    finish()
    await settle()
    assert.equal(clock.armed, 0, 'cancelled while it ran: not armed again')
  }),
)

test(
  'what every’s function throws goes to onError, and it goes on',
  deadline(5_000, async () => {
    const clock = new SimClock()
    const errors: unknown[] = []
    const timer = every(
      clock,
      10,
      () => {
        throw new Error('odd')
      },
      (error) => errors.push(error),
    )
    await clock.advance(20)
    assert.equal(errors.length, 2)
    timer.cancel()
  }),
)

test(
  'the real clock moves on and fires; a cancelled timer does not',
  deadline(5_000, async () => {
    const before = systemClock.now()
    const fired: string[] = []
    systemClock.after(1, () => fired.push('cancelled')).cancel()
    systemClock.after(2, () => fired.push('fired'))
    await eventually(() => fired.length > 0)
    assert.deepEqual(fired, ['fired'])
    assert.ok(systemClock.now() > before)
    assert.ok(systemClock.wall() > Date.UTC(2020, 0, 1))
  }),
)

test.run()

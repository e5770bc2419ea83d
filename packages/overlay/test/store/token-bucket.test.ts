import { SimClock } from '@thor-node/core/testing'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TokenBucket } from '../../src/store/token-bucket.ts'

const test = suite('overlay: token bucket')

test('what is taken never exceeds burst and rate by more than one piece, and nobody waits longer than needed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 0, max: 400 })), { maxLength: 40 }),
      async (pieces) => {
        const clock = new SimClock()
        const bucket = new TokenBucket({ clock }, { bytesPerSecond: 10_000, burstBytes: 2_000 })
        let passed = 0
        let asked = 0
        const all = pieces.map(async ([bytes, pause]) => {
          await clock.advance(pause)
          asked += bytes
          await bucket.take(bytes)
          passed += bytes
          assert.ok(passed - bytes <= 2_000 + (clock.now() / 1_000) * 10_000 + 1, `${passed} at ${clock.now()}`)
        })
        for (let i = 0; i < 200_000 && passed < pieces.reduce((sum, [bytes]) => sum + bytes, 0); i++) {
          await clock.advance(10)
        }
        await Promise.all(all)
        assert.is(passed, asked)
        assert.is(bucket.waiting, 0)
        assert.is(clock.armed, 0)
      },
    ),
    { numRuns: 50 },
  )
})

test('urgent ones go first, whatever waits already; equals go in order', async () => {
  const clock = new SimClock()
  const bucket = new TokenBucket({ clock }, { bytesPerSecond: 1_000, burstBytes: 100 })
  const order: string[] = []
  const ask = (name: string, urgent: boolean) => void bucket.take(500, urgent).then(() => order.push(name))
  ask('first', false)
  ask('n1', false)
  ask('n2', false)
  ask('u1', true)
  ask('u2', true)
  await clock.advance(10_000)
  assert.equal(order, ['first', 'u1', 'u2', 'n1', 'n2'])
})

test('what was taken and not used is given back at once', async () => {
  const clock = new SimClock()
  const bucket = new TokenBucket({ clock }, { bytesPerSecond: 1_000, burstBytes: 1_000 })
  await bucket.take(10_000)
  let through = false
  void bucket.take(1).then(() => {
    through = true
  })
  await clock.advance(100)
  assert.not(through)
  bucket.settle(-10_000)
  await clock.advance(0)
  assert.ok(through)
})

test.run()

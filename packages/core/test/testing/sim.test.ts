import assert from 'node:assert/strict'
import { deadline, eventually, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'

const test = suite('core testing')

test(
  'simulated timers fire in order of time, then of creation, each at its own time',
  deadline(5_000, async () => {
    const clock = new SimClock()
    const fired: string[] = []
    for (const [ms, name] of [
      [20, 'c'],
      [10, 'a'],
      [10, 'b'],
      [30, 'd'],
      [0, 'now'],
      [-5, 'past'],
    ] as const) {
      clock.after(ms, () => fired.push(`${name}${clock.now()}`))
    }
    await clock.advance(20)
    assert.deepEqual(fired, ['now0', 'past0', 'a10', 'b10', 'c20'])
    assert.equal(clock.armed, 1)
    assert.equal(clock.nextAt, 30)
    assert.equal(clock.now(), 20)
  }),
)

test(
  'timers set while others fire are kept in order; cancelled ones never fire',
  deadline(5_000, async () => {
    const clock = new SimClock()
    const fired: number[] = []
    clock.after(10, () => {
      clock.after(5, () => fired.push(15))
      late.cancel()
    })
    const late = clock.after(12, () => fired.push(12))
    await clock.advance(100)
    assert.deepEqual(fired, [15])
    late.cancel()
    assert.equal(await clock.step(), false)
  }),
)

test(
  'promise reactions run between two timers',
  deadline(5_000, async () => {
    const clock = new SimClock()
    const seen: string[] = []
    clock.after(1, () => void Promise.resolve().then(() => seen.push('reaction')))
    clock.after(2, () => seen.push('timer'))
    await clock.advance(2)
    assert.deepEqual(seen, ['reaction', 'timer'])
  }),
)

test('wall time starts where it is told and moves with the clock', async () => {
  const clock = new SimClock(1_000_000)
  assert.equal(clock.wall(), 1_000_000)
  await clock.advance(5)
  assert.equal(clock.wall(), 1_000_005)
})

const draw = (random: SimRandom): unknown[] => [
  random.int(1_000_000),
  random.float(),
  [...random.bytes(5)],
  random.int(7),
]

test('the same seed draws the same, another seed differs', () => {
  assert.deepEqual(draw(new SimRandom(1)), draw(new SimRandom(1)))
  assert.notDeepEqual(draw(new SimRandom(1)), draw(new SimRandom(2)))
  const firsts = new Set(Array.from({ length: 1_000 }, (_, seed) => new SimRandom(seed).int(2 ** 32)))
  assert.ok(firsts.size > 990, 'neighbouring seeds do not start alike')
})

test('a fork is a stream of its own', () => {
  const [a, b] = [new SimRandom(1), new SimRandom(1)]
  const [forkA, forkB] = [a.fork(), b.fork()]
  draw(forkA)
  draw(forkA)
  assert.deepEqual(draw(a), draw(b), 'draws of the fork do not move the parent')
  assert.notDeepEqual(draw(forkA), draw(forkB), 'the fork has moved')
})

test('simulated chance is spread evenly', () => {
  const random = new SimRandom(5)
  const buckets = new Array<number>(10).fill(0)
  for (let i = 0; i < 10_000; i++) {
    const at = random.int(10)
    buckets[at] = (buckets[at] as number) + 1
  }
  for (const count of buckets) assert.ok(count > 850 && count < 1_150, buckets.join())
})

test(
  'a deadline ends a test that hangs and lets others be',
  deadline(5_000, async () => {
    await assert.rejects(deadline(10, () => new Promise<void>(() => undefined))(), /no end after 10 ms/)
    await assert.rejects(
      deadline(1_000, () => {
        throw new Error('its own')
      })(),
      /its own/,
    )
    await deadline(1_000, () => undefined)()
  }),
)

test(
  'eventually waits for truth and says what it saw last',
  deadline(5_000, async () => {
    let tries = 0
    assert.equal(await eventually(() => (++tries > 2 ? 'yes' : undefined)), 'yes')
    await assert.rejects(
      eventually(() => false, 30, 'the impossible'),
      /the impossible did not come true in 30 ms; last: false/,
    )
    await assert.rejects(
      eventually(() => {
        throw new Error('trouble')
      }, 30),
      /last: trouble/,
    )
  }),
)

test.run()

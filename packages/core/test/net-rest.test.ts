import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { LoopRests, shallRest } from '../src/net-rest.ts'

const test = suite('core: rests of the event loop')

const alone = { elapsedMs: 20, spareMs: 10, turns: 40, datagrams: 40 }

test('datagrams that come one by one, fast, begin rests while there is time to spare', () => {
  assert.equal(shallRest(false, alone), true)
  assert.equal(shallRest(false, { ...alone, spareMs: 4.9 }), false, 'a busy loop')
  assert.equal(shallRest(false, { ...alone, elapsedMs: 27, spareMs: 20 }), false, 'too few')
  assert.equal(shallRest(false, { ...alone, datagrams: 320 }), false, 'batches already')
})

test('rests make batches, so these do not end them; few datagrams or much work do', () => {
  const resting = { elapsedMs: 20, spareMs: 12, turns: 5, datagrams: 80 }
  assert.equal(shallRest(true, resting), true)
  assert.equal(shallRest(true, { ...resting, datagrams: 20 }), true)
  assert.equal(shallRest(true, { ...resting, datagrams: 19 }), false, 'too few')
  assert.equal(shallRest(true, { ...resting, spareMs: 4.9 }), false, 'a busy loop')
})

/** A loop in which each turn takes `workMs`, and waits for `waitMs` before it. */
class Loop {
  now = 0
  idle = 0
  slept = 0
  readonly rests = new LoopRests({
    now: () => this.now,
    idle: () => this.idle,
    rest: (ms) => {
      this.now += ms
      this.slept++
    },
  })

  run(turns: number, { waitMs, workMs, datagrams }: { waitMs: number; workMs: number; datagrams: number }): number {
    const before = this.slept
    for (let n = 0; n < turns; n++) {
      this.now += waitMs + workMs
      this.idle += waitMs
      this.rests.turn(datagrams)
    }
    return this.slept - before
  }
}

test('a loop rests after each turn once many datagrams have come, and counts it as time without work', () => {
  const loop = new Loop()
  assert.equal(loop.run(79, { waitMs: 0.125, workMs: 0.125, datagrams: 1 }), 0)
  assert.equal(loop.run(10, { waitMs: 0.125, workMs: 0.125, datagrams: 1 }), 10)
  // Now four come in a batch, and nothing is left to wait for.
  assert.equal(loop.run(100, { waitMs: 0, workMs: 0.5, datagrams: 4 }), 100)
  assert.equal(loop.rests.restedMs, 55)
})

test('a turn with a large batch is not followed by a rest, silence and work end them', () => {
  const loop = new Loop()
  loop.run(80, { waitMs: 0.125, workMs: 0.125, datagrams: 1 })
  assert.equal(loop.run(1, { waitMs: 0, workMs: 0.5, datagrams: 16 }), 0)
  assert.equal(loop.run(1, { waitMs: 0, workMs: 0.5, datagrams: 15 }), 1)
  assert.equal(loop.run(1, { waitMs: 1_000, workMs: 0.125, datagrams: 1 }), 0, 'silence')
  assert.equal(loop.run(90, { waitMs: 0.125, workMs: 0.125, datagrams: 1 }), 11)
  assert.equal(loop.run(1, { waitMs: 0, workMs: 200, datagrams: 10 }), 0, 'work')
})

test.run()

import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { massEvents } from './faults.fixture.ts'
import { TestRing } from './ring.fixture.ts'

const test = suite('membership: many at once')

const withinMs: Record<string, number> = {
  'all join at once': 1_000,
  'all are killed and start again': 1_000,
  'halves that were apart for a minute meet again': 5_000,
}

for (const event of massEvents) {
  test(
    `twenty nodes: ${event.name}`,
    deadline(60_000, async () => {
      const ring = new TestRing(1)
      const time = await event.play(ring, 20)
      assert.ok(time !== undefined && time <= (withinMs[event.name] ?? 0), `${time} ms`)
      const since = ring.clock.now()
      await ring.clock.advance(5_000)
      assert.equal(
        ring.verdicts.filter(({ at, state }) => at > since && state !== 'alive'),
        [],
      )
      await ring.stop()
    }),
  )
}

test.run()

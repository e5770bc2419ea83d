import type { SimClock } from '@thor-node/core/testing'

/** Moves simulated time until the promise is settled, and returns what it became. */
export async function drive<T>(clock: SimClock, promise: Promise<T>, limitMs = 600_000): Promise<T> {
  let done = false
  const mark = () => {
    done = true
  }
  promise.then(mark, mark)
  const until = clock.now() + limitMs
  await clock.advance(0)
  let idle = 0
  while (!done) {
    if (clock.now() > until) throw new Error(`not settled after ${limitMs} ms of simulated time`)
    if (await clock.step()) idle = 0
    else if (++idle > 200) throw new Error('nothing will ever settle this')
    else await clock.advance(0)
  }
  return promise
}

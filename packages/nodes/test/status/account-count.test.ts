import { sleep } from '@thor-node/core'
import { deadline, SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AccountCount } from '../../src/status/account-count.ts'

const test = suite('nodes: how many accounts there are')

test(
  'they are counted once for all who ask, again when twenty times as long as that took is over, and not forgotten',
  deadline(5_000, async () => {
    const clock = new SimClock()
    let [asked, fails] = [0, false]
    const list = async (): Promise<string[]> => {
      asked++
      await sleep(clock, 100)
      if (fails) throw new Error('no complete copy of range 7 answers')
      return Array.from({ length: asked * 10 }, () => 'account')
    }
    const count = new AccountCount({ clock }, { list })
    const get = async (): Promise<number> => {
      const answer = count.get()
      await clock.advance(100)
      return answer
    }
    const both = Promise.all([count.get(), count.get()])
    await clock.advance(100)
    assert.equal(await both, [10, 10])
    assert.is(asked, 1)
    await clock.advance(1_800)
    assert.is(await get(), 10)
    assert.is(asked, 1)
    await clock.advance(100)
    assert.is(await get(), 20)
    assert.is(asked, 2)
    fails = true
    await clock.advance(2_000)
    assert.is(await get(), 20)
    assert.is(asked, 3)
    const failing = new AccountCount({ clock }, { list })
    const refused = failing.get().then(
      () => 'counted',
      (error: Error) => error.message,
    )
    await clock.advance(100)
    assert.match(await refused, /range 7/)
  }),
)

test.run()

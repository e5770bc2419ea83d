import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { errorCode, surely, ThorError } from '../src/index.ts'
import { deadline, SimClock, SimRandom } from '../src/testing/index.ts'

const test = suite('core: changes that are repeated')

/** Each try takes so long and ends so; the last one again and again. */
function scene(tries: readonly (readonly [ms: number, code: string | undefined, cause?: string])[]) {
  const clock = new SimClock()
  const ids: string[] = []
  const run = async (opId: string): Promise<string> => {
    ids.push(opId)
    const [ms, code, cause] = tries[Math.min(ids.length, tries.length) - 1] as (typeof tries)[number]
    await new Promise<void>((done) => void clock.after(ms, done))
    if (code) throw new ThorError(code, code, cause === undefined ? {} : { cause: new ThorError(cause, cause) })
    return 'done'
  }
  const go = async (contended: boolean): Promise<{ said: string | undefined; tries: number; ms: number }> => {
    const result = surely({ clock, random: new SimRandom(1) }, run, { contended }).catch(errorCode)
    let over = false
    void result.then(() => {
      over = true
    })
    const began = clock.now()
    for (let turns = 0; !over && turns < 1_000; turns++) await clock.advance(20)
    assert.is(new Set(ids).size, 1, 'one id')
    return { said: await result, tries: ids.length, ms: clock.now() - began }
  }
  return go
}

test(
  'what is refused while others were in the way is tried again, where that may be, and not for ever',
  deadline(5_000, async () => {
    const refused = [2_000, 'STORE_UNAVAILABLE'] as const
    assert.equal((await scene([refused, refused, [10, undefined]])(true)).said, 'done')
    const never = await scene([refused])(true)
    assert.is(never.said, 'STORE_UNAVAILABLE')
    assert.ok(never.tries >= 3 && never.ms < 9_000, `${never.tries} tries, ${never.ms} ms`)
    assert.equal(await scene([refused, [10, undefined]])(false).then(({ tries }) => tries), 1)
  }),
)

test(
  'who finds no quorum is told at once',
  deadline(5_000, async () => {
    for (const contended of [true, false]) {
      const { said, tries } = await scene([[900, 'STORE_UNAVAILABLE']])(contended)
      assert.equal([said, tries], ['STORE_UNAVAILABLE', 1])
      const unknown = await scene([[2_000, 'STORE_UNKNOWN', 'STORE_UNAVAILABLE']])(contended)
      assert.equal([unknown.said, unknown.tries], ['STORE_UNKNOWN', 1])
    }
  }),
)

test(
  'what is unknown is tried three times, and stays so when then nobody is there to ask',
  deadline(5_000, async () => {
    const unknown = [100, 'STORE_UNKNOWN'] as const
    assert.equal(await scene([unknown])(false).then(({ said, tries }) => [said, tries]), ['STORE_UNKNOWN', 3])
    const alone = await scene([unknown, [900, 'STORE_UNAVAILABLE']])(true)
    assert.equal([alone.said, alone.tries], ['STORE_UNKNOWN', 2])
    assert.equal((await scene([unknown, [10, undefined]])(false)).said, 'done')
    const slow = await scene([[2_000, 'STORE_UNKNOWN']])(true)
    assert.ok(slow.said === 'STORE_UNKNOWN' && slow.tries >= 3 && slow.ms < 9_000)
  }),
)

test(
  'what is refused for another reason is not tried again',
  deadline(5_000, async () => {
    const { said, tries } = await scene([[2_500, 'PROVISION_CONFLICT']])(true)
    assert.equal([said, tries], ['PROVISION_CONFLICT', 1])
  }),
)

test.run()

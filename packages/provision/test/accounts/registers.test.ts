import { errorCode, ThorError } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Registers } from '../../src/accounts/registers.ts'
import { memoryStore } from '../support/memory-store.ts'

const test = suite('provision: registers')

const codeOf = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error: unknown) => errorCode(error),
  )

test(
  'what is unknown stays so when the repetition finds nobody to ask, and not when it is refused',
  deadline(5_000, async () => {
    const store = memoryStore()
    const registers = new Registers({ store, clock: new SimClock(), random: new SimRandom(1) })
    const add = () => registers.change('acct', 'a@b.c', () => ({ body: 1, result: null }))
    for (const second of ['STORE_UNAVAILABLE', 'PROVISION_CONFLICT']) {
      let asked = 0
      store.reg.before = () => {
        asked++
        if (asked === 1) throw new ThorError('STORE_UNKNOWN', 'no answer')
        throw new ThorError(second, 'no')
      }
      assert.is(await codeOf(add()), second === 'STORE_UNAVAILABLE' ? 'STORE_UNKNOWN' : second)
      assert.is(asked, 2)
    }
  }),
)

test.run()

import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SipParseError } from '../../src/errors.ts'
import type { ServerTransaction } from '../../src/transaction/contract.ts'
import { answer, makePair, request, untilQuiet } from './pair.ts'

const test = suite('sip: transactions of a failing user')

for (const method of ['INVITE', 'OPTIONS']) {
  for (const status of [180, 200, 486]) {
    test(
      `a user that fails over the ${status} of ${method} leaves no transaction behind`,
      deadline(10_000, async () => {
        const pair = makePair()
        const onResponse = (): never => {
          throw new SipParseError('an unusable response')
        }
        const transaction = pair.client.request(request(method), pair.hop, { ...pair.user, onResponse })
        await pair.clock.advance(20)
        answer(pair.taken[0] as ServerTransaction, status)
        await pair.clock.advance(20)
        // Of a call that rings, its user takes care.
        if (method === 'INVITE' && status === 180) transaction.cancel()
        if (status === 180) answer(pair.taken[0] as ServerTransaction, 487)
        await untilQuiet(pair)
      }),
    )
  }
}

test(
  'a CANCEL that waits for a first answer goes out even when nobody can make anything of that answer',
  deadline(10_000, async () => {
    const pair = makePair()
    const onResponse = (): never => {
      throw new SipParseError('an unusable response')
    }
    const transaction = pair.client.request(request('INVITE'), pair.hop, { ...pair.user, onResponse })
    transaction.cancel()
    await pair.clock.advance(20)
    answer(pair.taken[0] as ServerTransaction, 180)
    await pair.clock.advance(20)
    assert.is(pair.count('client', 'CANCEL'), 1)
    answer(pair.taken[0] as ServerTransaction, 487)
    await untilQuiet(pair)
  }),
)

test.run()

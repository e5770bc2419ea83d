import { RANGE_COUNT, rangeOf } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { callKey, historyKey, makeCallUuid, openedKey, rangeOfCall, stoppedKey } from '../../src/adapters/call-keys.ts'

const test = suite('nodes: keys of calls')

test('a call id tells the range of the account that pays', () => {
  const random = new SimRandom(1)
  for (const aor of ['alice@example.com', 'bob@example.com', 'carol@example.org']) {
    const callUuid = makeCallUuid(aor, random)
    assert.match(callUuid, /^[0-9a-f]{3}-[0-9a-f]{24}$/)
    assert.is(rangeOfCall(callUuid), rangeOf(aor))
    for (const key of [callKey, openedKey, stoppedKey]) assert.is(key(callUuid).range, rangeOf(aor))
  }
  assert.is.not(makeCallUuid('alice@example.com', random), makeCallUuid('alice@example.com', random))
})

test('what comes back from outside may be no call id', () => {
  for (const text of ['', 'abc', 'abc-0123', 'ABC-0123456789abcdef01234567', 'abc-0123456789abcdef01234567x']) {
    assert.is(rangeOfCall(text), undefined, text)
    assert.throws(() => callKey(text), RangeError)
  }
  assert.is(rangeOfCall('fff-0123456789abcdef01234567'), RANGE_COUNT - 1)
})

test('the opened half sorts before the stopped one, pointers stand in the range of their account', () => {
  const callUuid = 'abc-0123456789abcdef01234567'
  assert.ok(openedKey(callUuid).name < stoppedKey(callUuid).name)
  assert.equal(historyKey('received', 'bob@example.com', callUuid), {
    range: rangeOf('bob@example.com'),
    name: `received/bob@example.com/${callUuid}`,
  })
})

test.run()

import { SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Answers } from '../../src/transaction/answers.ts'

const test = suite('sip: answers that are kept')

const make = (max?: number) => {
  const clock = new SimClock()
  return { clock, answers: new Answers({ clock }, { lifetimeMs: 32_000, ...(max !== undefined && { max }) }) }
}
const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString()

test('each is found as it was kept, whatever lies around it', () => {
  const { answers } = make()
  const long = 'x'.repeat(60_000)
  for (let n = 0; n < 100; n++) answers.keep(`k${n}`, Buffer.from(n % 10 === 0 ? `${long}${n}` : `answer ${n}`))
  for (let n = 0; n < 100; n++) assert.is(text(answers.find(`k${n}`)), n % 10 === 0 ? `${long}${n}` : `answer ${n}`)
  assert.is(answers.find('k100'), undefined)
  assert.is(answers.size, 100)
})

test('for its time, and then it is gone without anybody asking', async () => {
  const { clock, answers } = make()
  answers.keep('early', Buffer.from('1'))
  await clock.advance(7_900)
  answers.keep('late', Buffer.from('2'))
  await clock.advance(32_000)
  assert.is(text(answers.find('late')), '2')
  await clock.advance(8_000)
  assert.is(answers.find('early'), undefined)
  assert.is(answers.find('late'), undefined)
  assert.is(answers.size, 0)
  assert.is(clock.armed, 0)
})

test('when there are too many, the oldest go and the newest stay', async () => {
  const { clock, answers } = make(10)
  for (let n = 0; n < 30; n++) {
    answers.keep(`k${n}`, Buffer.from(`${n}`))
    await clock.advance(1_000)
    assert.is(text(answers.find(`k${n}`)), `${n}`)
    assert.ok(answers.size <= 10)
  }
  assert.is(answers.find('k0'), undefined)
  answers.clear()
  assert.is(answers.size, 0)
  assert.is(clock.armed, 0)
})

test('one that fits nowhere is not kept', () => {
  const { answers } = make()
  answers.keep('large', Buffer.alloc(300_000))
  assert.is(answers.find('large'), undefined)
})

test.run()

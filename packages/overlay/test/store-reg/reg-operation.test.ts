import { errorCode } from '@thor-node/core'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { regLimits } from '../../src/store/reg-limits.ts'
import { applyIntent, applyOperation, issuedIn, settleIntent } from '../../src/store/reg-operation.ts'
import { decodeValue, encodeValue, type RegValue, versioned } from '../../src/store/reg-value.ts'

const test = suite('overlay: operations on a register')

const NOW = Date.UTC(2026, 10, 5, 12)
const op = (opId: string, issuedAt = NOW, step = false) => ({ opId, issuedAt, step })
const add = (item: string) => (current: { body: string[] } | undefined) => {
  const body = [...(current?.body ?? []), item]
  return { body, result: `${item} ${body.length}` }
}

function changed(value: RegValue | undefined, opId: string, now: number, issuedAt = now, step = false): RegValue {
  const applied = applyOperation(value, op(opId, issuedAt, step), add(opId), now)
  assert.is(applied.type, 'changed', opId)
  return (applied as { value: RegValue }).value
}

const refusal = (value: RegValue | undefined, opId: string, now: number, issuedAt: number, step = false) => {
  const applied = applyOperation(value, op(opId, issuedAt, step), add(opId), now)
  return applied.type === 'threw' ? errorCode(applied.error) : applied.type
}

test('a value comes back from its bytes as it was', () => {
  const placed = applyIntent(
    changed(changed(undefined, 'a', NOW), 'b', NOW + 1, NOW, true),
    op('t'),
    { tx: { range: 5, name: 'tx/a/0' }, seq: 7 },
    add('t'),
    NOW + 2,
  )
  for (const value of [placed.value, settleIntent(placed.value, true), settleIntent(placed.value, false)]) {
    const again = decodeValue(encodeValue(value))
    assert.equal(plain(again), plain(value))
  }
  assert.equal(versioned(settleIntent(placed.value, true))?.body, ['a', 'b', 't'])
  assert.equal(versioned(settleIntent(placed.value, false))?.body, ['a', 'b'])
})

test('values written before there were intents are read', () => {
  const bytes = new Packr({ useRecords: false }).pack([3, Buffer.from([0xa1, 0x78]), [['op1', NOW, { done: true }]]])
  const value = decodeValue(bytes)
  assert.is(versioned(value)?.body, 'x')
  assert.is(value.rev, 3)
  const known = applyOperation(value, op('op1'), () => ({ body: 1, result: 0 }), NOW)
  assert.equal(known, { type: 'unchanged', result: { done: true }, replayed: true })
})

test('an operation is too old after 12 hours, a step of a call after 10 minutes', () => {
  const [hours12, minutes10] = [regLimits.operationAgeMaxMs, regLimits.stepAgeMaxMs]
  assert.is(refusal(undefined, 'a', NOW, NOW - hours12 + 1), 'changed')
  assert.is(refusal(undefined, 'a', NOW, NOW - hours12), 'STORE_TOO_OLD')
  assert.is(refusal(undefined, 'a', NOW, NOW - minutes10 + 1, true), 'changed')
  assert.is(refusal(undefined, 'a', NOW, NOW - minutes10, true), 'STORE_TOO_OLD')
  assert.is(refusal(undefined, 'a', NOW, NOW + regLimits.operationAheadMaxMs + 1), 'STORE_BAD_REQUEST')
})

test('results are kept 24 hours, those of steps 15 minutes; then what was issued before is too old', () => {
  let value = changed(changed(undefined, 'change', NOW), 'step', NOW, NOW, true)
  value = changed(value, 'later', NOW + regLimits.stepKeepMs - 1)
  assert.is(value.recent.list().length, 3)
  value = changed(value, 'later2', NOW + regLimits.stepKeepMs)
  assert.equal(
    value.recent.list().map(({ opId }) => opId),
    ['change', 'later', 'later2'],
  )
  assert.equal(value.forgotten, { others: 0, steps: NOW })
  // Whatever a clock says: by this one it would be young.
  assert.is(refusal(value, 'step', NOW, NOW, true), 'STORE_TOO_OLD')
  assert.is(refusal(value, 'another', NOW, NOW), 'changed', 'a forgotten step says nothing of others')
  value = changed(value, 'next day', NOW + regLimits.operationKeepMs)
  assert.is(value.forgotten.others, NOW)
  assert.is(refusal(value, 'change', NOW, NOW), 'STORE_TOO_OLD')
})

test('of too many, those issued first are forgotten', () => {
  let value: RegValue | undefined
  for (let i = 0; i <= regLimits.recentMax; i++)
    value = changed(value, `op${i}`, NOW + i * 60_000, NOW + i * 60_000 + (i === 3 ? -9e6 : 0))
  assert.is(value?.recent.list().length, regLimits.recentMax)
  assert.not.ok(value?.recent.find('op3'))
  assert.is(value?.forgotten.others, NOW + 3 * 60_000 - 9e6)
  const big = applyOperation(
    value,
    op('big', NOW + 9e6),
    () => ({ body: 1, result: 'x'.repeat(regLimits.recentBytesMax) }),
    NOW + 9e6,
  )
  assert.is(big.type === 'changed' && big.value.recent.list().length, 1, 'results have a limit in bytes too')
})

test('a register that changes too often refuses rather than forgets what may be repeated', () => {
  let value: RegValue | undefined
  for (let i = 0; i < regLimits.recentRepeatMax; i++) value = changed(value, `op${i}`, NOW)
  assert.is(refusal(value, 'one more', NOW, NOW), 'STORE_UNAVAILABLE')
  assert.is(refusal(value, 'op0', NOW, NOW), 'unchanged')
  const later = changed(value, 'one more', NOW + 1 + regLimits.recentRepeatMs)
  assert.is(later.recent.list().length, regLimits.recentMax)
})

test('what a caller issues now is never too old, whatever the clocks', () => {
  const value: RegValue = { ...changed(undefined, 'a', NOW), forgotten: { others: NOW + 5_000, steps: 0 } }
  const issued = issuedIn(value, { ...op('b', NOW - 9e9), fresh: true }, NOW)
  assert.is(issued.issuedAt, NOW + 5_001)
  assert.is(refusal(value, 'b', NOW, issued.issuedAt), 'changed')
  assert.is(issuedIn(value, { ...op('b', NOW - 9e9), fresh: false }, NOW).issuedAt, NOW - 9e9)
})

test('no history of repetitions applies an operation twice', () => {
  const event = fc.record({
    kind: fc.constantFrom('new', 'new', 'new', 'again', 'again', 'wait', 'transact'),
    /** Which of the earlier operations; counted from the latest. */
    back: fc.nat(400),
    /** How far the issuer's clock is off. */
    skewMs: fc.oneof(fc.constant(0), fc.integer({ min: -1_000, max: 1_000 }), fc.integer({ min: -9e6, max: 9e6 })),
    /** How far the median clock is off: two of three may be wrong. */
    medianMs: fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: -9e7, max: 9e7 })),
    waitMs: fc.oneof(fc.nat(20_000), fc.nat(3_600_000), fc.nat(30 * 3_600_000)),
    step: fc.boolean(),
    burst: fc.oneof(fc.constant(1), fc.constant(1), fc.nat(150)),
  })
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      let value: RegValue | undefined
      let time = NOW
      const operations: { opId: string; issuedAt: number; step: boolean; answer?: string }[] = []
      const run = (operation: (typeof operations)[number], now: number, inTransaction: boolean): void => {
        let applied: { type: string; result?: string; value?: RegValue; error?: unknown }
        if (inTransaction && !value?.recent.find(operation.opId)) {
          try {
            const placed = applyIntent(
              value,
              operation,
              { tx: { range: 0, name: 'tx/a/0' }, seq: 1 },
              add(operation.opId),
              now,
            )
            applied = { type: 'changed', result: placed.result as string, value: settleIntent(placed.value, true) }
          } catch (error) {
            applied = { type: 'threw', error }
          }
        } else applied = applyOperation(value, operation, add(operation.opId), now) as typeof applied
        if (applied.type === 'threw') {
          assert.ok(
            ['STORE_TOO_OLD', 'STORE_BAD_REQUEST', 'STORE_UNAVAILABLE'].includes(errorCode(applied.error) ?? ''),
          )
          return
        }
        if (operation.answer !== undefined) assert.is(applied.result, operation.answer)
        operation.answer = applied.result as string
        if (applied.value) value = applied.value
      }
      for (const { kind, back, skewMs, medianMs, waitMs, step, burst } of events) {
        if (kind === 'wait') time += waitMs
        const now = time + medianMs
        if (kind === 'new' || kind === 'transact') {
          for (let i = 0; i < burst; i++) {
            const operation = { opId: `op${operations.length}`, issuedAt: time + skewMs, step }
            operations.push(operation)
            run(operation, now, kind === 'transact')
            time += 1
          }
        }
        const earlier = operations[operations.length - 1 - back]
        if (kind === 'again' && earlier) run(earlier, now, false)
      }
      for (const operation of operations.toReversed()) run(operation, time, operation.step)
      const items = versioned<string[]>(value)?.body ?? []
      assert.is(new Set(items).size, items.length, 'applied twice')
      for (const { opId, answer } of operations) if (answer !== undefined) assert.ok(items.includes(opId))
      assert.ok((value?.recent.list().length ?? 0) <= regLimits.recentRepeatMax)
    }),
    { numRuns: 150 },
  )
})

/** Without what comparing would trip over: views of bytes. */
function plain(value: RegValue): unknown {
  return JSON.parse(
    JSON.stringify({ ...value, recent: value.recent.list() }, (_, part) =>
      part?.type === 'Buffer' ? Buffer.from(part.data).toString('hex') : part,
    ),
  )
}

test.run()

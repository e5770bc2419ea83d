import assert from 'node:assert/strict'
import { errorCode } from '@thor-node/core'
import { suite } from 'uvu'
import {
  type CallClosed,
  type CallFilter,
  type CallOpened,
  composeCall,
  composeCalls,
  type EndCause,
  mergeClosed,
  readClosed,
  readOpened,
  selectCalls,
} from '../src/index.ts'

const test = suite('accounting call record')

const START = Date.UTC(2026, 10, 5, 12)

const opened = (changes: Partial<CallOpened> = {}): CallOpened => ({
  callUuid: '0a1-1',
  leg: 'a',
  callId: 'call-1',
  fromTag: 'f',
  toTag: 't',
  billedTo: 'alice@example.com',
  caller: 'alice@example.com',
  callee: 'bob@example.com',
  requestUri: 'sip:bob@example.com',
  startedAt: START,
  callerUserAgent: 'A/1',
  calleeUserAgent: 'B/1',
  codecs: ['opus', 'PCMU'],
  node: 'n1',
  ...changes,
})

const closed = (changes: Partial<CallClosed> = {}): CallClosed => ({
  callUuid: '0a1-1',
  leg: 'a',
  stoppedAt: START + 10_000,
  cause: 'bye-caller',
  callerBytes: 100,
  calleeBytes: 200,
  callerPackets: 1,
  calleePackets: 2,
  codecs: ['PCMU'],
  ...changes,
})

test('a call that goes on has no end', () => {
  assert.deepEqual(composeCall(opened()), {
    ...opened(),
    callerBytes: 0,
    calleeBytes: 0,
    callerPackets: 0,
    calleePackets: 0,
  })
})

test('a finished call has duration, cause, figures and the codecs that were heard', () => {
  assert.deepEqual(composeCall(opened(), [closed()]), {
    ...opened(),
    codecs: ['PCMU'],
    stoppedAt: START + 10_000,
    durationSeconds: 10,
    cause: 'bye-caller',
    callerBytes: 100,
    calleeBytes: 200,
    callerPackets: 1,
    calleePackets: 2,
  })
  assert.deepEqual(composeCall(opened(), [closed({ codecs: [] })]).codecs, ['opus', 'PCMU'])
})

test('durations are whole seconds, rounded to the nearest, never negative', () => {
  for (const [ms, seconds] of [
    [0, 0],
    [499, 0],
    [500, 1],
    [1_499, 1],
    [1_500, 2],
    [-700, 0],
  ] as const) {
    assert.equal(composeCall(opened(), [closed({ stoppedAt: START + ms })]).durationSeconds, seconds, `${ms} ms`)
  }
})

test('of several ends signalling beats media time-out beats a sweep, then the earlier wins', () => {
  const end = (cause: EndCause, seconds: number): CallClosed => closed({ cause, stoppedAt: START + seconds * 1000 })
  const cases: [closes: CallClosed[], cause: EndCause, seconds: number][] = [
    [[end('lost', 5), end('media-timeout', 9), end('bye-callee', 12)], 'bye-callee', 12],
    [[end('lost', 5), end('media-timeout', 9)], 'media-timeout', 9],
    [[end('bye-caller', 12), end('bye-callee', 11)], 'bye-callee', 11],
    [[end('admin', 8), end('max-duration', 9)], 'admin', 8],
    [[end('lost', 5), end('lost', 4)], 'lost', 4],
  ]
  for (const [closes, cause, seconds] of cases) {
    for (const order of [closes, closes.toReversed()]) {
      const record = composeCall(opened(), order)
      assert.equal(record.cause, cause)
      assert.equal(record.durationSeconds, seconds)
    }
  }
})

test('merging keeps the highest counters, whoever counted them', () => {
  const merged = mergeClosed([
    closed({ cause: 'bye-caller', callerBytes: 0, calleeBytes: 0, callerPackets: 0, calleePackets: 0, codecs: [] }),
    closed({ cause: 'lost', callerBytes: 7, calleePackets: 9, codecs: ['opus'] }),
  ])
  assert.deepEqual(merged, closed({ callerBytes: 7, calleePackets: 9, callerPackets: 1, codecs: ['opus'] }))
  assert.equal(mergeClosed([]), undefined)
})

test('records come out one per call, whatever was stored twice', () => {
  const records = composeCalls(
    [opened({ startedAt: START + 5 }), opened(), opened({ callUuid: '0a1-2' })],
    [closed(), closed({ cause: 'lost' }), closed({ callUuid: 'unknown' })],
  )
  assert.deepEqual(
    records.map(({ callUuid, startedAt, cause }) => [callUuid, startedAt, cause]),
    [
      ['0a1-1', START, 'bye-caller'],
      ['0a1-2', START, undefined],
    ],
  )
})

test('calls are selected by account, direction, time and state, latest first', () => {
  const records = [
    composeCall(opened({ callUuid: 'b' }), [closed()]),
    composeCall(opened({ callUuid: 'a' }), [closed()]),
    composeCall(
      opened({
        callUuid: 'c',
        caller: 'bob@example.com',
        callee: 'alice@example.com',
        billedTo: 'bob@example.com',
        startedAt: START + 1,
      }),
    ),
    composeCall(
      opened({
        callUuid: 'd',
        caller: 'x@example.org',
        callee: '+31',
        billedTo: 'alice@example.com',
        startedAt: START + 2,
      }),
    ),
  ]
  const cases: [filter: CallFilter, expected: string][] = [
    [{}, 'dcab'],
    [{ account: 'alice@example.com' }, 'dcab'],
    [{ account: 'alice@example.com', direction: 'placed' }, 'dab'],
    [{ account: 'alice@example.com', direction: 'received' }, 'c'],
    [{ account: 'bob@example.com', direction: 'placed' }, 'c'],
    [{ account: 'nobody@example.com' }, ''],
    [{ from: START + 1 }, 'dc'],
    [{ to: START + 1 }, 'ab'],
    [{ from: START + 1, to: START + 2 }, 'c'],
    [{ ongoing: true }, 'dc'],
    [{ ongoing: false }, 'ab'],
    [{ limit: 2 }, 'dc'],
    [{ limit: 0 }, ''],
  ]
  for (const [filter, expected] of cases) {
    assert.equal(
      selectCalls(records, filter)
        .map((record) => record.callUuid)
        .join(''),
      expected,
      JSON.stringify(filter),
    )
  }
})

test('what storage gives is checked field by field', () => {
  assert.deepEqual(readOpened(opened()), opened())
  assert.deepEqual(readClosed(closed()), closed())
  const broken = (error: unknown): boolean => errorCode(error) === 'ACCOUNTING_RECORD_BROKEN'
  for (const body of [undefined, null, 7, 'text', []]) {
    assert.throws(() => readOpened(body), broken)
    assert.throws(() => readClosed(body), broken)
  }
  for (const name of Object.keys(opened()))
    assert.throws(() => readOpened({ ...opened(), [name]: undefined }), broken, name)
  for (const name of Object.keys(closed())) assert.throws(() => readClosed({ ...closed(), [name]: {} }), broken, name)
  assert.throws(() => readClosed({ ...closed(), cause: 'toString' }), broken)
  const led = { tree: 'e164.arpa', number: '+31208005100' }
  assert.deepEqual(composeCall(readOpened(opened({ enum: led })), [closed()]).enum, led)
  for (const one of ['e164.arpa', null, { tree: 'e164.arpa' }, { ...led, number: 31 }])
    assert.throws(() => readOpened({ ...opened(), enum: one }), broken)
  assert.throws(() => readClosed({ ...closed(), callerBytes: -1 }), broken)
  assert.throws(() => readOpened({ ...opened(), startedAt: Number.NaN }), broken)
})

test.run()

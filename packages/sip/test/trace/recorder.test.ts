/** SIP-18: whose a message is, what is kept of it, and how much. */
import { SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { traceLimits } from '../../src/limits.ts'
import { noPlan } from '../../src/numbers/dial-plan.ts'
import { TraceRecorder } from '../../src/trace/recorder.ts'

const test = suite('sip: trace')

const PATH = {
  transport: 'udp',
  local: { host: '192.0.2.1', port: 5060 },
  remote: { host: '192.0.2.7', port: 5070 },
} as const
const ALICE = 'alice@example.com'
const PLAN = { ...noPlan, country: '31', national: '0', international: '00' }

function message(from: string, to: string, callId: string, more = '', uri = to): Buffer {
  const lines = [`INVITE ${uri} SIP/2.0`, `From: "x" <${from}>;tag=1`, `t: <${to}>`, `Call-ID: ${callId}`, more]
  return Buffer.from(`${lines.filter(Boolean).join('\r\n')}\r\n\r\n`)
}

function scene() {
  const clock = new SimClock()
  const told: string[] = []
  const recorder = new TraceRecorder({
    clock,
    planOf: () => PLAN,
    onCall: (account, callId) => told.push(`${account} ${callId}`),
  })
  recorder.watch([
    { account: ALICE, names: [ALICE, '+31201234567@example.com'], until: clock.wall() + 60_000 },
    { account: 'bob@example.com', names: ['bob@example.com'], until: clock.wall() + 60_000 },
  ])
  const calls = (account = ALICE): string[] => recorder.read(account).messages.map(({ callId }) => callId)
  return { clock, told, recorder, calls }
}

test('a message is an account’s by From, To or Request-URI, a number however it is dialled, or its Call-ID', () => {
  const { recorder, calls, told } = scene()
  const parties: [from: string, to: string, callId: string, uri?: string][] = [
    ['sip:alice@EXAMPLE.com', 'sip:x@y.example', 'a'],
    ['sip:x@y.example', 'sip:0201234567@example.com', 'b'],
    ['sip:x@y.example', 'tel:020-1234567', 'c'],
    ['sip:x@y.example', 'sip:z@y.example', 'd', 'sip:alice@example.com'],
    ['sip:alicia@example.com', 'sip:alice@example.org', 'none'],
    ['sip:x@y.example', 'sip:z@y.example', 'a'],
    ['sip:alice@example.com', 'sip:bob@example.com', 'both'],
  ]
  for (const [from, to, callId, uri] of parties) recorder.saw('in', message(from, to, callId, '', uri), PATH)
  assert.equal(calls(), ['a', 'b', 'c', 'd', 'a', 'both'])
  assert.equal(calls('bob@example.com'), ['both'])
  assert.equal(told, [`${ALICE} a`, `${ALICE} b`, `${ALICE} c`, `${ALICE} d`, 'bob@example.com both', `${ALICE} both`])
  recorder.learn(ALICE, 'of-another-node')
  recorder.saw('out', message('sip:x@y', 'sip:z@y', 'of-another-node'), PATH)
  assert.is(calls().at(-1), 'of-another-node')
  for (const broken of ['', 'nonsense', 'INVITE x SIP/2.0\r\nCall-ID: q\r\nFrom: <sip:@@>\r\n\r\n']) {
    recorder.saw('in', Buffer.from(broken), PATH)
  }
})

test('what is kept: the path, the time in order, the text without what could be guessed at', () => {
  const { recorder } = scene()
  const digest = 'Proxy-Authorization: Digest username="alice", response="0123456789abcdef", uri="x"'
  recorder.saw('out', message('sip:alice@example.com', 'sip:x@y', 'a', digest), PATH)
  const [kept] = recorder.read(ALICE).messages
  assert.equal(
    [kept?.local, kept?.remote, kept?.transport, kept?.direction],
    ['192.0.2.1:5060', '192.0.2.7:5070', 'udp', 'out'],
  )
  assert.match(kept?.text ?? '', 'response="xxxxxxxxxxxxxxxx", uri="x"')
  recorder.saw('in', message('sip:alice@example.com', 'sip:x@y', 'b'), PATH)
  const [first, second] = recorder.read(ALICE).messages
  assert.ok(first && second && second.at >= first.at && second.seq > first.seq)
  assert.equal(
    recorder.read(ALICE, first?.seq).messages.map(({ callId }) => callId),
    ['b'],
  )
  assert.equal(
    recorder.ofCall('b').map(({ seq }) => seq),
    [second?.seq],
  )
})

test('so many messages and bytes, so many Call-IDs, and not after its time', async () => {
  const { clock, recorder } = scene()
  const one = message('sip:alice@example.com', 'sip:x@y', 'a')
  for (let i = 0; i < traceLimits.messagesMax + 10; i++) recorder.saw('in', one, PATH)
  assert.is(recorder.read(ALICE).dropped, 10)
  assert.is(recorder.read(ALICE).messages.length, traceLimits.readMax)
  const large = message('sip:alice@example.com', 'sip:x@y', 'a', `X: ${'x'.repeat(2 * traceLimits.messageBytesMax)}`)
  for (let i = 0; i < traceLimits.bytesMax / traceLimits.messageBytesMax + 5; i++) recorder.saw('in', large, PATH)
  let after = 0
  let bytes = 0
  for (;;) {
    const { messages } = recorder.read(ALICE, after)
    if (messages.length === 0) break
    for (const { text } of messages) bytes += text.length
    after = messages.at(-1)?.seq as number
  }
  assert.ok(bytes <= traceLimits.bytesMax && bytes > traceLimits.bytesMax / 2)
  for (let i = 0; i <= traceLimits.callsMax; i++) recorder.learn(ALICE, `call-${i}`)
  recorder.saw('in', message('sip:x@y', 'sip:z@y', 'call-0'), PATH)
  assert.is(recorder.ofCall('call-0').length, 0, 'the first one is forgotten')
  await clock.advance(60_000)
  recorder.saw('in', message('sip:alice@example.com', 'sip:x@y', 'late'), PATH)
  assert.is(recorder.ofCall('late').length, 0)
  recorder.watch([])
  assert.not(recorder.active)
  assert.is(recorder.read(ALICE).messages.length, 0)
})

test('no more accounts than may be', () => {
  const { recorder, clock } = scene()
  const many = Array.from({ length: traceLimits.tracesMax + 1 }, (_, index) => `u${index}@example.com`)
  recorder.watch(many.map((account) => ({ account, names: [account], until: clock.wall() + 1_000 })))
  for (const account of many) recorder.saw('in', message(`sip:${account}`, 'sip:x@y', account), PATH)
  assert.is(recorder.read(many.at(-2) as string).messages.length, 1)
  assert.is(recorder.read(many.at(-1) as string).messages.length, 0)
})

test.run()

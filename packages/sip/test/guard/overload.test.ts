import { SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SourceBuckets } from '../../src/guard/buckets.ts'
import { Overload, type OverloadSettings } from '../../src/guard/overload.ts'
import { peek, refusal } from '../../src/guard/peek.ts'
import { guardLimits } from '../../src/limits.ts'
import { parseMessage, validateMessage } from '../../src/message/index.ts'
import { Stopwatch } from '../../src/transport/stopwatch.ts'

const test = suite('sip: overload')

const HOST = '192.0.2.7'
let branches = 0

function request(method: string, change: { to?: string; more?: string[]; branch?: string } = {}): Buffer {
  const { to = '<sip:bob@example.com>', more = [], branch = `z9hG4bK${++branches}` } = change
  const lines = [
    `${method} sip:bob@example.com SIP/2.0`,
    `Via: SIP/2.0/UDP 192.0.2.7;branch=${branch}`,
    'Via: SIP/2.0/UDP 10.0.0.1',
    ' ;branch=z9hG4bKfolded',
    'Max-Forwards: 70',
    'From: <sip:alice@example.com>;tag=1',
    `To: ${to}`,
    'Call-ID: c',
    `CSeq: 1 ${method}`,
    ...more,
    'Content-Length: 0',
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
}

const spread = (i: number): string => `10.0.${i >> 8}.${i & 255}`

function scene(settings: Partial<OverloadSettings> = {}) {
  const clock = new SimClock()
  const overload = new Overload(
    { clock, random: new SimRandom(1), isTrusted: (host) => host === '198.51.100.1' },
    { settings: { targetMs: 50, perSource: 0, ...settings } },
  )
  /** How many of so many pass, spread evenly over an interval. */
  const pass = async (amount: number, host: string | ((i: number) => string) = spread, method = 'INVITE') => {
    let passed = 0
    for (let i = 0; i < amount; i++) {
      await clock.advance(100 / amount)
      const bytes = request(method)
      const verdict = overload.judge(bytes, typeof host === 'string' ? host : host(i))
      if (verdict !== 'pass') continue
      overload.passed(parseMessage(bytes))
      passed++
    }
    return passed
  }
  const interval = (ageMs: number): void => {
    overload.measured(ageMs)
    overload.turn()
  }
  /** Late for the third time in a row, with so many taken on in the last interval. */
  const begin = async (amount: number, host?: string | ((i: number) => string)): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      await pass(amount, host)
      interval(60)
    }
  }
  return { clock, overload, pass, interval, begin }
}

test('SIP-20: urgent calls pass while others are shed, so many and no more', async () => {
  const clock = new SimClock()
  const isUrgent = (bytes: Buffer): boolean => bytes.includes('urgent')
  const overload = new Overload(
    { clock, random: new SimRandom(1), isUrgent },
    { settings: { targetMs: 50, perSource: 0 } },
  )
  for (let turn = 0; turn < 3; turn++) {
    overload.measured(60)
    await clock.advance(100)
    overload.turn()
  }
  assert.ok(overload.shedding)
  const count = (more: string[]): number =>
    Array.from({ length: 200 }).filter(() => overload.judge(request('INVITE', { more }), HOST) === 'pass').length
  const others = count([])
  assert.ok(others < guardLimits.urgentMax, 'they are shed')
  assert.is(count(['X: urgent']), guardLimits.urgentMax)
  assert.is(count(['X: urgent']), 0, 'a flood of lies')
  overload.turn()
  assert.ok(count(['X: urgent']) >= guardLimits.urgentMax, 'in the next interval again')
})

test('a message is told by its bytes', () => {
  const table: [Buffer, string][] = [
    [request('INVITE'), 'first'],
    [request('REGISTER'), 'first'],
    [request('INVITE', { more: ['Proxy-Authorization: Digest x'] }), 'proven'],
    [request('REGISTER', { more: ['authorization : Digest x'] }), 'proven'],
    [request('OPTIONS'), 'probe'],
    [request('INVITE', { to: '<sip:bob@example.com>;tag=2' }), 'kept'],
    [request('NOTIFY', { to: '<sip:bob@example.com> ; TAG = 2' }), 'kept'],
    [request('ACK'), 'kept'],
    [request('CANCEL'), 'kept'],
    [request('BYE'), 'kept'],
    [Buffer.from('SIP/2.0 200 OK\r\nTo: <sip:x@y>\r\n\r\n'), 'kept'],
    [Buffer.from('t: <sip:x@y>'), 'kept'],
    [Buffer.from('INVITE sip:x SIP/2.0\r\nt: <sip:x@y>\r\nv: SIP/2.0/UDP h;branch=z9hG4bKa\r\n\r\n'), 'first'],
    [Buffer.alloc(0), 'kept'],
    [Buffer.alloc(5_000, 255), 'kept'],
  ]
  for (const [bytes, expected] of table) assert.is(peek(bytes).class, expected, bytes.toString().slice(0, 60))
  assert.is(peek(request('INVITE', { branch: 'z9hG4bKx' })).branch, 'z9hG4bKx')
})

test('a refusal without parsing is a response to that request', () => {
  const bytes = request('INVITE')
  const answer = refusal(bytes, 'abc', 5)
  assert.ok(answer)
  const [asked, response] = [parseMessage(bytes), parseMessage(answer as Buffer)]
  validateMessage(response)
  if (response.kind !== 'response') throw new Error('a response')
  assert.is(response.status, 503)
  assert.equal(response.vias, asked.vias)
  assert.is(response.to.params.get('tag'), 'abc')
  for (const name of ['From', 'Call-ID', 'CSeq']) assert.is(response.headers.get(name), asked.headers.get(name))
  assert.is(response.headers.get('Retry-After'), '5')
  assert.is(refusal(Buffer.from('INVITE sip:x SIP/2.0\r\nTo: x\r\n'), 'abc', 5), undefined)
})

/** Within a tenth: ticks and tokens are no whole numbers. */
function about(value: number, expected: number): void {
  assert.ok(Math.abs(value - expected) <= expected / 10 + 1, `${value} is not about ${expected}`)
}

test('nothing is shed while requests are young, nor for a burst within an interval', async () => {
  const { pass, interval, overload } = scene()
  for (const age of [0, 10, 49, 50]) {
    assert.is(await pass(500), 500)
    interval(age)
  }
  overload.measured(400)
  overload.measured(5)
  overload.turn()
  assert.is(await pass(500), 500)
  assert.not.ok(overload.shedding)
})

test('a pause of the process sheds nothing, however long: it is over when it is seen', async () => {
  const { pass, interval, overload } = scene()
  for (let i = 0; i < 5; i++) {
    for (const age of [3_000, 500, 0]) interval(age)
    assert.is(await pass(500), 500)
  }
  assert.not.ok(overload.shedding)
})

test('when they are old, less is taken on, then more again, then all', async () => {
  const { pass, interval, overload, begin } = scene()
  await begin(1_000)
  assert.ok(overload.shedding)
  // Of first requests, what fills the last 30 % of the tokens for 50 ms is kept for others.
  about(await pass(2_000), 920 - 138)
  interval(250)
  about(await pass(2_000), 736)
  for (let i = 0; i < 10; i++) {
    await pass(500)
    interval(10)
  }
  const grown = await pass(5_000)
  assert.ok(grown > 3_500, `${grown}: ten steps of a quarter`)
  interval(10)
  for (let i = 0; i < 12; i++) {
    await pass(100)
    interval(10)
  }
  assert.not.ok(overload.shedding)
  assert.is(overload.sheddingSince, undefined)
  assert.is(await pass(3_000), 3_000)
})

test('a node that turns late counts what it took on for the time that it took', async () => {
  const { clock, pass, interval } = scene()
  for (let i = 0; i < 3; i++) {
    await pass(500)
    await clock.advance(400)
    interval(400)
  }
  about(await pass(1_000), 92 - 14)
})

test('however slow it is, a little is taken on', async () => {
  const { pass, interval } = scene()
  for (let i = 0; i < 50; i++) {
    await pass(50)
    interval(10_000)
  }
  about(await pass(100), 10)
})

test('what was done in time lately is not forgotten over a bad second', async () => {
  const { pass, interval } = scene()
  for (let i = 0; i < 5; i++) {
    await pass(400)
    interval(5)
  }
  for (let i = 0; i < 50; i++) {
    await pass(50)
    interval(500)
  }
  // A quarter of 400, less what half a hundred intervals made forget.
  const taken = await pass(500)
  assert.ok(taken > 50 && taken < 110, `${taken}`)
})

test('who has shown credentials goes ahead, a scan waits, and what runs is never shed', async () => {
  const { clock, overload, begin } = scene()
  await begin(1_000)
  // All at once: what is left of the tokens for 50 ms decides.
  await clock.advance(1_000)
  const burst = (method: string, more: string[] = []): number => {
    const verdicts = Array.from({ length: 1_000 }, (_, i) => overload.judge(request(method, { more }), spread(i)))
    return verdicts.filter((one) => one === 'pass').length
  }
  about(burst('OPTIONS'), 0.3 * 460)
  about(burst('INVITE'), 0.4 * 460)
  about(burst('INVITE', ['Authorization: Digest x']), 0.3 * 460)
  for (const method of ['ACK', 'BYE', 'CANCEL']) assert.is(burst(method), 1_000, method)
})

test('a retransmission of what was taken on passes, also much later', async () => {
  const { clock, overload, pass, interval } = scene()
  const taken = request('INVITE')
  assert.is(overload.judge(taken, HOST), 'pass')
  overload.passed(parseMessage(taken))
  await pass(100)
  for (let i = 0; i < 40; i++) interval(1_000)
  overload.judge(request('INVITE'), HOST)
  await clock.advance(9_000)
  assert.is(overload.judge(taken, HOST), 'pass')
  await clock.advance(9_000)
  overload.judge(request('INVITE'), HOST)
  await pass(2_000)
  assert.is.not(overload.judge(taken, HOST), 'pass', 'forgotten')
})

test('a flood from one source leaves room for the others; a trusted one is not counted by source', async () => {
  const { pass, interval, begin } = scene()
  const mixed = (i: number): string => (i % 2 === 0 ? `10.0.0.${i % 20}` : HOST)
  await begin(1_000, mixed)
  await pass(1_000, mixed)
  interval(60)
  // Eleven sources were seen: two elevenths of 846 are the most that one may have.
  about(await pass(2_000, HOST), (2 * 846) / 11)
  assert.is(await pass(100, mixed), 50, 'the others of this interval')
  interval(60)
  await pass(1_000, mixed)
  interval(60)
  assert.ok((await pass(2_000, '198.51.100.1')) > 400)
})

test('refusals are bounded too: what is beyond is dropped', async () => {
  const { overload, begin } = scene()
  await begin(100)
  let [refused, dropped] = [0, 0]
  for (let i = 0; i < 5_000; i++) {
    const verdict = overload.judge(request('INVITE'), spread(i))
    if (verdict === 'drop') dropped++
    else if (verdict !== 'pass') refused++
  }
  about(refused, 368)
  assert.ok(dropped > 4_500)
})

test('one source may send so many messages and no more, whatever the load', async () => {
  const { clock, overload } = scene({ perSource: 10 })
  const sent = (host: string): number =>
    Array.from({ length: 100 }, () => overload.judge(request('ACK'), host)).filter((one) => one === 'pass').length
  assert.is(sent(HOST), 20)
  await clock.advance(1_000)
  assert.is(sent(HOST), 10)
  assert.is(sent('192.0.2.8'), 20)
  assert.is(sent('198.51.100.1'), 100, 'trusted')
})

test('the table of sources forgets the one that was quiet longest', () => {
  const buckets = new SourceBuckets({ perSecond: 1, burstSeconds: 2, max: 2 })
  assert.equal([buckets.takes('a', 0), buckets.takes('a', 0), buckets.takes('a', 0)], [true, true, false])
  buckets.takes('b', 0)
  assert.ok(buckets.takes('a', 1_500))
  buckets.takes('c', 1_500)
  assert.is(buckets.size, 2)
  assert.not.ok(buckets.takes('a', 1_500), 'still known')
})

test('the stopwatch tells how late timers and its own datagrams are, one that is lost too', async () => {
  const clock = new SimClock()
  const ages: number[] = []
  const sent: Uint8Array[] = []
  let turns = 0
  const local = { host: '192.0.2.1', port: 5060 }
  const watch = new Stopwatch(
    {
      clock,
      random: new SimRandom(1),
      local: () => local,
      send: (bytes) => sent.push(bytes),
      measured: (age) => ages.push(age),
      turn: () => turns++,
    },
    { intervalMs: 100 },
  )
  watch.start()
  await clock.advance(25)
  assert.is(sent.length, 1)
  await clock.advance(5)
  const [probe] = sent as [Uint8Array]
  assert.not.ok(watch.takes(Buffer.from(probe), { host: '192.0.2.9', port: 5060 }), 'not from here')
  assert.not.ok(watch.takes(Buffer.from('INVITE'), local))
  assert.ok(watch.takes(Buffer.from(probe), local))
  assert.ok(watch.takes(Buffer.from(probe), local), 'again: nobody’s, and counts no more')
  assert.equal(ages, [5])
  await clock.advance(70)
  assert.is(turns, 1)
  assert.is(sent.length, 2)
  await clock.advance(3_000)
  assert.ok(Math.max(...ages) > 900, 'the lost one grows old')
  assert.ok(sent.length >= 4, 'and another is sent')
  watch.stop()
  const before = sent.length
  await clock.advance(1_000)
  assert.is(sent.length, before)
})

test.run()

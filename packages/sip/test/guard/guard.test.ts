import { silentLogger } from '@thor-node/core'
import { SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Guard, type GuardNews, type GuardSettings } from '../../src/guard/guard.ts'
import { sourceKey } from '../../src/guard/source.ts'
import { Strikes } from '../../src/guard/strikes.ts'

const test = suite('sip: guard')

const HOST = '192.0.2.7'
const ALICE = 'alice@example.com'

function scene(settings: Partial<GuardSettings> = {}, sizes: { sourcesMax?: number; blocksMax?: number } = {}) {
  const clock = new SimClock()
  const guard = new Guard(
    { clock, logger: silentLogger, isTrusted: (host) => host === '198.51.100.1' },
    { settings: { failures: 3, windowMs: 60_000, blockMs: 600_000, ...settings }, ...sizes },
  )
  const fail = (times: number, host = HOST): void => {
    for (let i = 0; i < times; i++) guard.failed(host, `user${i}@example.com`)
  }
  return { clock, guard, fail }
}

for (const [host, key] of [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:DB8:0:1:2:3:4:5', '2001:db8:0:1::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0001::', '2001:db8:1:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
] as const) {
  test(`${host} is counted as ${key}`, () => assert.is(sourceKey(host), key))
}

test('points drain away evenly, and the one that was quiet longest is forgotten when the table is full', () => {
  const strikes = new Strikes({ limit: 10, windowMs: 1_000, max: 2 })
  assert.not.ok(strikes.add('a', 9, 0))
  assert.is(strikes.scoreOf('a', 500), 4)
  assert.ok(strikes.add('a', 6, 500))
  strikes.add('b', 1, 500)
  strikes.add('a', 1, 500)
  strikes.add('c', 1, 500)
  assert.is(strikes.size, 2)
  assert.is(strikes.scoreOf('b', 500), 0)
  assert.is(strikes.scoreOf('a', 500), 11)
})

test('a source that fails too often is refused with the time that is left, then not answered', async () => {
  const { clock, guard, fail } = scene()
  fail(2)
  assert.is(guard.judge(HOST, 'phone'), 'pass')
  fail(1)
  assert.equal(guard.judge(HOST, 'phone'), { retryAfterSeconds: 600 })
  assert.ok(guard.hears(HOST))
  await clock.advance(10_000)
  assert.equal(guard.judge(HOST, 'phone'), { retryAfterSeconds: 590 })
  for (let i = 0; i < 20; i++) guard.judge(HOST, 'phone')
  assert.is(guard.judge(HOST, 'phone'), 'silent')
  assert.not.ok(guard.hears(HOST))
  assert.is(guard.judge('192.0.2.8', 'phone'), 'pass')
  await clock.advance(590_000)
  assert.ok(guard.hears(HOST))
  assert.is(guard.judge(HOST, 'phone'), 'pass')
})

test('slow failures block nobody, and each further block is twice as long', async () => {
  const { clock, guard, fail } = scene()
  for (let i = 0; i < 50; i++) {
    fail(1)
    await clock.advance(21_000)
  }
  assert.is(guard.judge(HOST, undefined), 'pass')
  for (const seconds of [600, 1_200, 2_400]) {
    fail(3)
    assert.equal(guard.judge(HOST, undefined), { retryAfterSeconds: seconds })
    await clock.advance(seconds * 1_000)
  }
  await clock.advance(25 * 3_600_000)
  fail(3)
  assert.equal(guard.judge(HOST, undefined), { retryAfterSeconds: 600 }, 'forgotten after a day')
})

test('a scanner is blocked by its name alone; the trusted never are', () => {
  const { guard, fail } = scene()
  assert.is(guard.judge(HOST, 'Friendly-Scanner'), 'silent')
  assert.not.ok(guard.hears(HOST))
  assert.is(guard.judge('198.51.100.1', 'friendly-scanner'), 'pass')
  fail(10, '198.51.100.1')
  assert.is(guard.judge('198.51.100.1', 'phone'), 'pass')
})

test('an account is blocked from wherever it is tried, whatever the case of its host', () => {
  const { guard } = scene()
  for (const host of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) guard.failed(host, ALICE)
  assert.is(guard.accountRetryAfter('alice@EXAMPLE.com'), 600)
  assert.is(guard.accountRetryAfter('bob@example.com'), undefined)
  assert.is(guard.judge('192.0.2.1', 'phone'), 'pass')
})

test('nodes count together, block together, and lift together, also when news are lost', async () => {
  const [one, two, three] = [scene(), scene(), scene()]
  const share = (from: Guard, to: Guard[], again = false): GuardNews | undefined => {
    const news = from.news(again)
    if (news) for (const guard of to) guard.take(structuredClone(news))
    return news
  }
  one.fail(2)
  share(one.guard, [two.guard, three.guard])
  assert.is(share(one.guard, []), undefined, 'told once')
  two.fail(1)
  assert.equal(two.guard.judge(HOST, 'x'), { retryAfterSeconds: 600 })
  share(two.guard, [])
  assert.is(one.guard.judge(HOST, 'x'), 'pass', 'lost')
  share(two.guard, [one.guard, three.guard], true)
  assert.equal(one.guard.judge(HOST, 'x'), { retryAfterSeconds: 600 })

  for (let i = 0; i < 25; i++) three.guard.judge(HOST, 'x')
  share(three.guard, [one.guard, two.guard])
  assert.not.ok(one.guard.hears(HOST), 'that it goes on and on is told too')

  assert.ok(one.guard.lift(HOST))
  assert.not.ok(one.guard.lift(HOST))
  share(one.guard, [two.guard, three.guard])
  share(two.guard, [one.guard, three.guard], true)
  for (const { guard } of [one, two, three]) assert.is(guard.judge(HOST, 'x'), 'pass')
})

test('a node whose clock is behind may lift the block of another', () => {
  const { guard } = scene()
  const block = { name: HOST, cause: 'operator' as const, at: 9e15, leftMs: 60_000, level: 0, silent: false }
  const news = { strikes: [], blocks: [block], lifted: [] }
  guard.take(news)
  assert.ok(guard.lift(HOST))
  guard.take(news)
  assert.is(guard.judge(HOST, 'x'), 'pass')
})

test('full tables: the oldest block gives way, and what does not fit into a message counts here only', () => {
  const { guard } = scene({ failures: 1 }, { blocksMax: 2 })
  for (const host of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) guard.block(host)
  assert.equal(
    guard.list().map(({ name }) => name),
    ['192.0.2.2', '192.0.2.3'],
  )
  const other = scene({ failures: 1_000_000 }).guard
  for (let i = 0; i < 3_000; i++) other.saw(`10.0.${i >> 8}.${i & 255}`, 'failure')
  assert.is(other.news()?.strikes.length, 2_000)
  assert.is(other.snapshot().untold, 1_000)
})

test.run()

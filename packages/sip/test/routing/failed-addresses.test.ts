import { SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FailedAddresses } from '../../src/routing/failed-addresses.ts'
import { FAILED_MAX, FAILED_MS } from '../../src/routing/limits.ts'

const test = suite('sip: addresses that failed')

const way = (host: string, transport: 'udp' | 'tcp' = 'udp') => ({ transport, remote: { host, port: 5060 } })
const [a, b, c] = [way('10.0.0.1'), way('10.0.0.2'), way('10.0.0.3')]

test('they come last for a while, in their order, and are forgotten when they answer or in time', async () => {
  const clock = new SimClock()
  const failed = new FailedAddresses({ clock })
  failed.failed(b)
  failed.failed(a)
  assert.equal(failed.sort([a, b, c]), [c, a, b])
  assert.equal(
    failed.sort([way('10.0.0.1', 'tcp'), c]),
    [way('10.0.0.1', 'tcp'), c],
    'another transport is another matter',
  )
  failed.answered(a)
  assert.equal(failed.sort([a, b, c]), [a, c, b])
  await clock.advance(FAILED_MS)
  assert.equal(failed.sort([a, b, c]), [a, b, c])
})

test('who asked to be left alone is, until its time is over, whatever else is heard of it', async () => {
  const clock = new SimClock()
  const failed = new FailedAddresses({ clock })
  failed.failed(a, 300_000)
  assert.is(failed.leftAloneMs(a), 300_000)
  assert.is(failed.leftAloneMs(b), 0)
  failed.answered(a)
  failed.failed(a)
  await clock.advance(200_000)
  assert.is(failed.leftAloneMs(a), 100_000)
  failed.failed(a, 1_000)
  assert.is(failed.leftAloneMs(a), 100_000, 'the longer time counts')
  failed.failed(a, 400_000)
  assert.is(failed.leftAloneMs(a), 400_000)
  await clock.advance(400_000)
  assert.is(failed.leftAloneMs(a), 0)
  assert.equal(failed.sort([a, b]), [a, b])
})

test('of too many the oldest is forgotten', () => {
  const failed = new FailedAddresses({ clock: new SimClock() })
  const ways = Array.from({ length: FAILED_MAX + 1 }, (_, i) => way(`10.1.${i >> 8}.${i & 255}`))
  for (const one of ways) failed.failed(one)
  assert.ok(failed.size <= FAILED_MAX && failed.size > FAILED_MAX * 0.98, `${failed.size}`)
  const newest = ways.at(-1) as typeof a
  assert.equal(failed.sort([newest, ways[0] as typeof a]), [ways[0], newest])
})

test.run()

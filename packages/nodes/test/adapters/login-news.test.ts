import { errorCode, silentLogger } from '@thor-node/core'
import { deadline, SimClock } from '@thor-node/core/testing'
import { Attempts } from '@thor-node/provision'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { LoginNews } from '../../src/adapters/login-news.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: failed logins of the ring')
const FROM = '192.0.2.7'

function scene() {
  const clock = new SimClock()
  const ring = new MemoryRing({ clock })
  const attempts = new Attempts({ clock })
  const service = new LoginNews({ ring, attempts, clock, logger: silentLogger })
  const told: unknown[] = []
  ring.rpc.notify = (to: string, method: string, news: unknown) => void told.push([to, method, news])
  const take = (news: unknown) => ring.served.get('login.news')?.(news, 'b')
  const isLocked = (name: string): boolean => {
    try {
      attempts.assertMayTry(name, FROM)
      return false
    } catch (error) {
      return errorCode(error) === 'PROVISION_LOCKED_OUT'
    }
  }
  return { clock, ring, attempts, service, told, take, isLocked }
}

test(
  'what failed here is told once to all that live',
  deadline(2_000, async () => {
    const { clock, ring, attempts, service, told } = scene()
    ring.nodes.set('b', {})
    ring.nodes.set('gone', { state: 'dead' })
    await service.start()
    await clock.advance(1_000)
    assert.equal(told, [])
    attempts.failed('admin', FROM)
    attempts.failed('admin', FROM)
    await clock.advance(1_000)
    const key = `admin\0${FROM}`
    assert.equal(told.splice(0), [
      [
        'b',
        'login.news',
        [
          [key, 2],
          [FROM, 2],
        ],
      ],
    ])
    attempts.succeeded('admin', FROM)
    await clock.advance(1_000)
    assert.equal(told.splice(0), [['b', 'login.news', [[key, 0]]]])
    await service.stop()
    attempts.failed('admin', FROM)
    await clock.advance(1_000)
    assert.equal(told, [])
  }),
)

test('failures at other nodes lock a name out from that address, for others not, until the minute is over', async () => {
  const { clock, attempts, take, isLocked } = scene()
  for (let n = 0; n < 5; n++) attempts.failed('admin', FROM)
  assert.is(isLocked('admin'), false)
  take([
    [`admin\0${FROM}`, 5],
    [FROM, 5],
  ])
  assert.is(isLocked('admin'), true)
  assert.is(isLocked('other'), false)
  // What was told is not told on.
  assert.equal(attempts.news(), [
    [`admin\0${FROM}`, 5],
    [FROM, 5],
  ])
  take([[`admin\0${FROM}`, 0]])
  assert.is(isLocked('admin'), false)
  take([[FROM, 50]])
  assert.is(isLocked('other'), true)
  await clock.advance(60_000)
  assert.is(isLocked('other'), false)
})

test('news that are not news change nothing', () => {
  const { take, isLocked } = scene()
  for (const news of [
    undefined,
    null,
    5,
    {},
    'x',
    [null],
    [[FROM]],
    [[FROM, -50]],
    [[FROM, 1e9]],
    [[7, 50]],
    [[FROM, '50']],
  ])
    take(news)
  assert.is(isLocked('admin'), false)
})

test('of many names at once a thousand are told', () => {
  const { attempts } = scene()
  for (let n = 0; n < 5_000; n++) attempts.failed(`user${n}`, FROM)
  assert.is(attempts.news()?.length, 1_000)
  assert.is(attempts.news(), undefined)
})

test.run()

import { silentLogger } from '@thor-node/core'
import { deadline, SimClock } from '@thor-node/core/testing'
import { Guard } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GoodSources } from '../../src/adapters/good-sources.ts'
import { GuardService } from '../../src/adapters/guard-service.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: guard of the ring')
const HOST = '192.0.2.7'

function scene() {
  const clock = new SimClock()
  const ring = new MemoryRing({ clock })
  const guard = new Guard({ clock, logger: silentLogger }, { settings: { failures: 2 } })
  const service = new GuardService({ ring, guard, clock, logger: silentLogger })
  return { clock, ring, guard, service }
}

test(
  'what happened is told to all that live, once; blocks again and again',
  deadline(2_000, async () => {
    const { clock, ring, guard, service } = scene()
    ring.nodes.set('b', {})
    ring.nodes.set('gone', { state: 'dead' })
    await service.start()
    const told = async (ms: number): Promise<number> => {
      const before = ring.calls.length
      await clock.advance(ms)
      return ring.calls.length - before
    }
    assert.is(await told(1_000), 0)
    guard.saw(HOST, 'failure')
    assert.is(await told(1_000), 1)
    guard.saw(HOST, 'failure')
    guard.saw(HOST, 'failure')
    assert.is(await told(200), 1)
    assert.ok((await told(20_000)) >= 3)
    assert.equal([...new Set(ring.calls)], ['b guard.news'])
    service.unblock(HOST)
    assert.throws(() => service.unblock(HOST), /is not blocked/)
    assert.is(await told(20_000), 0)
    await service.stop()
  }),
)

test('news that are not news change nothing, what is right in them counts', () => {
  const { ring, guard, service } = scene()
  const tell = (news: unknown) => ring.served.get('guard.news')?.(news, 'b')
  for (const news of [undefined, null, 5, {}, { strikes: 1, blocks: [], lifted: [] }]) tell(news)
  const block = { name: HOST, cause: 'failed-logins', at: 1, leftMs: 60_000, level: 0, silent: false }
  const bad = [
    { ...block, leftMs: Number.NaN },
    { ...block, cause: 'whim' },
    { ...block, name: 7 },
  ]
  tell({ strikes: [[1, 2], 'x', ['a', 'b']], blocks: bad, lifted: [[]] })
  assert.equal(service.list(), [])
  assert.equal(service.alarms(), [])
  tell({ strikes: [], blocks: [block], lifted: [] })
  assert.is(service.list()[0]?.secondsLeft, 60)
  assert.is(service.alarms()[0]?.kind, 'attack')
  guard.block('192.0.2.8')
  assert.not.match(service.alarms()[0]?.text ?? '', '192.0.2.8', 'an operator’s block is no alarm')
})

test('the usual sources of an account are few, and those of few accounts', () => {
  const sources = new GoodSources({ max: 2 })
  for (let i = 0; i < 10; i++) sources.add('alice@a', `192.0.2.${i}`)
  assert.ok(sources.has('alice@a', '192.0.2.9'))
  assert.ok(sources.has('alice@a', '192.0.2.2'))
  assert.not.ok(sources.has('alice@a', '192.0.2.1'))
  assert.not.ok(sources.has('bob@a', '192.0.2.9'))
  sources.add('bob@a', '192.0.2.9')
  sources.add('carol@a', '192.0.2.9')
  assert.is(sources.size, 2)
  assert.not.ok(sources.has('alice@a', '192.0.2.9'))
})

test.run()

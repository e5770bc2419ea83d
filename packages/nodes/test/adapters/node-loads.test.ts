import { silentLogger } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { answerQuestion, TYPE } from '@thor-node/dns'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { loopBusy, NodeLoads } from '../../src/adapters/node-loads.ts'
import { LiveMembers, LiveZones } from '../../src/dns/live-zone.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: load of each node')

function scene({ weight = 1, priority = 10 } = {}) {
  const clock = new SimClock()
  const ring = new MemoryRing({ clock })
  const told: unknown[] = []
  ring.rpc.notify = (to: string, method: string, news: unknown) => void told.push([to, method, news])
  const load = { busy: 0, shedding: false }
  const loads = new NodeLoads(
    { ring, clock, logger: silentLogger, busy: () => load.busy, shedding: () => load.shedding },
    { weight, priority },
  )
  let changes = 0
  loads.onChange(() => changes++)
  const take = (news: unknown, from = 'b') => ring.served.get('node.load')?.(news, from)
  return { clock, ring, told, load, loads, take, changes: () => changes }
}

test(
  'tells all that live how it is: when it starts, when that changes, and every five seconds',
  deadline(2_000, async () => {
    const { clock, ring, told, load, loads, changes } = scene({ weight: 2, priority: 20 })
    ring.nodes.set('b', {})
    ring.nodes.set('gone', { state: 'dead' })
    await loads.start()
    const idle = ['b', 'node.load', { level: 0, weight: 2, priority: 20 }]
    assert.equal(told.splice(0), [idle])
    await clock.advance(4_500)
    assert.equal(told.splice(0), [])
    await clock.advance(1_000)
    assert.equal(told.splice(0), [idle])
    assert.is(changes(), 0)
    load.shedding = true
    await clock.advance(1_000)
    assert.equal(told.splice(0), [['b', 'node.load', { level: 4, weight: 2, priority: 20 }]])
    assert.is(changes(), 1)
    await loads.stop()
    await clock.advance(20_000)
    assert.equal(told, [])
  }),
)

test(
  'tells who appears, and forgets who is gone',
  deadline(2_000, async () => {
    const { ring, told, loads, take, changes } = scene()
    await loads.start()
    ring.nodes.set('b', {})
    ring.tellMember('b')
    assert.equal(told.splice(0), [['b', 'node.load', { level: 0, weight: 1, priority: 10 }]])
    take({ level: 3, weight: 1, priority: 10 })
    assert.is(loads.of('b').level, 3)
    ring.nodes.set('b', { state: 'dead' })
    ring.tellMember('b')
    assert.is(loads.of('b').level, 2)
    assert.is(changes(), 2)
    assert.equal(told, [])
    take({ level: 3, weight: 1, priority: 10 })
    assert.is(loads.of('b').level, 2, 'late news of the dead')
    await loads.stop()
  }),
)

test('a node without news, or with news that cannot be, counts as middle', () => {
  const { ring, loads, take, changes } = scene()
  ring.nodes.set('b', {})
  const middle = { level: 2, weight: 1, priority: 10 }
  assert.equal(loads.of('b'), middle)
  for (const news of [
    null,
    'x',
    {},
    { ...middle, level: 5 },
    { ...middle, level: 'toString' },
    { ...middle, level: 0.5 },
    { ...middle, weight: 0 },
    { ...middle, weight: 101 },
    { ...middle, weight: Number.NaN },
    { ...middle, priority: -1 },
    { ...middle, priority: 1.5 },
    { ...middle, priority: 1_001 },
  ]) {
    take(news)
    assert.equal(loads.of('b'), middle)
  }
  take(middle)
  assert.is(changes(), 0, 'news of what was supposed change nothing')
  take({ ...middle, level: 1 })
  take({ ...middle, level: 1 })
  assert.is(changes(), 1)
})

test('SRV follows: weight of the node, its share and its load; and the serial grows', () => {
  const { ring, loads, take } = scene({ priority: 20 })
  ring.nodes.set('b', { weight: 2 })
  ring.nodes.set('c', {})
  const services = { host: '192.0.2.1', cluster: 1, sipUdp: 5060 }
  for (const [id, node] of ring.nodes) Object.assign(node, { name: id === 'self' ? 'a' : id, serving: true, services })
  const domains = ['thor.local']
  const source = new LiveMembers({ members: ring.members, loads, domains: () => domains }, { version: 1 })
  const zones = new LiveZones({ source }, { ttlMs: 5_000 })
  const look = () =>
    answerQuestion(zones, { name: '_sip._udp.thor.local', type: TYPE.SRV, class: 1 }, new SimRandom(1))
      .answers.map(({ data }) => `${data.toString('latin1', 7, 8)} ${data.readUInt16BE(0)} ${data.readUInt16BE(2)}`)
      .sort()
  assert.equal(look(), ['a 20 100', 'b 10 100', 'c 10 50'])
  const before = source.version()
  take({ level: 3, weight: 0.5, priority: 30 }, 'b')
  assert.equal(look(), ['a 20 100', 'b 30 25', 'c 10 50'])
  assert.ok(source.version() > before)
})

test('a loop that works is busy, one that waits or rests is not', async () => {
  let rested = 0
  const busy = loopBusy(() => rested)
  const turn = (): Promise<void> => new Promise((done) => setTimeout(done, 20))
  const work = async (): Promise<number> => {
    const before = performance.now()
    while (performance.now() - before < 20);
    await turn()
    return busy()
  }
  await turn()
  busy()
  assert.ok((await work()) > 0)
  rested += 1_000
  assert.equal(await work(), 0)
})

test.run()

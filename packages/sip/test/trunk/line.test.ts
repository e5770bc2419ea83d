/** One trunk as its home keeps it: registered, refreshed, probed, handed over and given up. */
import { silentLogger, ThorError } from '@thor-node/core'
import { deadline, eventually, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { unknownHealth } from '../../src/trunk/health.ts'
import { type LineReport, TrunkLine } from '../../src/trunk/line.ts'
import type { Trunk } from '../../src/trunk/trunk.ts'
import { FakeCarrier } from './carrier.ts'

const test = suite('sip: a trunk and its home')

const trunk: Trunk = {
  name: 'carrier',
  target: 'sip:carrier.example',
  domain: 'carrier.example',
  prefixes: ['+'],
  register: true,
  expires: 600,
  callsMax: 0,
  from: 'trunk',
  probeMs: 10_000,
  failures: 2,
  successes: 1,
}

class Scene {
  readonly clock = new SimClock()
  readonly carrier = new FakeCarrier()
  readonly reports: LineReport[] = []
  /** Numbers that the ring has given away. */
  cseq = 0
  claimable = true

  line(host: string, change: Partial<Trunk> = {}): TrunkLine {
    return new TrunkLine(
      {
        agent: this.carrier.agentAt(host),
        clock: this.clock,
        random: new SimRandom(1),
        logger: silentLogger,
        claim: async () => {
          if (!this.claimable) throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
          this.cseq += 16
          return { callId: 'one', cseq: this.cseq - 15 }
        },
        isNode: ({ host }) => host.startsWith('127.0.0.'),
        onChange: (report) => void this.reports.push(report),
      },
      {
        trunk: { ...trunk, ...change },
        credentials: { user: '3120999', password: 's3cret' },
        health: unknownHealth,
        addresses: [],
      },
    )
  }
}

const registered = (line: TrunkLine) =>
  eventually(() => line.report.registration?.phase === 'registered', 2_000, 'that')

test(
  'registers with digest, refreshes at half the time, and says so',
  deadline(5_000, async () => {
    const it = new Scene()
    const line = it.line('127.0.0.1', { probeMs: 0 })
    line.start()
    await registered(line)
    assert.equal(it.carrier.log, ['REGISTER 1', 'REGISTER 2'])
    assert.equal([...it.carrier.bound], [['sip:3120999@127.0.0.1:5060', 600]])
    assert.is(it.carrier.requests[0]?.uri, 'sip:carrier.example')
    assert.is(it.carrier.requests[0]?.to.uri.user, '3120999')
    assert.equal(line.report.addresses, ['192.0.2.7'])
    assert.ok(it.reports.at(-1)?.registration?.registered)
    await it.clock.advance(300_000)
    await eventually(() => it.carrier.registers.length === 4, 2_000, 'a refresh')
    await registered(line)
    assert.equal(it.carrier.log.slice(2), ['REGISTER 17', 'REGISTER 18'])
    line.stop()
    await it.clock.advance(3_600_000)
    assert.is(it.carrier.requests.length, 4, 'whoever has stopped is silent')
  }),
)

test(
  'who goes on takes away what the node before has bound, and nothing of others',
  deadline(5_000, async () => {
    const it = new Scene()
    it.carrier.params = ';ob'
    const first = it.line('127.0.0.1', { probeMs: 0 })
    first.start()
    await registered(first)
    it.carrier.bound.set('sip:3120999@203.0.113.9:5060', 100)
    const second = it.line('127.0.0.2', { probeMs: 0 })
    first.stop()
    second.start()
    await eventually(() => !it.carrier.bound.has('sip:3120999@127.0.0.1:5060'), 2_000, 'the old one to go')
    assert.equal([...it.carrier.bound.keys()].sort(), ['sip:3120999@127.0.0.2:5060', 'sip:3120999@203.0.113.9:5060'])
    const numbers = it.carrier.registers.map(({ cseq }) => cseq.number)
    assert.equal(
      numbers,
      [...numbers].sort((a, b) => a - b),
    )
    assert.is(new Set(it.carrier.registers.map(({ callId }) => callId)).size, 1)
    await second.end()
    assert.equal([...it.carrier.bound.keys()], ['sip:3120999@203.0.113.9:5060'])
    assert.is(second.report.registration?.phase, 'idle')
  }),
)

test(
  'nothing is sent without a number from the ring; 423, 503 with Retry-After and silence are lived with',
  deadline(5_000, async () => {
    const it = new Scene()
    it.claimable = false
    const line = it.line('127.0.0.1', { probeMs: 0, expires: 60 })
    const phase = (wanted: string) => eventually(() => line.report.registration?.phase === wanted, 2_000, wanted)
    line.start()
    await phase('backing-off')
    assert.is(it.carrier.requests.length, 0)
    it.claimable = true
    it.carrier.next.push([503, 'Retry-After', '30'])
    await it.clock.advance(2_000)
    await eventually(() => line.report.registration?.status === 503, 2_000, 'to be refused')
    await it.clock.advance(29_000)
    assert.is(it.carrier.requests.length, 1)
    it.carrier.next.push('silence')
    await it.clock.advance(1_000)
    await eventually(() => line.report.registration?.status === 0, 2_000, 'no answer')
    it.carrier.next.push([423, 'Min-Expires', '900'])
    await it.clock.advance(60_000)
    await registered(line)
    assert.equal([...it.carrier.bound.values()], [900])
    line.stop()
  }),
)

test(
  'a password that is not taken shows, and is not tried again at once',
  deadline(5_000, async () => {
    const it = new Scene()
    for (let i = 0; i < 3; i++) it.carrier.next.push([401, 'WWW-Authenticate', 'Digest realm="c", nonce="n"'])
    const line = it.line('127.0.0.1', { probeMs: 0 })
    line.start()
    await eventually(() => line.report.registration?.phase === 'backing-off', 2_000, 'to give up')
    assert.equal([line.report.registration?.status, line.report.registration?.registered], [401, false])
    assert.is(it.carrier.requests.length, 3)
    await it.clock.advance(100_000)
    assert.is(it.carrier.requests.length, 3)
    line.stop()
  }),
)

test(
  'OPTIONS say whether it is there; a carrier that is back is registered with anew at once',
  deadline(5_000, async () => {
    const it = new Scene()
    const line = it.line('127.0.0.1')
    line.start()
    await registered(line)
    const probes = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const before = it.carrier.requests.length
        await it.clock.advance(10_000)
        await eventually(() => it.carrier.requests.length > before, 2_000, 'a probe')
        await new Promise((done) => setImmediate(done))
      }
    }
    await it.clock.advance(100)
    await eventually(() => it.carrier.log.includes('OPTIONS 1'), 2_000, 'the first probe')
    await new Promise((done) => setImmediate(done))
    assert.ok(line.report.health.up)
    it.carrier.silent = true
    await probes(2)
    await eventually(() => !line.report.health.up, 2_000, 'down')
    assert.not.ok(it.reports.at(-1)?.health.up)
    it.carrier.silent = false
    const before = it.carrier.registers.length
    await probes(1)
    await eventually(() => line.report.health.up, 2_000, 'up')
    await eventually(() => it.carrier.registers.length > before, 2_000, 'to be registered anew')
    line.stop()
  }),
)

test.run()

import { type Address, systemClock, systemNet } from '@thor-node/core'
import { deadline, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { CallView } from '../../src/control/contract.ts'
import { addressesOf, lookUp } from '../../src/demo/lookup.ts'
import { judgeRecords } from '../../src/demo/records.ts'
import { Report } from '../../src/demo/report.ts'
import { plain } from '../../src/status/paint.ts'
import { dnsServer, threeNodes, zoneOf } from '../dns/fixtures.ts'

const records = suite('demo/records')

const calls = [
  { callId: 'c1', durationMs: 2_100, endCause: 'bye-caller' },
  { callId: 'c2', durationMs: 3_900, endCause: 'bye-callee' },
]

const view = (callId: string, more: Partial<CallView> = {}): CallView => ({
  callUuid: `001-${callId}`,
  callId,
  caller: 'alice@thor.local',
  callee: 'bob@thor.local',
  billedTo: 'alice@thor.local',
  enum: null,
  startedAt: 1,
  endedAt: 2,
  durationSeconds: 2,
  endCause: 'bye-caller',
  bytesCaller: 10,
  bytesCallee: 10,
  codecs: ['PCMU'],
  userAgentCaller: '',
  userAgentCallee: '',
  ...more,
})
const second = view('c2', { durationSeconds: 4, endCause: 'bye-callee' })

records('right records are right', () => {
  assert.equal(judgeRecords([view('c1'), second], calls), { count: [], truth: [], worstMs: 100 })
})

records('lost, doubled and strange ones are found', () => {
  assert.equal(judgeRecords([second], calls).count, ['call c1 has 0 records'])
  assert.equal(judgeRecords([view('c1'), view('c1'), second], calls).count, ['call c1 has 2 records'])
  assert.equal(judgeRecords([view('c1'), second, view('c3')], calls).count, ['nobody made call c3'])
})

records('untrue ones are found', () => {
  const truth = (more: Partial<CallView>): string[] => judgeRecords([view('c1', more), second], calls).truth
  assert.equal(truth({ durationSeconds: 9 }), ['call c1: 9 s, was 2.1 s'])
  assert.equal(truth({ endCause: 'lost' }), ['call c1: ended by lost, was bye-caller'])
  assert.equal(truth({ bytesCallee: 0 }), ['call c1: no media counted'])
})

records('a report holds only when all of it held, and something was checked', () => {
  const out: string[] = []
  const report = new Report((text) => out.push(text), plain)
  report.act('One')
  assert.is(report.held, false)
  report.check('first', true, '3 ms')
  assert.is(report.held, true)
  report.check('second', false)
  report.check('third', true)
  assert.is(report.held, false)
  assert.is(out[0], '\n1. One')
  assert.match(out[1] as string, /^ {3}✓ first {2,}3 ms$/)
  assert.is(out[2], '   ✗ second')
})

records(
  'DNS is asked for addresses',
  deadline(5_000, async () => {
    const server = dnsServer(zoneOf(threeNodes), '127.77.9.3')
    await server.start()
    const components = { clock: systemClock, random: new SimRandom(1), net: systemNet }
    const address = server.address as Address
    try {
      const hosts = threeNodes.map(({ host }) => host).filter((host) => !host.includes(':'))
      assert.equal(await lookUp(components, address, 'thor.local'), hosts.sort())
      assert.equal(await lookUp(components, address, 'nobody.thor.local'), [])
    } finally {
      await server.stop()
    }
    assert.is(await lookUp(components, address, 'thor.local'), undefined)
  }),
)

records('a packet that is cut off is an error of its own', () => {
  assert.throws(() => addressesOf(Buffer.from('000081800001000300000000046c6f63', 'hex')), RangeError)
})

records.run()

/** SIP traces over the ring: who is traced is a record, the transports are listened to while somebody is, and it ends by itself. */
import { recordKey, silentLogger } from '@thor-node/core'
import { deadline, eventually, SimClock, SimRandom } from '@thor-node/core/testing'
import { noPlan, type Transports } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TraceService } from '../../src/adapters/trace-service.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: SIP traces')

const ALICE = 'alice@example.com'
const PATH = {
  transport: 'udp',
  local: { host: '192.0.2.1', port: 5060 },
  remote: { host: '192.0.2.7', port: 5070 },
} as const
const said = (callId: string): Buffer =>
  Buffer.from(`MESSAGE sip:x@y SIP/2.0\r\nFrom: <sip:${ALICE}>;tag=1\r\nCall-ID: ${callId}\r\n\r\n`)

async function scene() {
  const clock = new SimClock()
  const ring = new MemoryRing({ clock })
  const transport: Pick<Transports, 'tap'> = { tap: undefined }
  const components = { ring, clock, random: new SimRandom(2), logger: silentLogger, transport, planOf: () => noPlan }
  const service = new TraceService(components)
  await service.start()
  const begin = async (seconds: number): Promise<void> => {
    const startedAt = clock.wall()
    await service.begin({ account: ALICE, names: [ALICE], startedAt, until: startedAt + seconds * 1_000 })
  }
  return { clock, ring, transport, service, begin }
}

test(
  'SIP-18: what passes while an account is traced is read by all, and what is known is not told again',
  deadline(5_000, async () => {
    const { transport, service, begin, ring } = await scene()
    assert.is(transport.tap, undefined, 'nobody is traced')
    await begin(60)
    ring.reg.tell(`trace/${ALICE}`)
    await eventually(() => transport.tap !== undefined, 1_000, 'the transports to be listened to')
    transport.tap?.saw('in', said('a'), PATH)
    transport.tap?.saw('out', said('b'), PATH)
    const { messages, silent } = await service.read(ALICE, {})
    assert.equal(
      messages.map(({ callId }) => callId),
      ['a', 'b'],
    )
    assert.equal(silent, [])
    const { node = '', seq = 0 } = messages[0] ?? {}
    assert.equal(
      (await service.read(ALICE, { [node]: seq })).messages.map(({ callId }) => callId),
      ['b'],
    )
    assert.equal(
      (await service.ofCall({ callId: 'b' })).map(({ direction }) => direction),
      ['out'],
    )
    assert.equal(
      (await service.list()).map(({ account }) => account),
      [ALICE],
    )
    assert.ok(await service.end(ALICE))
    assert.not(await service.end(ALICE))
    assert.is(transport.tap, undefined)
    await service.stop()
  }),
)

test(
  'SIP-18: a trace ends by itself, and its record goes',
  deadline(5_000, async () => {
    const { clock, ring, transport, service, begin } = await scene()
    await begin(30)
    await eventually(() => transport.tap !== undefined, 1_000, 'the transports to be listened to')
    await clock.advance(30_002)
    await eventually(() => transport.tap === undefined, 1_000, 'the end')
    await eventually(
      async () => (await ring.reg.read(recordKey('trace', ALICE), 'strict')) === undefined,
      1_000,
      'the record',
    )
    assert.equal(await service.list(), [])
    await service.stop()
  }),
)

test.run()

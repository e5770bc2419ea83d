import type { CallClosed, CallOpened } from '@thor-node/accounting'
import { silentLogger } from '@thor-node/core'
import { deadline, SimClock, settle } from '@thor-node/core/testing'
import type { DialogRecord, DialogSide } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  callKey,
  type DialogState,
  type MediaProof,
  openedKey,
  proofTtlMs,
  stoppedKey,
} from '../../src/adapters/call-keys.ts'
import { CallService, doubt, type EndQuery, isForsaken } from '../../src/adapters/call-service.ts'
import { CALL_MAX_MS } from '../../src/adapters/calls.ts'
import type { Spool } from '../../src/adapters/spool.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: call service')

const CALL = 'abc-0123456789abcdef01234567'
const side = (tag: string): DialogSide => ({
  identity: `${tag}@example.com`,
  nameAddr: `<sip:${tag}@example.com>;tag=${tag}`,
  tag,
  target: `sip:${tag}@127.42.5.2`,
  routes: [],
  cseq: 1,
  userAgent: '',
})
const dialog: DialogRecord = { callUuid: CALL, callId: 'c', caller: side('alice'), callee: side('bob') }

const opened = (startedAt: number): CallOpened => ({
  callUuid: CALL,
  leg: 'a',
  callId: 'c',
  fromTag: 'alice',
  toTag: 'bob',
  billedTo: 'alice@example.com',
  caller: 'alice@example.com',
  callee: 'bob@example.com',
  requestUri: 'sip:bob@example.com',
  startedAt,
  callerUserAgent: '',
  calleeUserAgent: '',
  codecs: [],
  node: 'n1',
})

function scene() {
  const clock = new SimClock()
  const ring = new MemoryRing({ clock })
  ring.nodes.set('relay', {})
  const byes: string[] = []
  const spooled: string[] = []
  const spool = { add: async (key: { name: string }) => void spooled.push(key.name) } as unknown as Spool
  const service = new CallService({
    ring,
    spool,
    clock,
    logger: silentLogger,
    sendByes: async ({ callUuid }, cause) => {
      byes.push(`${callUuid === CALL} ${cause}`)
      // Phones that do not answer must not hold anything up.
      await new Promise<void>(() => undefined)
    },
  })
  const proof = (provenAt: number): MediaProof => ({
    relay: 'relay',
    provenAt,
    callerBytes: 10,
    calleeBytes: 20,
    callerPackets: 1,
    calleePackets: 2,
    codecs: ['PCMU'],
  })
  let released = 0
  ring.remote.set('relay media.release', () => (released++ === 0 ? proof(clock.wall()) : null))
  const answer = async (change: { dialog?: boolean; media?: boolean } = {}): Promise<void> => {
    const state: DialogState = { dialog, relay: 'relay', answeredAt: clock.wall() }
    const ttlMs = CALL_MAX_MS + 600_000
    await ring.set.put(openedKey(CALL), opened(clock.wall()))
    if (change.dialog !== false) await ring.soft.put(callKey(CALL), { sub: 'dialog', body: state, ttlMs })
    const media = proof(clock.wall())
    if (change.media !== false)
      await ring.soft.put(callKey(CALL), { sub: 'media', body: media, ttlMs: proofTtlMs(media) })
  }
  const end = (change: Partial<EndQuery> = {}): Promise<void> =>
    service.end({ callUuid: CALL, cause: 'bye-caller', stoppedAt: clock.wall(), ...change })
  const closed = (): CallClosed | undefined => ring.set.records.get(stoppedKey(CALL).name)?.body as CallClosed
  return { clock, ring, service, byes, spooled, answer, end, closed, proof, releases: () => released }
}

test(
  'a call ends once, however many say so',
  deadline(2_000, async () => {
    const { clock, ring, service, answer, end, closed, releases, byes } = scene()
    await service.start()
    await answer()
    assert.is(service.count(), 1)
    await clock.advance(3_000)
    const stoppedAt = clock.wall()
    await Promise.all([end(), end({ cause: 'bye-callee' })])
    await clock.advance(500)
    await end({ cause: 'admin' })
    const record = closed()
    assert.equal(
      [record?.cause, record?.stoppedAt, record?.callerBytes, record?.codecs],
      ['bye-caller', stoppedAt, 10, ['PCMU']],
    )
    assert.is(releases(), 1)
    assert.equal(ring.set.puts.filter((name) => name.endsWith('/stop')).length, 1)
    assert.is(service.count(), 0)
    assert.equal(await ring.soft.read(callKey(CALL)), [])
    assert.equal(byes, [], 'the parties have said so themselves')
    await service.stop()
    assert.is(clock.armed, 0)
  }),
)

test(
  'the halves of a record may come in any order, as they do at a node that catches up: what has ended is not open',
  deadline(2_000, async () => {
    const { clock, ring, service, answer, end } = scene()
    await answer()
    await end()
    const stop = ring.set.records.get(stoppedKey(CALL).name)?.body
    ring.set.records.clear()
    await service.start()
    await ring.set.put(stoppedKey(CALL), stop)
    await ring.set.put(openedKey(CALL), opened(clock.wall()))
    assert.is(service.count(), 0)
    await service.stop()
  }),
)

test(
  'of a forked call only the recorded dialog ends it',
  deadline(2_000, async () => {
    const { service, answer, end, closed } = scene()
    await service.start()
    await answer()
    await end({ calleeTag: 'another-phone' })
    assert.is(closed(), undefined)
    await end({ calleeTag: 'bob' })
    assert.is(closed()?.cause, 'bye-caller')
    await service.stop()
  }),
)

test(
  'without a quorum the end is spooled, and what is no call id does nothing',
  deadline(2_000, async () => {
    const { ring, service, answer, end, spooled } = scene()
    await service.start()
    await answer()
    ring.set.broken.add(stoppedKey(CALL).range)
    await end()
    assert.equal(spooled, [stoppedKey(CALL).name])
    assert.is(service.count(), 0)
    await end({ callUuid: 'made up' })
    assert.is(spooled.length, 1)
    await service.stop()
  }),
)

test(
  'a silent call is hung up and ends at its last media',
  deadline(2_000, async () => {
    const { clock, ring, service, answer, proof, closed, byes } = scene()
    await service.start()
    await answer()
    const last = clock.wall()
    ring.remote.set('relay media.release', () => proof(last))
    await clock.advance(4_000)
    const silent = (): Promise<unknown> => ring.callHome(stoppedKey(CALL).range, 'call.silent', { callUuid: CALL })
    assert.equal(await silent(), { known: true })
    assert.equal(byes, ['true media-timeout'])
    assert.equal([closed()?.cause, closed()?.stoppedAt], ['media-timeout', last])
    assert.equal(await silent(), { known: false })
    await service.stop()
  }),
)

test(
  'a call whose relay has died is hung up within seconds, at the last proof of media',
  deadline(2_000, async () => {
    const { clock, ring, service, answer, closed, byes } = scene()
    await service.start()
    const start = clock.wall()
    await answer()
    await clock.advance(20_000)
    assert.equal(byes, [])
    ring.nodes.set('relay', { state: 'dead' })
    ring.remote.clear()
    await clock.advance(16_000)
    assert.equal(byes, ['true lost'])
    assert.equal([closed()?.cause, closed()?.stoppedAt, closed()?.callerBytes], ['lost', start, 10])
    await clock.advance(60_000)
    assert.is(byes.length, 1)
    await service.stop()
  }),
)

test(
  'a relay that comes back in time keeps its calls',
  deadline(2_000, async () => {
    const { clock, ring, service, answer, byes } = scene()
    await service.start()
    await answer()
    ring.nodes.set('relay', { state: 'dead' })
    await clock.advance(6_000)
    ring.nodes.set('relay', {})
    await clock.advance(60_000)
    assert.equal(byes, [])
    await service.stop()
  }),
)

test(
  'a call that nobody can hang up any more is closed after a minute',
  deadline(2_000, async () => {
    const { clock, service, answer, closed, byes } = scene()
    await service.start()
    await answer({ dialog: false, media: false })
    await clock.advance(50_000)
    assert.is(closed(), undefined)
    await clock.advance(20_000)
    assert.equal([closed()?.cause, byes], ['lost', []])
    await service.stop()
  }),
)

test(
  'a call found lost long afterwards ends at its last proof, one that never had media where it began',
  deadline(2_000, async () => {
    for (const media of [true, false]) {
      const { clock, ring, service, answer, closed } = scene()
      await answer({ media })
      const start = clock.wall()
      // The whole ring was down for hours; relays that start again know nothing of the call.
      ring.remote.set('relay media.release', () => null)
      await clock.advance(3 * 3_600_000)
      await service.start()
      await clock.advance(16_000)
      assert.equal([closed()?.cause, closed()?.stoppedAt, closed()?.callerBytes], ['lost', start, media ? 10 : 0])
      await service.stop()
    }
  }),
)

test(
  'no call lasts longer than the longest',
  deadline(2_000, async () => {
    const { clock, ring, service, answer, closed, byes } = scene()
    await answer()
    // Nobody looks meanwhile; the sweep begins afterwards.
    await clock.advance(CALL_MAX_MS + 1_000)
    await service.start()
    await clock.advance(6_000)
    await settle()
    assert.equal([byes, closed()?.cause], [['true max-duration'], 'max-duration'])
    assert.is(ring.calls.filter((call) => call === 'relay media.release').length, 1)
    await service.stop()
  }),
)

test(
  'the home of a call sweeps it, other replicas only know of it',
  deadline(2_000, async () => {
    const { clock, ring, service, answer, byes } = scene()
    await service.start()
    await answer()
    ring.foreignRanges.add(stoppedKey(CALL).range)
    ring.nodes.set('relay', { state: 'dead' })
    await clock.advance(60_000)
    assert.equal([byes, service.count()], [[], 0])
    // The home died: this node goes on where it was.
    ring.foreignRanges.clear()
    await clock.advance(16_000)
    assert.equal(byes, ['true lost'])
    await service.stop()
  }),
)

test('how long a call may look lost', () => {
  const state: DialogState = { dialog, relay: 'relay', answeredAt: 0 }
  const body = { callerPackets: 1, calleePackets: 1 } as MediaProof
  const media = [{ sub: 'media', body, ttlMs: proofTtlMs(body) - 59_000, seq: 1 }]
  const stale = [{ sub: 'media', body, ttlMs: proofTtlMs(body) - 61_000, seq: 1 }]
  const oneSide = { callerPackets: 1, calleePackets: 0 } as MediaProof
  const [live, dead] = [() => true, () => false]
  assert.is(doubt(undefined, [], 0, live), 60_000)
  assert.is(doubt({ dialog, answeredAt: 0 }, [], 1e9, dead), undefined, 'no media passes here')
  assert.is(doubt(state, media, 1e9, live), undefined)
  assert.is(doubt(state, [{ sub: 'media', body: oneSide, ttlMs: 1, seq: 1 }], 1e9, live), undefined)
  assert.is(doubt(state, stale, 1e9, live), 5_000)
  assert.is(doubt(state, media, 0, dead), 5_000)
  assert.is(doubt(state, [], 75_000, live), undefined, 'the first proof may not be there yet')
  assert.is(doubt(state, [], 75_001, live), 5_000)
})

test('a session that was not refreshed is forsaken when no media flows either', () => {
  const entry = (sub: string, body: unknown) => ({ sub, body, ttlMs: 1 })
  const session = entry('session', { until: 1_000_000 })
  const media = (provenAt: number) => entry('media', { provenAt })
  const table: [string, unknown[], number, boolean][] = [
    ['no session timer', [media(0)], 9e9, false],
    ['refreshed', [session, media(0)], 1_029_999, false],
    ['media flows', [session, media(1_000_000)], 1_030_000, false],
    ['on hold, refreshed no more', [session, media(500_000)], 1_030_000, true],
    ['never any media', [session], 1_030_000, true],
  ]
  for (const [what, entries, now, forsaken] of table) assert.is(isForsaken(entries as never, 0, now), forsaken, what)
})

test.run()

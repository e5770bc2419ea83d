import { errorCode, silentLogger, ThorError } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import type { DialogRecord, DialogSide } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { callKey, type DialogState, openedKey } from '../../src/adapters/call-keys.ts'
import { CALL_MAX_MS, CallsAdapter } from '../../src/adapters/calls.ts'
import { MediaControlAdapter } from '../../src/adapters/media-control.ts'
import { Relays } from '../../src/adapters/relays.ts'
import type { Spool } from '../../src/adapters/spool.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: calls at their edge')

const side = (tag: string): DialogSide => ({
  identity: `${tag}@example.com`,
  nameAddr: `<sip:${tag}@example.com>;tag=${tag}`,
  tag,
  target: `sip:${tag}@127.42.5.2`,
  routes: [],
  cseq: 1,
  userAgent: '',
})

function scene() {
  const clock = new SimClock()
  const random = new SimRandom(1)
  const ring = new MemoryRing({ clock })
  for (const node of ['n2', 'n3', 'n4']) ring.nodes.set(node, {})
  const relays = new Relays({ ring, random })
  const spooled: string[] = []
  const spool = { add: async (key: { name: string }) => void spooled.push(key.name) } as unknown as Spool
  const logger = silentLogger
  const calls = new CallsAdapter({ ring, relays, spool, clock, random, logger }, { nodeName: 'n1' })
  const media = new MediaControlAdapter({ ring, relays, logger })
  const callUuid = calls.newCallUuid('alice@example.com')
  const dialog: DialogRecord = { callUuid, callId: 'c', caller: side('alice'), callee: side('bob') }
  const answered = (led?: { tree: string; number: string }) =>
    calls.answered({
      dialog,
      billedTo: 'alice@example.com',
      callee: 'bob@example.com',
      requestUri: 'sip:bob@example.com',
      ...(led && { enum: led }),
    })
  const rewrite = (change: { kind?: 'offer' | 'answer' } = {}) =>
    media.rewrite({
      callUuid,
      side: 'caller',
      kind: 'offer',
      branch: 'b0',
      sdp: 'v=0',
      from: { host: '127.42.5.3', port: 1 },
      ...change,
    })
  const asked = (method: string) => ring.calls.filter((call) => call.endsWith(method))
  return { clock, ring, relays, calls, callUuid, spooled, answered, rewrite, asked }
}

test(
  'answered: record, pointers of both sides and dialog, which outlives the longest call',
  deadline(2_000, async () => {
    const { clock, ring, relays, callUuid, answered } = scene()
    relays.remember(callUuid, 'n2')
    await answered()
    assert.equal([...ring.set.records.keys()].sort(), [
      `cdr/${callUuid}/a/open`,
      `placed/alice@example.com/${callUuid}`,
      `received/bob@example.com/${callUuid}`,
    ])
    await clock.advance(CALL_MAX_MS + 10_000)
    const [entry] = await ring.soft.read<DialogState>(callKey(callUuid))
    assert.equal([entry?.sub, entry?.body.relay, entry?.body.dialog.callId], ['dialog', 'n2', 'c'])
  }),
)

test(
  'EN-39: the record says which number of which tree led the call, and nothing where none did',
  deadline(2_000, async () => {
    const led = { tree: 'e164.arpa', number: '+31208005100' }
    const stored = async (what?: typeof led): Promise<unknown> => {
      const { ring, callUuid, answered } = scene()
      await answered(what)
      return ring.set.get(openedKey(callUuid))
    }
    assert.equal(((await stored(led)) as { enum: unknown }).enum, led)
    assert.not.ok('enum' in ((await stored()) as object))
  }),
)

test(
  'without a quorum the record is spooled and the call goes on',
  deadline(2_000, async () => {
    const { ring, callUuid, spooled, answered } = scene()
    ring.set.broken.add(openedKey(callUuid).range)
    await answered()
    assert.ok(spooled.includes(`cdr/${callUuid}/a/open`))
    assert.ok(ring.set.records.has(`received/bob@example.com/${callUuid}`) || spooled.length === 3)
  }),
)

test(
  'the end goes to the home with the relay; a call set up in vain frees its relay at once',
  deadline(2_000, async () => {
    const { ring, relays, calls, callUuid, asked } = scene()
    let told: unknown
    ring.served.set('call.end', (query) => {
      told = query
    })
    relays.remember(callUuid, 'n2')
    await calls.ended({ callUuid, cause: 'bye-callee', calleeTag: 'bob' })
    const { stoppedAt: _, ...rest } = told as { stoppedAt: number }
    assert.equal(rest, { callUuid, cause: 'bye-callee', relay: 'n2', calleeTag: 'bob' })
    assert.is(relays.known(callUuid), undefined)
    await calls.ended({ callUuid: 'made up', cause: 'bye-caller' })
    assert.is(asked('call.end').length, 1)

    await calls.failed({ callUuid, status: 486 })
    assert.equal(asked('media.release'), [], 'no relay was taken')
    ring.remote.set('n3 media.release', () => null)
    relays.remember(callUuid, 'n3')
    await calls.failed({ callUuid, status: 486 })
    assert.equal(asked('media.release'), ['n3 media.release'])
  }),
)

test(
  'the first offer finds a relay that is alive, everything later goes to the same one',
  deadline(2_000, async () => {
    const { ring, relays, callUuid, rewrite, asked } = scene()
    ring.remote.set('n4 media.rewrite', () => 'by n4')
    ring.nodes.delete('self')
    assert.is(await rewrite(), 'by n4')
    assert.is(relays.known(callUuid), 'n4')
    const before = asked('media.rewrite').length
    assert.is(await rewrite({ kind: 'answer' }), 'by n4')
    assert.is(asked('media.rewrite').length, before + 1)
    ring.remote.clear()
    await rewrite().then(
      () => assert.unreachable(),
      (error) => assert.is(errorCode(error), 'RPC_NOT_CONNECTED'),
    )
    assert.is(asked('media.rewrite').length, before + 2, 'no other relay knows the call')
  }),
)

test(
  'SDP that cannot be read is refused by the first relay, and no other is bothered',
  deadline(2_000, async () => {
    const { ring, rewrite, asked } = scene()
    ring.remote.set('* media.rewrite', () => {
      throw new ThorError('MEDIA_SDP_INVALID', 'no SDP')
    })
    await rewrite().then(
      () => assert.unreachable(),
      (error) => assert.is(errorCode(error), 'MEDIA_SDP_INVALID'),
    )
    assert.is(asked('media.rewrite').length, 1)
  }),
)

test.run()

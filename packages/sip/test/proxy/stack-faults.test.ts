/** What devices do wrong, and what breaks meanwhile: the other side hears of it, and nothing is left behind. */
import { deadline, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeResponse, type SipRequest } from '../../src/message/index.ts'
import type { House } from './house.ts'
import { type Phone, SDP } from './phone.ts'
import { answeredCall, house } from './scene.ts'

const test = suite('sip: stack with faults around it')

const cancelOf = (phone: Phone, invite: SipRequest, headers: [string, string][] = []): SipRequest =>
  phone.build('CANCEL', invite.uri, {
    via: invite.headers.get('Via') as string,
    from: invite.headers.get('From') as string,
    to: invite.headers.get('To') as string,
    callId: invite.callId,
    cseq: invite.cseq.number,
    headers,
  })

/** Long after: no transaction, no fork, no timer. */
async function nothingLeft(it: House): Promise<void> {
  await it.clock.advance(200_000)
  for (const stack of it.stacks.values()) {
    const { transactions, proxy } = stack.snapshot() as Record<string, Record<string, unknown>>
    assert.equal(transactions, { servers: 0, clients: 0, answers: 0 })
    assert.is(proxy?.forks, 0)
  }
  assert.is(it.clock.armed, 0)
  await it.stop()
}

test(
  'a relay that dies before the answer: ACK and BYE to the callee, 503 to the caller',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    const bob = it.phone('bob@example.com', '127.42.1.2', node)
    await bob.register()
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    const invite = await bob.request('INVITE')
    it.broken.media = 'MEDIA_RELAY_GONE'
    bob.reply(invite, 200, { body: SDP })
    const refusal = await alice.response('INVITE')
    assert.is(refusal.status, 503)
    alice.ackFailure(request, refusal)
    assert.is((await bob.request('ACK')).cseq.number, invite.cseq.number)
    const bye = await bob.request('BYE')
    bob.reply(bye, 200)
    // The ACK was lost: it is said again, and nothing else.
    bob.reply(invite, 200, { body: SDP })
    await bob.request('ACK')
    // Another device that answers now is hung up too, though a relay would be there again.
    it.broken = {}
    bob.reply(invite, 200, { body: SDP, tag: 'second' })
    await bob.request('ACK')
    bob.reply(await bob.request('BYE'), 200)
    assert.equal(
      it.log.filter((line) => line.startsWith('failed')),
      ['failed 503'],
    )
    assert.is(it.answered.length, 0)
    assert.not.ok(alice.inbox.some((m) => m.kind === 'response' && m.status >= 200))
    await nothingLeft(it)
  }),
)

test(
  'a second answer that finds no relay does not touch the call of the first',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    const bob = it.phone('bob@example.com', '127.42.1.2', node)
    await bob.register()
    const { invite } = await answeredCall(alice, bob)
    alice.inbox.length = 0
    it.broken.media = 'MEDIA_RELAY_GONE'
    bob.reply(invite, 200, { body: SDP, tag: 'second' })
    await bob.request('ACK')
    bob.reply(await bob.request('BYE'), 200)
    assert.not.ok(it.log.some((line) => line.startsWith('failed')))
    assert.is(alice.inbox.length, 0)
    await nothingLeft(it)
  }),
)

test(
  'a device that rings and vanishes does not keep a cancelled call alive',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    const bob = it.phone('bob@example.com', '127.42.1.2', node)
    await bob.register()
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    bob.reply(await bob.request('INVITE'), 180)
    await alice.response('INVITE', 180)
    alice.send(cancelOf(alice, request, [['Reason', 'SIP;cause=600;text="no"']]))
    assert.is((await alice.response('CANCEL')).status, 200)
    assert.is((await bob.request('CANCEL')).headers.get('Reason'), 'SIP;cause=600;text="no"')
    await it.clock.advance(33_000)
    const answer = await alice.response('INVITE')
    assert.is(answer.status, 487)
    alice.ackFailure(request, answer)
    await nothingLeft(it)
  }),
)

test(
  'Timer C gives up a device that rings for ever',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    const bob = it.phone('bob@example.com', '127.42.1.2', node)
    await bob.register()
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    const invite = await bob.request('INVITE')
    bob.reply(invite, 180)
    await alice.response('INVITE', 180)
    await it.clock.advance(100_000)
    bob.reply(invite, 180)
    await alice.response('INVITE', 180)
    await it.clock.advance(170_000)
    await settle()
    assert.not.ok(
      bob.inbox.some((m) => m.kind === 'request' && m.method === 'CANCEL'),
      'each 180 gives more time',
    )
    await it.clock.advance(20_000)
    bob.reply(await bob.request('CANCEL'), 200)
    bob.reply(invite, 487)
    await bob.request('ACK')
    const answer = await alice.response('INVITE')
    assert.is(answer.status, 487)
    alice.ackFailure(request, answer)
    await nothingLeft(it)
  }),
)

test(
  'answers that cannot be passed on become 502',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    const bob = it.phone('bob@example.com', '127.42.1.2', node)
    await bob.register()
    for (const spoil of [
      ['Via', (invite: SipRequest) => invite.headers.getAll('Via')[0] as string],
      ['Contact', () => '<<bad'],
      ['Record-Route', () => '<sip:x'],
    ] as const) {
      const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
      const invite = await bob.request('INVITE')
      const answer = makeResponse(invite, 200, 'OK', { toTag: 'b' })
      answer.headers.setAll(spoil[0], [spoil[1](invite)])
      bob.send(answer)
      const seen = await alice.response('INVITE')
      assert.is(seen.status, 502, spoil[0])
      alice.ackFailure(request, seen)
      bob.inbox.length = 0
    }
    await nothingLeft(it)
  }),
)

test(
  'of other methods nothing provisional but 100 is passed on, and no 408',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    const bob = it.phone('bob@example.com', '127.42.1.2', node)
    await bob.register()
    await alice.authenticated('MESSAGE', 'sip:bob@example.com')
    bob.reply(await bob.request('MESSAGE'), 183)
    await it.clock.advance(3_400)
    assert.is(alice.inbox.length, 0)
    await it.clock.advance(200)
    await alice.response('MESSAGE', 100)
    await it.clock.advance(60_000)
    assert.is(alice.inbox.length, 0)
    await nothingLeft(it)
  }),
)

test(
  'a MESSAGE reaches every device, and one 200 comes back',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    const desk = it.phone('bob@example.com', '127.42.1.2', node)
    const mobile = it.phone('bob@example.com', '127.42.1.3', node)
    await desk.register()
    await mobile.register()
    await alice.authenticated('MESSAGE', 'sip:bob@example.com')
    const [first, second] = [await desk.request('MESSAGE'), await mobile.request('MESSAGE')]
    assert.is(Number(first.headers.get('Max-Breadth')) + Number(second.headers.get('Max-Breadth')), 60)
    desk.reply(first, 486)
    mobile.reply(second, 200)
    assert.is((await alice.response('MESSAGE')).status, 200)
    await settle()
    assert.is(alice.inbox.length, 0)
    await nothingLeft(it)
  }),
)

test(
  'a request that may not be forked so far is answered 440',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    const devices = ['127.42.1.2', '127.42.1.3'].map((host) => it.phone('bob@example.com', host, node))
    for (const device of devices) await device.register()
    const statusWith = async (breadth: string): Promise<number> => {
      await alice.authenticated('MESSAGE', 'sip:bob@example.com', { headers: [['Max-Breadth', breadth]] })
      return (await alice.response('MESSAGE')).status
    }
    assert.is(await statusWith('1'), 440)
    assert.is(await statusWith('0'), 440)
    assert.is(await statusWith('many'), 400)
    const calling = statusWith('2')
    for (const device of devices) {
      const request = await device.request('MESSAGE')
      assert.is(request.headers.get('Max-Breadth'), '1')
      device.reply(request, 200)
    }
    assert.is(await calling, 200)
    await it.stop()
  }),
)

test(
  'CANCEL of a re-INVITE that waits for the relay is not lost',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    const bob = it.phone('bob@example.com', '127.42.1.2', node)
    await bob.register()
    const { request, ok } = await answeredCall(alice, bob)
    const { promise, resolve } = Promise.withResolvers<void>()
    it.mediaWaits = promise
    const again = alice.inDialog('INVITE', 'caller', request, ok, { body: SDP, cseq: 9 })
    alice.send(again)
    await alice.response('INVITE', 100).catch(() => undefined)
    alice.send(cancelOf(alice, again))
    await alice.response('CANCEL', 200)
    assert.is((await alice.response('INVITE')).status, 487)
    resolve()
    await settle()
    await settle()
    assert.not.ok(
      bob.inbox.some((m) => m.kind === 'request'),
      'it goes no further',
    )
    await it.stop()
  }),
)

test(
  'the next address of a foreign host is tried when one is silent or overloaded',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    it.foreign.set(
      'far.example',
      ['127.42.1.7', '127.42.1.8', '127.42.1.9'].map((host) => ({ host, port: 5070 })),
    )
    const full = it.phone('carol@far.example', '127.42.1.8', node)
    const good = it.phone('carol@far.example', '127.42.1.9', node)
    await alice.authenticated('INVITE', 'sip:carol@far.example', { body: SDP })
    await it.clock.advance(4_500)
    const busy = await full.request('INVITE')
    // It has the request, which says nothing of what it can do with it.
    full.reply(busy, 100)
    full.reply(busy, 503)
    await full.request('ACK')
    const invite = await good.request('INVITE')
    assert.is(invite.vias.length, 2)
    good.reply(invite, 486)
    assert.is((await alice.response('INVITE')).status, 486)

    full.inbox.length = 0
    // Both are remembered for a minute: the next call goes to the good one at once.
    await alice.authenticated('INVITE', 'sip:carol@far.example', { body: SDP })
    const second = await good.request('INVITE')
    assert.not.ok(full.inbox.some((m) => m.kind === 'request' && m.method === 'INVITE'))
    good.reply(second, 486)
    await alice.response('INVITE')
    await it.clock.advance(61_000)
    await alice.authenticated('INVITE', 'sip:carol@far.example', { body: SDP })
    await it.clock.advance(4_500)
    full.reply(await full.request('INVITE'), 486)
    assert.is((await alice.response('INVITE')).status, 486)
    await it.stop()
  }),
)

const inviteIn = (phone: Phone): boolean => phone.inbox.some((m) => m.kind === 'request' && m.method === 'INVITE')

test(
  'a foreign host that says when to come again is left alone until then, by all nodes; calls go to its other address',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const other = await it.node('127.42.0.9')
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    it.foreign.set(
      'far.example',
      ['127.42.1.8', '127.42.1.9'].map((host) => ({ host, port: 5070 })),
    )
    const full = it.phone('carol@far.example', '127.42.1.8', node)
    const good = it.phone('carol@far.example', '127.42.1.9', node)
    await alice.authenticated('INVITE', 'sip:carol@far.example', { body: SDP })
    full.reply(await full.request('INVITE'), 503, { headers: [['Retry-After', '300 (maintenance);duration=60']] })
    await full.request('ACK')
    good.reply(await good.request('INVITE'), 486)
    await alice.response('INVITE')
    for (const proxy of [node, other]) {
      full.inbox.length = 0
      const again = it.phone('alice@example.com', '127.42.1.2', proxy)
      await again.authenticated('INVITE', 'sip:carol@far.example', { body: SDP })
      good.reply(await good.request('INVITE'), 486)
      assert.is((await again.response('INVITE')).status, 486)
      assert.not.ok(inviteIn(full))
    }
    // The one that is left is asked for, and says the same: then nobody is asked, and the caller hears how long it takes.
    await alice.authenticated('INVITE', 'sip:carol@far.example', { body: SDP })
    good.reply(await good.request('INVITE'), 503, { headers: [['Retry-After', '20']] })
    await good.request('ACK')
    const refused = await alice.response('INVITE')
    assert.is(refused.status, 500, 'not this node is overloaded')
    await alice.authenticated('INVITE', 'sip:carol@far.example', { body: SDP })
    const busy = await alice.response('INVITE')
    assert.equal([busy.status, busy.reason, busy.headers.get('Retry-After')], [500, 'Next Hop Is Busy', '20'])
    assert.not.ok(inviteIn(good))
    await it.clock.advance(20_000)
    await alice.authenticated('INVITE', 'sip:carol@far.example', { body: SDP })
    good.reply(await good.request('INVITE'), 486)
    assert.is((await alice.response('INVITE')).status, 486)
    await it.stop()
  }),
)

test(
  'a device that rings without a way back for its answers does not ring for ever: it is given up with Timer C',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    const bob = it.phone('bob@example.com', '127.42.1.2', node)
    await bob.register()
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    const invite = await bob.request('INVITE')
    const ringing = makeResponse(invite, 180, undefined, { toTag: 'b' })
    ringing.headers.setAll('Via', ringing.headers.getAll('Via').slice(0, 1))
    bob.send(ringing)
    await settle()
    await it.clock.advance(181_000)
    const refusal = await alice.response('INVITE')
    assert.is(refusal.status, 408)
    alice.ackFailure(request, refusal)
    await bob.request('CANCEL')
    await nothingLeft(it)
  }),
)

test(
  'after stop nothing that was being decided starts',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.1.1', node)
    const bob = it.phone('bob@example.com', '127.42.1.2', node)
    await bob.register()
    const { promise, resolve } = Promise.withResolvers<void>()
    it.mediaWaits = promise
    await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    await settle()
    await it.stop()
    resolve()
    await settle()
    await settle()
    assert.is(it.clock.armed, 0)
  }),
)

test.run()

import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SDP } from './phone.ts'
import { answeredCall, house } from './scene.ts'

const test = suite('sip: stack carries calls')

test(
  'a call is set up through the relay, recorded before the 200, and ended by the caller',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    const { request, invite, ok } = await answeredCall(alice, bob)
    assert.is(invite.uri, 'sip:bob@127.4.1.2:5070')
    assert.is(invite.headers.get('Max-Forwards'), '69')
    assert.not.ok(invite.headers.has('Proxy-Authorization'), 'used credentials go no further')
    assert.match(Buffer.from(invite.body).toString(), /m=audio 30000/)
    assert.match(Buffer.from(ok.body).toString(), /m=audio 40000/)
    assert.is(ok.vias.length, 1)
    assert.equal(it.log, ['caller offer b0', 'callee answer b0', 'answered'])
    const [record] = it.answered
    assert.is(record?.billedTo, 'alice@example.com')
    assert.is(record?.callee, 'bob@example.com')
    assert.equal([record?.dialog.caller.edge, record?.dialog.callee.edge], ['127.4.0.1:5060', '127.4.0.1:5060'])

    alice.send(alice.inDialog('BYE', 'caller', request, ok))
    const bye = await bob.request('BYE')
    assert.is(bye.uri, 'sip:bob@127.4.1.2:5070')
    assert.is(bye.routes.length, 0)
    bob.reply(bye, 200)
    assert.is((await alice.response('BYE')).status, 200)
    assert.is(it.log.at(-1), 'ended bye-caller')
    await it.stop()
  }),
)

test(
  'the callee hangs up',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    const { invite, sent } = await answeredCall(alice, bob)
    bob.send(bob.inDialog('BYE', 'callee', invite, sent))
    const bye = await alice.request('BYE')
    alice.reply(bye, 200)
    assert.is((await bob.response('BYE')).status, 200)
    assert.is(it.log.at(-1), 'ended bye-callee')
    await it.stop()
  }),
)

test(
  'a re-INVITE passes the relay both ways',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    const { invite, sent } = await answeredCall(alice, bob)
    it.log.length = 0
    bob.send(bob.inDialog('INVITE', 'callee', invite, sent, { body: SDP, cseq: 20 }))
    const reinvite = await alice.request('INVITE')
    alice.reply(reinvite, 200, { body: SDP })
    const ok = await bob.response('INVITE', 200)
    assert.match(Buffer.from(ok.body).toString(), /m=audio 30000/)
    assert.equal(it.log, ['callee offer b0', 'caller answer b0'])
    await it.stop()
  }),
)

test(
  'an offer in the 200 and its answer in the ACK pass the relay',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com')
    bob.reply(await bob.request('INVITE'), 200, { body: SDP })
    const ok = await alice.response('INVITE', 200)
    alice.send(alice.inDialog('ACK', 'caller', request, ok, { body: SDP }))
    const ack = await bob.request('ACK')
    assert.match(Buffer.from(ack.body).toString(), /m=audio 30000/)
    assert.equal(it.log, ['callee offer b0', 'answered', 'caller answer b0'])
    await it.stop()
  }),
)

test(
  'of two devices the one that answers gets the call, the other one a CANCEL',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const desk = it.phone('bob@example.com', '127.4.1.2', node)
    const mobile = it.phone('bob@example.com', '127.4.1.3', node)
    await desk.register()
    await mobile.register()
    await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    const first = await desk.request('INVITE')
    const second = await mobile.request('INVITE')
    desk.reply(first, 180, { tag: 'desk' })
    mobile.reply(second, 180, { tag: 'mobile' })
    await alice.response('INVITE', 180)
    await alice.response('INVITE', 180)
    mobile.reply(second, 200, { tag: 'mobile', body: SDP })
    assert.is((await alice.response('INVITE')).to.params.get('tag'), 'mobile')
    const cancel = await desk.request('CANCEL')
    desk.reply(cancel, 200)
    desk.reply(first, 487, { tag: 'desk' })
    await desk.request('ACK')
    assert.equal(
      new Set(it.log.filter((line) => line.startsWith('caller offer'))),
      new Set(['caller offer b0', 'caller offer b1']),
    )
    assert.not.ok(it.log.some((line) => line.startsWith('failed')))
    await it.stop()
  }),
)

test(
  'a retransmitted 200 is passed on and recorded once',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    const invite = await bob.request('INVITE')
    bob.reply(invite, 200, { body: SDP })
    const first = await alice.response('INVITE', 200)
    bob.reply(invite, 200, { body: SDP })
    const second = await alice.response('INVITE', 200)
    assert.is(Buffer.from(second.body).toString(), Buffer.from(first.body).toString())
    assert.is(it.answered.length, 1)
    await it.stop()
  }),
)

test(
  'a call goes on when its record cannot be opened',
  deadline(5_000, async () => {
    const { it, node } = await house()
    it.broken.answered = true
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    await answeredCall(alice, bob)
    await it.stop()
  }),
)

test(
  'the caller gives up: CANCEL goes to the device and 487 comes back',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    const invite = await bob.request('INVITE')
    bob.reply(invite, 180)
    await alice.response('INVITE', 180)
    alice.send(
      alice.build('CANCEL', request.uri, {
        via: request.headers.get('Via') as string,
        from: request.headers.get('From') as string,
        to: request.headers.get('To') as string,
        callId: request.callId,
        cseq: request.cseq.number,
      }),
    )
    assert.is((await alice.response('CANCEL')).status, 200)
    bob.reply(await bob.request('CANCEL'), 200)
    bob.reply(invite, 487)
    assert.is((await alice.response('INVITE')).status, 487)
    assert.is(it.log.at(-1), 'failed 487')
    await it.stop()
  }),
)

test(
  'an admitted caller reaches a foreign host',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const carol = it.phone('carol@127.4.1.9', '127.4.1.9', node)
    const { request } = await alice.authenticated('INVITE', 'sip:carol@127.4.1.9:5070', { body: SDP })
    const invite = await carol.request('INVITE')
    carol.reply(invite, 200, { body: SDP })
    const ok = await alice.response('INVITE', 200)
    alice.send(alice.inDialog('BYE', 'caller', request, ok))
    carol.reply(await carol.request('BYE'), 200)
    assert.is((await alice.response('BYE')).status, 200)
    await it.stop()
  }),
)

test(
  'no relay means 503, SDP that cannot be read 488',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    for (const [code, status] of [
      ['MEDIA_PORTS_EXHAUSTED', 503],
      ['MEDIA_SDP_INVALID', 488],
    ] as const) {
      it.broken.media = code
      await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
      assert.is((await alice.response('INVITE')).status, status)
      assert.is(it.log.at(-1), 'failed 503')
    }
    await it.stop()
  }),
)

test(
  'a device on another node is reached over the ring, and BYE may enter anywhere',
  deadline(5_000, async () => {
    const { it, nodes } = await house('127.4.0.1', '127.4.0.2', '127.4.0.3')
    const [a, c, d] = nodes
    const alice = it.phone('alice@example.com', '127.4.1.1', a!)
    const bob = it.phone('bob@example.com', '127.4.1.2', c!)
    await bob.register()
    const { request, ok } = await answeredCall(alice, bob)
    assert.ok(it.log.includes('ring 127.4.0.2:5060'))
    // A is gone for Alice: her BYE enters at a node that has never seen the call.
    it.log.length = 0
    alice.send(alice.inDialog('BYE', 'caller', request, ok), d)
    bob.reply(await bob.request('BYE'), 200)
    assert.is((await alice.response('BYE')).status, 200)
    assert.ok(it.log.includes('ring 127.4.0.2:5060'))
    assert.ok(it.log.includes('ended bye-caller'))
    await it.stop()
  }),
)

test(
  'a UDP device is reached directly when its edge is dead',
  deadline(5_000, async () => {
    const { it, nodes } = await house('127.4.0.1', '127.4.0.2')
    const [a, c] = nodes
    const alice = it.phone('alice@example.com', '127.4.1.1', a!)
    const bob = it.phone('bob@example.com', '127.4.1.2', c!)
    await bob.register()
    await it.stacks.get('127.4.0.2:5060')?.stop()
    it.stacks.delete('127.4.0.2:5060')
    await alice.authenticated('MESSAGE', 'sip:bob@example.com')
    bob.reply(await bob.request('MESSAGE'), 200)
    assert.is((await alice.response('MESSAGE')).status, 200)
    await it.stop()
  }),
)

test(
  'a call is ended from the middle with a BYE to each side',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    const { request, invite } = await answeredCall(alice, bob)
    const record = it.answered[0]!.dialog
    const ending = it.stacks.get('127.4.0.1:5060')!.endCall(record, 'media-timeout')
    for (const [phone, cseqAbove] of [
      [alice, 0],
      [bob, invite.cseq.number],
    ] as const) {
      const bye = await phone.request('BYE')
      assert.is(bye.headers.get('Reason'), 'SIP;cause=200;text="media time-out"')
      assert.is(bye.callId, request.callId)
      assert.ok(bye.cseq.number > cseqAbove)
      phone.reply(bye, 200)
    }
    await ending
    await it.stop()
  }),
)

test(
  'a 2xx that comes after its transaction goes where its Vias say, if a cookie of ours vouches for it',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    const { sent } = await answeredCall(alice, bob)
    alice.inbox.length = 0
    const late = (change: (response: typeof sent) => void): void => {
      const response = sent.clone()
      const [, callers = ''] = response.headers.getAll('Via')
      response.headers.setAll('Via', ['SIP/2.0/UDP 127.4.0.1:5060;branch=z9hG4bKforgotten', callers])
      change(response)
      bob.send(response)
    }
    late((response) => response.headers.remove('Record-Route'))
    late((response) => response.headers.set('Record-Route', '<sip:127.4.0.1:5060;lr;thor=AAAA>'))
    late((response) => {
      response.status = 180
    })
    late((response) => {
      const [, callers = ''] = response.headers.getAll('Via')
      response.headers.setAll('Via', ['SIP/2.0/UDP 127.4.1.2:5070;branch=z9hG4bKours', callers])
    })
    late((response) => response.headers.set('To', '<sip:bob@example.com>;tag=late'))
    const seen = await alice.response('INVITE')
    assert.is(seen.to.params.get('tag'), 'late')
    assert.is(seen.vias.length, 1)
    assert.is(alice.inbox.length, 0, 'the others went nowhere')
    await it.stop()
  }),
)

test.run()

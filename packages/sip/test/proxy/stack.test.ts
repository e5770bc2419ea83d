import { deadline, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { SipRequest } from '../../src/message/index.ts'
import { House } from './house.ts'
import { type Phone, SDP } from './phone.ts'

const test = suite('sip: stack')

async function house(...hosts: string[]) {
  const it = new House()
  for (const user of ['alice', 'bob']) it.account(`${user}@example.com`)
  const nodes = []
  for (const host of hosts.length > 0 ? hosts : ['127.4.0.1']) nodes.push(await it.node(host))
  return { it, node: nodes[0]!, nodes }
}

/** Alice calls, Bob answers; returns what each side has seen. */
async function answeredCall(alice: Phone, bob: Phone) {
  const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
  const invite = await bob.request('INVITE')
  bob.reply(invite, 180)
  await alice.response('INVITE', 180)
  const sent = bob.reply(invite, 200, { body: SDP })
  const ok = await alice.response('INVITE', 200)
  alice.send(alice.inDialog('ACK', 'caller', request, ok))
  await bob.request('ACK')
  return { request, invite, sent, ok }
}

for (const algorithm of ['MD5', 'SHA-256']) {
  test(
    `a device registers with ${algorithm}`,
    deadline(5_000, async () => {
      const { it, node } = await house()
      const bob = it.phone('bob@example.com', '127.4.1.2', node)
      const ok = await bob.register(algorithm)
      assert.is(ok.status, 200)
      assert.match(ok.headers.get('Contact') ?? '', /^<sip:bob@127\.4\.1\.2:5070>;expires=600$/)
      assert.ok(ok.headers.has('Date'))
      assert.is(it.bindings.get('bob@example.com')?.[0]?.edge, '127.4.0.1:5060')
      await it.stop()
    }),
  )
}

test(
  'the 401 offers each algorithm in a header of its own, the stronger one first',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    const { challenge } = await bob.authenticated('REGISTER', 'sip:example.com', { to: '<sip:bob@example.com>' })
    const offered = challenge.headers.getAll('WWW-Authenticate').map((value) => /algorithm=([^,]+)/.exec(value)?.[1])
    assert.equal(offered, ['SHA-256', 'MD5'])
    await it.stop()
  }),
)

test(
  'a wrong password and an unknown user are refused alike',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const wrong = await it.phone('bob@example.com', '127.4.1.2', node, 'guess').register()
    const unknown = await it.phone('nobody@example.com', '127.4.1.3', node, 'guess').register()
    assert.equal([wrong.status, wrong.reason], [403, 'Forbidden'])
    assert.equal([unknown.status, unknown.reason], [403, 'Forbidden'])
    await it.stop()
  }),
)

test(
  'an account with MD5 digests only is asked for MD5 when it answers with SHA-256',
  deadline(5_000, async () => {
    const { it, node } = await house()
    it.account('old@example.com', { md5Only: true })
    const again = await it.phone('old@example.com', '127.4.1.2', node).register('SHA-256')
    assert.is(again.status, 401)
    assert.equal(again.headers.getAll('WWW-Authenticate').length, 1)
    assert.match(again.headers.get('WWW-Authenticate') ?? '', /algorithm=MD5/)
    await it.stop()
  }),
)

test(
  'the same credentials a second time are challenged as stale',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    const { request } = await bob.authenticated('REGISTER', 'sip:example.com', { to: '<sip:bob@example.com>' })
    assert.is((await bob.response('REGISTER')).status, 200)
    const authorization = request.headers.get('Authorization') as string
    const headers = [['Authorization', authorization]] as const
    bob.send(bob.build('REGISTER', 'sip:example.com', { to: '<sip:bob@example.com>', cseq: 9, headers }))
    const replay = await bob.response('REGISTER')
    assert.is(replay.status, 401)
    assert.match(replay.headers.get('WWW-Authenticate') ?? '', /stale=true/)
    await it.stop()
  }),
)

test(
  'a domain that is not served is refused',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const eve = it.phone('eve@elsewhere.org', '127.4.1.2', node)
    eve.send(eve.build('REGISTER', 'sip:elsewhere.org', { to: '<sip:eve@elsewhere.org>' }))
    assert.is((await eve.response('REGISTER')).status, 403)
    eve.send(eve.build('REGISTER', 'sip:127.4.0.1', { to: '<sip:eve@elsewhere.org>' }))
    assert.is((await eve.response('REGISTER')).status, 404)
    eve.send(eve.build('INVITE', 'sip:victim@elsewhere.net'))
    assert.is((await eve.response('INVITE')).status, 403)
    await it.stop()
  }),
)

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
  'busy comes back as busy, offline as 480, unknown as 404',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    const statusOf = async (target: string): Promise<number> => {
      await alice.authenticated('INVITE', target, { body: SDP })
      return (await alice.response('INVITE')).status
    }
    assert.is(await statusOf('sip:bob@example.com'), 480)
    assert.is(await statusOf('sip:nobody@example.com'), 404)
    await bob.register()
    const calling = statusOf('sip:bob@example.com')
    bob.reply(await bob.request('INVITE'), 486)
    assert.is(await calling, 486)
    await it.stop()
  }),
)

test(
  'an alias leads to the account, aliases in a circle to 482',
  deadline(5_000, async () => {
    const { it, node } = await house()
    it.aliases.set('sales@example.com', 'bob@example.com')
    it.aliases.set('a@example.com', 'b@example.com')
    it.aliases.set('b@example.com', 'a@example.com')
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    await alice.authenticated('MESSAGE', 'sip:sales@example.com')
    bob.reply(await bob.request('MESSAGE'), 200)
    assert.is((await alice.response('MESSAGE')).status, 200)
    await alice.authenticated('MESSAGE', 'sip:a@example.com')
    assert.is((await alice.response('MESSAGE')).status, 482)
    await it.stop()
  }),
)

test(
  'MESSAGE and methods nobody has heard of reach the device',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    for (const method of ['MESSAGE', 'FROBNICATE']) {
      await alice.authenticated(method, 'sip:bob@example.com')
      bob.reply(await bob.request(method), 200)
      assert.is((await alice.response(method)).status, 200)
    }
    await it.stop()
  }),
)

test(
  'Max-Forwards 0 is answered 483, a foreign scheme 416, Proxy-Require 420',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const table: [string, [string, string][], number][] = [
      ['sip:bob@example.com', [['Max-Forwards', '0']], 483],
      ['http://example.com', [], 416],
      ['sip:bob@example.com', [['Proxy-Require', 'privacy']], 420],
    ]
    for (const [uri, headers, status] of table) {
      alice.send(alice.build('MESSAGE', uri, { headers, to: '<sip:bob@example.com>' }))
      const answer = await alice.response('MESSAGE')
      assert.is(answer.status, status)
      assert.ok(answer.to.params.get('tag'))
    }
    await it.stop()
  }),
)

test(
  'a request that comes back unchanged is a loop, one with a new target is not',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    await alice.authenticated('MESSAGE', 'sip:bob@example.com')
    const there = await bob.request('MESSAGE')
    const back = (uri: string): SipRequest => {
      const copy = there.clone()
      copy.uri = uri
      copy.headers.prepend('Via', `SIP/2.0/UDP 127.4.1.2:5070;branch=z9hG4bKback${uri.length};rport`)
      return copy
    }
    bob.send(back('sip:bob@example.com'))
    assert.is((await bob.response('MESSAGE')).status, 482)
    bob.send(back('sip:robert@example.com'))
    assert.is.not((await bob.response('MESSAGE')).status, 482)
    await it.stop()
  }),
)

test(
  'OPTIONS to the node and to the domain is answered here',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    for (const uri of ['sip:example.com', 'sip:127.4.0.1:5060']) {
      alice.send(alice.build('OPTIONS', uri))
      const answer = await alice.response('OPTIONS')
      assert.is(answer.status, 200)
      assert.match(answer.headers.get('Allow') ?? '', /INVITE/)
    }
    await it.stop()
  }),
)

test(
  'a foreign caller reaches an account without credentials, unless that is switched off',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const closed = await it.node('127.4.0.9', { allowInboundFrom: 'none' })
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    const eve = it.phone('eve@elsewhere.org', '127.4.1.3', node)
    eve.send(eve.build('MESSAGE', 'sip:bob@example.com'))
    bob.reply(await bob.request('MESSAGE'), 200)
    assert.is((await eve.response('MESSAGE')).status, 200)
    eve.send(eve.build('MESSAGE', 'sip:bob@example.com'), closed)
    assert.is((await eve.response('MESSAGE')).status, 403)
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
  'a home that cannot be asked means 503 with Retry-After',
  deadline(5_000, async () => {
    const { it, node } = await house()
    it.broken.home = true
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    for (const method of ['REGISTER', 'INVITE']) {
      alice.send(alice.build(method, 'sip:example.com', { to: '<sip:alice@example.com>' }))
      const answer = await alice.response(method)
      assert.is(answer.status, 503)
      assert.is(answer.headers.get('Retry-After'), '2')
    }
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
    late((response) => response.headers.set('To', '<sip:bob@example.com>;tag=late'))
    const seen = await alice.response('INVITE')
    assert.is(seen.to.params.get('tag'), 'late')
    assert.is(seen.vias.length, 1)
    assert.is(alice.inbox.length, 0, 'the others went nowhere')
    await it.stop()
  }),
)

test(
  'a request in a dialog nobody here has routed is answered 481',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    alice.send(alice.build('BYE', 'sip:bob@example.com', { to: '<sip:bob@example.com>;tag=x' }))
    assert.is((await alice.response('BYE')).status, 481)
    const forged = [['Route', '<sip:127.4.0.1:5060;lr;thor=AAAA>']] as const
    alice.send(alice.build('BYE', 'sip:bob@127.4.1.2:5070', { to: '<sip:bob@example.com>;tag=x', headers: forged }))
    assert.is((await alice.response('BYE')).status, 481)
    await it.stop()
  }),
)

test(
  'nothing is left after stop',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    await bob.register()
    await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    bob.reply(await bob.request('INVITE'), 180)
    await alice.response('INVITE', 180)
    assert.ok(it.clock.armed > 0)
    await it.stop()
    await settle()
    assert.is(it.clock.armed, 0)
  }),
)

test.run()

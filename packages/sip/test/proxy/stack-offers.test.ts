/** Offers and answers wherever they may stand (RFC 3264, RFC 3262 §5, RFC 3311, RFC 6337). */
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SDP } from './phone.ts'
import { house } from './scene.ts'

const test = suite('sip: stack passes offers and answers')

async function pair() {
  const { it, node } = await house()
  const alice = it.phone('alice@example.com', '127.42.3.1', node)
  const bob = it.phone('bob@example.com', '127.42.3.2', node)
  await bob.register()
  return { it, alice, bob }
}

test(
  'an offer in a reliable 183 is answered in its PRACK',
  deadline(5_000, async () => {
    const { it, alice, bob } = await pair()
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com')
    const invite = await bob.request('INVITE')
    bob.reply(invite, 183, { body: SDP })
    const progress = await alice.response('INVITE', 183)
    assert.match(Buffer.from(progress.body).toString(), /m=audio 40000/)
    const prack = alice.inDialog('PRACK', 'caller', request, progress, { body: SDP, headers: [['RAck', '1 1 INVITE']] })
    alice.send(prack)
    const seen = await bob.request('PRACK')
    assert.match(Buffer.from(seen.body).toString(), /m=audio 30000/)
    bob.reply(seen, 200)
    await alice.response('PRACK', 200)
    bob.reply(invite, 200)
    await alice.response('INVITE', 200)
    assert.equal(it.log, ['callee offer b0', 'caller answer b0', 'answered'])
    await it.stop()
  }),
)

test(
  'offers in PRACK and UPDATE are answered in their 200s, from either side',
  deadline(5_000, async () => {
    const { it, alice, bob } = await pair()
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    const invite = await bob.request('INVITE')
    const sent = bob.reply(invite, 183, { body: SDP })
    const progress = await alice.response('INVITE', 183)
    it.log.length = 0
    for (const [method, side, from, to] of [
      ['PRACK', 'caller', alice, bob],
      ['UPDATE', 'caller', alice, bob],
      ['UPDATE', 'callee', bob, alice],
    ] as const) {
      const [asked, answered] = side === 'caller' ? [request, progress] : [invite, sent]
      from.send(from.inDialog(method, side, asked, answered, { body: SDP }))
      const seen = await to.request(method)
      assert.match(Buffer.from(seen.body).toString(), side === 'caller' ? /m=audio 30000/ : /m=audio 40000/)
      to.reply(seen, 200, { body: SDP })
      const ok = await from.response(method, 200)
      assert.match(Buffer.from(ok.body).toString(), side === 'caller' ? /m=audio 40000/ : /m=audio 30000/)
    }
    const fromCaller = ['caller offer b0', 'callee answer b0']
    assert.equal(it.log, [...fromCaller, ...fromCaller, 'callee offer b0', 'caller answer b0'])
    await it.stop()
  }),
)

test(
  'SDP beside another part of a body passes the relay, the other part stays as it is',
  deadline(5_000, async () => {
    const { it, alice, bob } = await pair()
    const isup = 'Content-Type: application/isup\r\n\r\n\x01\xff\x02'
    const body = `--b\r\n${isup}\r\n--b\r\nContent-Type: application/sdp\r\n\r\n${SDP}\r\n--b--\r\n`
    const headers = [['Content-Type', 'multipart/mixed;boundary=b']] as const
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { headers, raw: body })
    const invite = await bob.request('INVITE')
    assert.is(
      Buffer.from(invite.body).toString('latin1'),
      Buffer.from(request.body).toString('latin1').replace('m=audio 4000', 'm=audio 30000'),
    )
    bob.reply(invite, 200, { body: SDP })
    await alice.response('INVITE', 200)
    assert.equal(it.log, ['caller offer b0', 'callee answer b0', 'answered'])
    await it.stop()
  }),
)

test.run()

import { deadline, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { SipRequest } from '../../src/message/index.ts'
import { type Outgoing, SDP } from './phone.ts'
import { house } from './scene.ts'

const test = suite('sip: stack as a proxy')

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
      ['sip:bob@example.com', [['Proxy-Require', 'privacy, frob']], 420],
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
  'what the node answers itself must not ask more of it than it can do',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.4.1.1', node)
    const gzip = { headers: [['Content-Encoding', 'gzip'] as [string, string]], raw: 'x' }
    const optional = {
      headers: [...gzip.headers, ['Content-Disposition', 'render; handling=optional'] as const],
      raw: 'x',
    }
    for (const method of ['OPTIONS', 'REGISTER']) {
      const ask = async (out: Outgoing) => {
        alice.send(alice.build(method, 'sip:example.com', { to: '<sip:alice@example.com>', ...out }))
        return alice.response(method)
      }
      const extension = await ask({ headers: [['Require', 'gruu, Frob']] })
      assert.is(extension.status, 420)
      assert.is(extension.headers.get('Unsupported'), 'frob')
      const encoded = await ask(gzip)
      assert.is(encoded.status, 415)
      assert.is(encoded.headers.get('Accept-Encoding'), 'identity')
      assert.is((await ask(optional)).status, method === 'OPTIONS' ? 200 : 401)
      assert.is((await ask({ headers: [['Require', 'path']] })).status, method === 'OPTIONS' ? 200 : 401)
    }
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

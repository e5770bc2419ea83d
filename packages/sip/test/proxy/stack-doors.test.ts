/** Who may do what: claims that are not proved, cookies in wrong hands, credentials that must not travel on. */
import { deadline, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatNameAddr } from '../../src/message/index.ts'
import { type Outgoing, SDP } from './phone.ts'
import { answeredCall, house } from './scene.ts'

const test = suite('sip: stack keeps its doors')

test(
  'a cookie of ours outside its dialog is no ticket',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.2.1', node)
    const bob = it.phone('bob@example.com', '127.42.2.2', node)
    await bob.register()
    const { ok } = await answeredCall(alice, bob)
    const [route] = ok.recordRoutes.map(formatNameAddr)
    const mallory = it.phone('mallory@example.com', '127.42.2.3', node)
    const statusOf = async (method: string, out: Outgoing): Promise<number> => {
      mallory.send(
        mallory.build(method, 'sip:anybody@127.42.2.9:5070', { headers: [['Route', route as string]], ...out }),
      )
      return (await mallory.response(method)).status
    }
    assert.is(await statusOf('INVITE', { body: SDP }), 407, 'a new request')
    assert.is(
      await statusOf('INVITE', { body: SDP, from: '<sip:m@far.example>;tag=m' }),
      403,
      'a stranger may not relay',
    )
    assert.is(await statusOf('BYE', { to: '<sip:bob@example.com>;tag=other' }), 481, 'another dialog')
    const ack = mallory.build('ACK', 'sip:bob@127.42.2.2:5070', {
      to: '<sip:bob@example.com>;tag=other',
      headers: [['Route', route as string]],
    })
    mallory.send(ack)
    await settle()
    await settle()
    assert.is(bob.inbox.length, 0)
    await it.stop()
  }),
)

test(
  'credentials for this domain and identities that nobody vouched for stay here, within a dialog as before it',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.2.1', node)
    const bob = it.phone('bob@example.com', '127.42.2.2', node)
    await bob.register()
    const claim = ['P-Asserted-Identity', '<sip:boss@example.com>'] as const
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP, headers: [claim] })
    const invite = await bob.request('INVITE')
    assert.is(invite.headers.get('P-Asserted-Identity'), '<sip:alice@example.com>')
    bob.reply(invite, 200, { body: SDP })
    const ok = await alice.response('INVITE', 200)
    const credentials = ['Proxy-Authorization', request.headers.get('Proxy-Authorization') as string] as const
    const foreign = [
      'Proxy-Authorization',
      'Digest username="a", realm="far.example", nonce="n", uri="u", response="r"',
    ]
    for (const method of ['ACK', 'BYE']) {
      const headers = [credentials, foreign as unknown as typeof credentials, claim]
      alice.send(alice.inDialog(method, 'caller', request, ok, { headers }))
      const seen = await bob.request(method)
      assert.equal(seen.headers.getAll('Proxy-Authorization'), [foreign[1]])
      assert.not.ok(seen.headers.has('P-Asserted-Identity'))
    }
    await it.stop()
  }),
)

test(
  'From an address of this domain must be proved, however it is written',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const bob = it.phone('bob@example.com', '127.42.2.2', node)
    const mallory = it.phone('mallory@far.example', '127.42.2.3', node)
    await bob.register()
    for (const [from, status] of [
      ['<sip:alice@example.com>;tag=1', 407],
      ['<sip:alice@EXAMPLE.com>;tag=1', 407],
      ['<sips:alice@example.com>;tag=1', 407],
      ['<sip:example.com>;tag=1', 403],
    ] as const) {
      mallory.send(mallory.build('MESSAGE', 'sip:bob@example.com', { from }))
      assert.is((await mallory.response('MESSAGE')).status, status, from)
    }
    assert.is(bob.inbox.length, 0)
    await it.stop()
  }),
)

test(
  'a domain served here without a user is nobody, and not a foreign host',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.2.1', node)
    await alice.authenticated('MESSAGE', 'sip:example.com')
    assert.is((await alice.response('MESSAGE')).status, 404)
    await it.stop()
  }),
)

test(
  'a device behind an outside proxy is called through its Path',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const alice = it.phone('alice@example.com', '127.42.2.1', node)
    // The outside proxy holds the flow; the device stands behind it.
    const edge = it.phone('bob@example.com', '127.42.2.4', node)
    const path = '<sip:127.42.2.4:5070;lr>'
    const contact = '<sip:bob@10.9.9.9:5060>'
    const headers = [
      ['Path', path],
      ['Supported', 'path'],
      ['Contact', contact],
    ] as const
    const registered = await edge.register('SHA-256', { headers })
    assert.equal(registered.headers.getAll('Path'), [path])
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    const invite = await edge.request('INVITE')
    assert.equal(invite.routes.map(formatNameAddr), [path])
    assert.is(invite.uri, 'sip:bob@10.9.9.9:5060')
    // It record-routes, as an outside proxy does.
    invite.headers.prepend('Record-Route', path)
    edge.reply(invite, 200, { body: SDP })
    const ok = await alice.response('INVITE', 200)
    alice.send(alice.inDialog('BYE', 'caller', request, ok))
    assert.equal((await edge.request('BYE')).routes.map(formatNameAddr), [path])
    await it.stop()
  }),
)

test.run()

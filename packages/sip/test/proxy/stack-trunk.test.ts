/** Calls to numbers outside: by which trunk, as whom, and who answers the challenge of the carrier. */
import { type Address, formatChallenge, parseCredentials } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerLoad } from '../../src/guard/peer-load.ts'
import type { SipRequest, SipResponse } from '../../src/message/index.ts'
import type { TrunkState } from '../../src/trunk/trunk.ts'
import { loadName, Trunks } from '../../src/trunk/trunks.ts'
import { House } from './house.ts'
import { type Phone, SDP } from './phone.ts'

const test = suite('sip: stack calls by trunks')

const NUMBER = 'sip:+3120@example.com'
const CHALLENGE = formatChallenge({ realm: 'carrier', nonce: 'n', algorithm: 'MD5', qop: 'auth' })

function trunk(name: string, host: string, change: Partial<TrunkState> = {}): TrunkState {
  return {
    name,
    target: `sip:${host}:5070`,
    domain: `${name}.example`,
    prefixes: ['+'],
    register: false,
    expires: 600,
    callsMax: 0,
    from: 'trunk',
    probeMs: 0,
    failures: 3,
    successes: 2,
    up: true,
    credentials: { user: '3120999', password: 's3cret' },
    ...change,
  }
}

async function scene(...trunks: TrunkState[]) {
  const it = new House()
  const load = new PeerLoad({ clock: it.clock })
  const known = new Trunks({ load })
  known.replace(trunks)
  it.trunks = known
  it.account('alice@example.com', { groups: ['free-pstn'] })
  it.account('eve@example.com')
  const node = await it.node('127.4.0.1')
  const other = await it.node('127.4.0.2')
  const alice = it.phone('alice@example.com', '127.4.1.1', node)
  const carriers = trunks.map(({ target }) => carrierAt(it, target, node))
  return { it, node, other, alice, load, carrier: carriers[0] as Phone, carriers }
}

function carrierAt(it: House, target: string, node: Address): Phone {
  return it.phone('+3120@carrier.example', /@?([\d.]+):/.exec(target)?.[1] ?? '', node)
}

/** As the carrier does it: asked for digest, then let in. */
async function challenged(carrier: Phone): Promise<{ first: SipRequest; second: SipRequest }> {
  const first = await carrier.request('INVITE')
  carrier.reply(first, 407, { headers: [['Proxy-Authenticate', CHALLENGE]] })
  await carrier.request('ACK')
  return { first, second: await carrier.request('INVITE') }
}

test(
  'the challenge of a carrier is answered here; the caller sees one call, with his own From and CSeq',
  deadline(5_000, async () => {
    const { it, alice, carrier, other } = await scene(trunk('carrier', '127.4.9.1'))
    const { request } = await alice.authenticated('INVITE', NUMBER, { body: SDP })
    const { first, second } = await challenged(carrier)
    assert.is(second.uri, 'sip:+3120@127.4.9.1:5070;user=phone')
    assert.is(second.cseq.number, first.cseq.number + 1)
    const said = parseCredentials(second.headers.get('Proxy-Authorization') ?? '')
    assert.equal([said?.username, said?.realm, said?.uri], ['3120999', 'carrier', second.uri])
    assert.is(second.headers.get('From')?.replace(/;tag=.*/, ''), '<sip:3120999@carrier.example>')
    assert.is(second.from.params.get('tag'), request.from.params.get('tag'))
    assert.is(second.headers.get('P-Asserted-Identity'), '<sip:alice@example.com>')
    assert.match(Buffer.from(second.body).toString(), /m=audio 30000/)
    carrier.reply(second, 180)
    const ringing = await alice.response('INVITE', 180)
    assert.is(ringing.headers.get('CSeq'), request.headers.get('CSeq'))
    carrier.reply(second, 200, { body: SDP })
    const ok = await alice.response('INVITE', 200)
    assert.is(ok.headers.get('From'), request.headers.get('From'))
    assert.is(ok.headers.get('CSeq'), request.headers.get('CSeq'))
    const challenges = alice.inbox.filter((one) => one.kind === 'response' && one.status > 400)
    assert.is(challenges.length, 0, 'none came through')
    assert.is(it.answered[0]?.dialog.callee.cseq, second.cseq.number)
    assert.is(it.answered[0]?.dialog.caller.nameAddr, second.headers.get('From'))

    alice.send(alice.inDialog('ACK', 'caller', request, ok))
    assert.is((await carrier.request('ACK')).cseq.number, second.cseq.number)
    // Another node carries the end, and answers for the caller again.
    alice.send(alice.inDialog('BYE', 'caller', request, ok), other)
    const bye = await carrier.request('BYE')
    assert.is(bye.from.uri.user, '3120999')
    assert.ok(bye.cseq.number > second.cseq.number)
    carrier.reply(bye, 407, { headers: [['Proxy-Authenticate', CHALLENGE]] })
    const again = await carrier.request('BYE')
    assert.is(again.cseq.number, bye.cseq.number + 1)
    assert.ok(parseCredentials(again.headers.get('Proxy-Authorization') ?? ''))
    carrier.reply(again, 200)
    assert.is((await alice.response('BYE')).status, 200)
    await it.stop()
  }),
)

test(
  'the right to call out is asked for, and only for numbers that a trunk takes',
  deadline(5_000, async () => {
    const { it, node, alice, carrier } = await scene(trunk('carrier', '127.4.9.1'))
    const eve = it.phone('eve@example.com', '127.4.1.3', node)
    await eve.authenticated('INVITE', NUMBER, { body: SDP })
    assert.is((await eve.response('INVITE')).status, 403)
    await alice.authenticated('INVITE', 'sip:0049@example.com', { body: SDP })
    assert.is((await alice.response('INVITE')).status, 404)
    await alice.authenticated('MESSAGE', NUMBER)
    assert.is((await alice.response('MESSAGE')).status, 404, 'trunks carry calls')
    const stranger = it.phone('mallory@elsewhere.example', '127.4.1.4', node)
    stranger.send(stranger.build('INVITE', NUMBER, { body: SDP }))
    assert.is((await stranger.response('INVITE')).status, 404, 'nobody calls out without an account')
    assert.is(carrier.inbox.length, 0)
    await it.stop()
  }),
)

test(
  'a carrier that does not take the password has failed: the next trunk is tried, and the caller is not asked',
  deadline(5_000, async () => {
    const { it, alice, carriers, load } = await scene(trunk('a', '127.4.9.1'), trunk('b', '127.4.9.2'))
    const [first, second] = carriers as [Phone, Phone]
    await alice.authenticated('INVITE', NUMBER, { body: SDP })
    for (let i = 0; i < 3; i++) {
      const invite = await first.request('INVITE')
      assert.is(load.callsOf(loadName('a')), 1)
      first.reply(invite, 401, { headers: [['WWW-Authenticate', CHALLENGE]] })
      await first.request('ACK')
    }
    const invite = await second.request('INVITE')
    assert.match(Buffer.from(invite.body).toString(), /m=audio 30000/)
    assert.equal([load.callsOf(loadName('a')), load.callsOf(loadName('b'))], [0, 1])
    second.reply(invite, 407, { headers: [['Proxy-Authenticate', 'Digest realm="c", nonce="n", algorithm=OTHER']] })
    await second.request('ACK')
    assert.is((await alice.response('INVITE')).status, 502)
    await it.stop()
  }),
)

test(
  'trunks that refuse with 5xx, that are down or full are passed over; what a callee says is the answer',
  deadline(5_000, async () => {
    const down = trunk('a', '127.4.9.1', { up: false })
    const full = trunk('b', '127.4.9.2', { callsMax: 1 })
    const { it, alice, carriers, load } = await scene(down, full, trunk('c', '127.4.9.3'), trunk('d', '127.4.9.4'))
    const [, , third, fourth] = carriers as [Phone, Phone, Phone, Phone]
    load.begin({ name: loadName('b'), callsMax: 1, callsPerSecond: 0 }, 'other')
    await alice.authenticated('INVITE', NUMBER, { body: SDP })
    const refused = await third.request('INVITE')
    third.reply(refused, 100)
    third.reply(refused, 500)
    await third.request('ACK')
    const busy = await fourth.request('INVITE')
    fourth.reply(busy, 486)
    assert.is((await alice.response('INVITE')).status, 486)
    await it.stop()
  }),
)

test(
  'with every trunk down or full there is no call',
  deadline(5_000, async () => {
    const one = await scene(trunk('a', '127.4.9.1', { up: false }))
    await one.alice.authenticated('INVITE', NUMBER, { body: SDP })
    assert.is((await one.alice.response('INVITE')).status, 503)
    await one.it.stop()
    const two = await scene(trunk('a', '127.4.9.1', { callsMax: 1 }))
    two.load.begin({ name: loadName('a'), callsMax: 1, callsPerSecond: 0 }, 'other')
    await two.alice.authenticated('INVITE', NUMBER, { body: SDP })
    const refused = await two.alice.response('INVITE')
    assert.is(refused.status, 503)
    assert.ok(refused.headers.has('Retry-After'))
    await two.it.stop()
  }),
)

test(
  'a gateway that says when to come again is not asked before; calls go by the next one, and those within a dialog still to it',
  deadline(5_000, async () => {
    const gateways = [trunk('a', '127.4.9.1'), trunk('b', '127.4.9.2')]
    const { it, node, alice, carriers } = await scene(...gateways)
    const [first, second] = carriers as [Phone, Phone]
    const { request } = await alice.authenticated('INVITE', NUMBER, { body: SDP })
    first.reply(await first.request('INVITE'), 200, { body: SDP })
    const ok = await alice.response('INVITE', 200)
    alice.send(alice.inDialog('ACK', 'caller', request, ok))
    await first.request('ACK')

    const call = async (...answers: [Phone, number, string?][]): Promise<SipResponse> => {
      const { request: invite } = await alice.authenticated('INVITE', NUMBER, { body: SDP })
      for (const [gateway, status, seconds] of answers) {
        const headers = seconds === undefined ? [] : ([['Retry-After', seconds]] as const)
        gateway.reply(await gateway.request('INVITE'), status, { headers })
        await gateway.request('ACK')
      }
      const refusal = await alice.response('INVITE')
      alice.ackFailure(invite, refusal)
      return refusal
    }
    assert.is((await call([first, 503, '120'], [second, 486])).status, 486)
    await it.clock.advance(100_000)
    assert.is((await call([second, 503, '600'])).status, 500)
    const busy = await call()
    assert.equal([busy.status, busy.headers.get('Retry-After')], [500, '20'], 'the sooner of both')
    assert.not.ok(first.inbox.some((m) => m.kind === 'request' && m.method === 'INVITE'))

    alice.send(alice.inDialog('BYE', 'caller', request, ok), node)
    first.reply(await first.request('BYE'), 200)
    assert.is((await alice.response('BYE')).status, 200)
    await it.clock.advance(20_000)
    assert.is((await call([first, 486])).status, 486)
    await it.stop()
  }),
)

test(
  'a caller who hides is told to the carrier alone; a gateway may be shown the caller',
  deadline(5_000, async () => {
    const { it, alice, carrier } = await scene(trunk('a', '127.4.9.1', { from: 'caller' }))
    await alice.authenticated('INVITE', NUMBER, { body: SDP })
    const shown = await carrier.request('INVITE')
    assert.is(shown.from.uri.user, 'alice')
    carrier.reply(shown, 486)
    await carrier.request('ACK')
    await alice.response('INVITE')
    const headers = [['Privacy', 'user;id']] as const
    await alice.authenticated('INVITE', NUMBER, { body: SDP, headers })
    const hidden = await carrier.request('INVITE')
    assert.is(hidden.from.uri.host, 'anonymous.invalid')
    assert.is(hidden.headers.get('P-Asserted-Identity'), '<sip:alice@example.com>')
    assert.is(hidden.headers.get('Privacy'), 'id')
    await it.stop()
  }),
)

test(
  'a caller who gives up while a carrier asks is given up there too',
  deadline(5_000, async () => {
    const { it, alice, carrier } = await scene(trunk('a', '127.4.9.1'))
    const { request } = await alice.authenticated('INVITE', NUMBER, { body: SDP })
    const { second } = await challenged(carrier)
    carrier.reply(second, 180)
    await alice.response('INVITE', 180)
    const [via, from, to] = ['Via', 'From', 'To'].map((name) => request.headers.get(name) ?? '')
    const { callId, cseq } = request
    alice.send(alice.build('CANCEL', request.uri, { via, from, to, callId, cseq: cseq.number }))
    const cancel = await carrier.request('CANCEL')
    assert.is(cancel.cseq.number, second.cseq.number)
    carrier.reply(cancel, 200)
    carrier.reply(second, 487)
    assert.is((await alice.response('INVITE')).status, 487)
    await it.stop()
  }),
)

test(
  'a number at the address of a carrier is a number outside, whatever leads there',
  deadline(5_000, async () => {
    const { it, node, alice, carrier } = await scene(trunk('one', '127.4.1.8'))
    const eve = it.phone('eve@example.com', '127.4.1.3', node)
    it.foreign.set('gateway.example.net', [{ host: '127.4.1.8', port: 5070 }])
    const route = [['Route', '<sip:127.4.1.8:5070;lr>']] as const
    const table = [
      ['sip:+3120@127.4.1.8:5070'],
      ['sip:%2B31-20@gateway.example.net'],
      ['sip:003120@127.4.1.8:5070'],
      ['sip:+3120@far.example', route],
    ] as const
    for (const [uri, headers = []] of table) {
      await eve.authenticated('INVITE', uri, { body: SDP, headers })
      const refusal = await eve.response('INVITE')
      assert.is(`${refusal.status} ${refusal.reason}`, '403 No Right To Call Numbers Outside', uri)
      await alice.authenticated('INVITE', uri, { body: SDP, headers })
      carrier.reply(await carrier.request('INVITE'), 486)
      assert.is((await alice.response('INVITE')).status, 486)
    }
    await eve.authenticated('INVITE', 'sip:info@127.4.1.8:5070', { body: SDP })
    carrier.reply(await carrier.request('INVITE'), 486)
    assert.is((await eve.response('INVITE')).status, 486)
    await it.stop()
  }),
)

test.run()

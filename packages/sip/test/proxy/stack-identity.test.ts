/** Who a callee is told calls: RFC 3325, RFC 3323, RFC 5079, and the way a request came (RFC 5806, RFC 7044). */
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Diversion } from '../../src/delegates.ts'
import type { Outgoing } from './phone.ts'
import { SDP } from './phone.ts'
import { answeredCall, house } from './scene.ts'

const test = suite('sip: stack says who calls')

async function scene(alice: { groups?: string[] } = {}, bob: { groups?: string[] } = {}) {
  const { it, node } = await house()
  it.account('alice@example.com', {
    aliases: ['sales@example.com', '+3120@example.com'],
    displayName: 'Alice',
    ...alice,
  })
  it.account('bob@example.com', bob)
  const caller = it.phone('alice@example.com', '127.4.1.1', node)
  const callee = it.phone('bob@example.com', '127.4.1.2', node)
  await callee.register()
  /** What Bob sees of a MESSAGE that Alice sends. */
  const seen = async (headers: [string, string][] = [], out: Outgoing = {}) => {
    await caller.authenticated('MESSAGE', 'sip:bob@example.com', { headers, ...out })
    const got = await callee.request('MESSAGE')
    callee.reply(got, 200)
    assert.is((await caller.response('MESSAGE')).status, 200)
    return got
  }
  return { it, node, caller, callee, seen }
}

const AS_SALES = '<sip:sales@example.com>;tag=a'

test(
  'the ring says who calls; what others say of themselves goes no further',
  deadline(5_000, async () => {
    const { it, seen } = await scene()
    const got = await seen([
      ['P-Asserted-Identity', '<sip:president@example.com>'],
      ['Remote-Party-ID', '<sip:president@example.com>;party=calling'],
    ])
    assert.equal(got.headers.getAll('P-Asserted-Identity'), ['Alice <sip:alice@example.com>'])
    assert.not.ok(got.headers.has('Remote-Party-ID'))
    await it.stop()
  }),
)

test(
  'a trusted peer is believed, and what it says is withheld where its caller wants that',
  deadline(5_000, async () => {
    const { it, node, callee } = await scene()
    const gateway = it.phone('+3120@gateway.example', '127.4.1.30', node)
    const limits = { callsMax: 0, callsPerSecond: 0 }
    it.peers.replace([{ name: 'gateway', prefixes: ['127.4.1.30'], tlsNames: [], relay: false, ...limits }])
    const said = async (headers: [string, string][]) => {
      gateway.send(gateway.build('MESSAGE', 'sip:bob@example.com', { headers }))
      const got = await callee.request('MESSAGE')
      callee.reply(got, 200)
      await gateway.response('MESSAGE')
      return got.headers.getAll('P-Asserted-Identity')
    }
    const vouched = ['<sip:+3120@gateway.example>', '<tel:+3120>']
    const asserted = ['P-Asserted-Identity', vouched.join(', ')] as [string, string]
    assert.equal(await said([asserted]), vouched)
    assert.equal(await said([asserted, ['Privacy', 'id']]), [])
    assert.equal(await said([]), [])
    await it.stop()
  }),
)

test(
  'who needs privacy of the proxy gets it, and hears of it where it is not to be had',
  deadline(5_000, async () => {
    const { it, seen, caller } = await scene()
    const got = await seen([
      ['Proxy-Require', 'privacy'],
      ['Privacy', 'user;critical'],
    ])
    assert.is(got.from.uri.host, 'anonymous.invalid')
    assert.not.ok(got.headers.has('Proxy-Require'))
    caller.send(caller.build('MESSAGE', 'sip:bob@example.com', { headers: [['Privacy', 'user;invisible;critical']] }))
    const refusal = await caller.response('MESSAGE')
    assert.is(`${refusal.status} ${refusal.reason}`, '500 Privacy Not Supported')
    assert.ok(await seen([['Privacy', 'user;invisible']]))
    await it.stop()
  }),
)

test(
  'the identity is what From says, or what the caller prefers among his own addresses',
  deadline(5_000, async () => {
    const { it, seen } = await scene()
    const identity = async (preferred: string | undefined, from?: string) => {
      const headers: [string, string][] = preferred === undefined ? [] : [['P-Preferred-Identity', preferred]]
      const got = await seen(headers, from === undefined ? {} : { from })
      assert.not.ok(got.headers.has('P-Preferred-Identity'))
      return got.headers.get('P-Asserted-Identity')
    }
    assert.is(await identity(undefined, AS_SALES), 'Alice <sip:sales@example.com>')
    assert.is(await identity('<sip:+3120@example.com>'), 'Alice <sip:+3120@example.com>')
    assert.is(await identity('<sip:bob@example.com>, <sip:sales@example.com>'), 'Alice <sip:sales@example.com>')
    assert.is(await identity('<tel:+3199>', AS_SALES), 'Alice <sip:sales@example.com>')
    await it.stop()
  }),
)

test(
  'From may be any of the caller’s own addresses and nobody else’s',
  deadline(5_000, async () => {
    const { it, caller, seen } = await scene()
    assert.match((await seen([], { from: AS_SALES })).headers.get('From') ?? '', /sales/)
    await caller.authenticated('MESSAGE', 'sip:bob@example.com', { from: '<sip:bob@example.com>;tag=a' })
    assert.is((await caller.response('MESSAGE')).status, 403)
    await it.stop()
  }),
)

test(
  'Privacy: id withholds the identity, none does not',
  deadline(5_000, async () => {
    const { it, seen } = await scene()
    const hidden = await seen([['Privacy', 'id']])
    assert.not.ok(hidden.headers.has('P-Asserted-Identity'))
    assert.match(hidden.headers.get('From') ?? '', /alice@example\.com/, 'From is the caller’s own affair')
    assert.ok((await seen([['Privacy', 'none']])).headers.has('P-Asserted-Identity'))
    assert.ok((await seen([['Privacy', 'id; none']])).headers.has('P-Asserted-Identity'))
    await it.stop()
  }),
)

test(
  'a caller without a name proves at his domain who he is, and stays without one',
  deadline(5_000, async () => {
    const { it, caller, seen } = await scene()
    const from = '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=a'
    // The domain is told by the address that he prefers, or by what is registered on his flow.
    const preferred = await seen([['P-Preferred-Identity', '<sip:sales@example.com>']], { from })
    assert.is(preferred.headers.get('P-Asserted-Identity'), 'Alice <sip:sales@example.com>')
    await caller.register()
    const got = await seen([['Privacy', 'id']], { from })
    assert.not.ok(got.headers.has('P-Asserted-Identity'))
    assert.not.match([...got.headers].join('\n'), /alice@example/)
    await it.stop()
  }),
)

test(
  'a caller by a tel: number proves at his domain that it is his',
  deadline(5_000, async () => {
    const { it, node, caller, callee, seen } = await scene()
    await caller.register()
    const got = await seen([], { from: '<tel:+3120>;tag=a' })
    assert.match(got.headers.get('P-Asserted-Identity') ?? '', /alice@example\.com|\+3120@example\.com/)
    assert.is(got.headers.get('From'), '<tel:+3120>;tag=a')
    await caller.authenticated('MESSAGE', 'sip:bob@example.com', { from: '<tel:+3199>;tag=b' })
    assert.is((await caller.response('MESSAGE')).status, 403, 'of somebody else')
    // Who is not of here is somebody from elsewhere.
    const stranger = it.phone('+3130@elsewhere.example', '127.4.1.9', node)
    stranger.send(stranger.build('MESSAGE', 'sip:bob@example.com', { from: '<tel:+3130>;tag=c' }))
    callee.reply(await callee.request('MESSAGE'), 200)
    assert.is((await stranger.response('MESSAGE')).status, 200)
    await it.stop()
  }),
)

test(
  'Privacy: user and header hide the caller for the whole call, and every request still finds him',
  deadline(5_000, async () => {
    const { it, caller, callee } = await scene()
    const headers: [string, string][] = [
      ['Privacy', 'user;header'],
      ['User-Agent', 'phone of Alice'],
      ['Subject', 'Alice here'],
    ]
    const { request } = await caller.authenticated('INVITE', 'sip:bob@example.com', { body: SDP, headers })
    const invite = await callee.request('INVITE')
    const text = (message: { headers: Iterable<readonly [string, string]> }) => [...message.headers].join('\n')
    assert.not.match(text(invite), /alice|127\.4\.1\.1|Alice/)
    assert.match(invite.headers.get('From') ?? '', /^Anonymous <sip:anonymous@anonymous\.invalid>;tag=/)
    assert.is(invite.headers.get('Privacy'), 'id')
    callee.reply(invite, 200, { body: SDP })
    const ok = await caller.response('INVITE', 200)
    assert.is(ok.headers.get('From'), request.headers.get('From'))
    assert.is(ok.vias.length, 1)
    caller.send(caller.inDialog('ACK', 'caller', request, ok))
    await callee.request('ACK')

    const info = caller.inDialog('INFO', 'caller', request, ok)
    caller.send(info)
    const seen = await callee.request('INFO')
    assert.not.match(text(seen).replace(/Via,[^\n]*/g, ''), /alice/)
    callee.reply(seen, 200)
    assert.is((await caller.response('INFO')).headers.get('From'), info.headers.get('From'))

    callee.send(callee.inDialog('BYE', 'callee', invite, ok))
    const bye = await caller.request('BYE')
    assert.is(bye.uri, caller.contact)
    caller.reply(bye, 200)
    assert.is((await callee.response('BYE')).status, 200)
    const { dialog } = it.answered[0] as (typeof it.answered)[0]
    assert.is(dialog.caller.identity, 'alice@example.com', 'the record knows')
    assert.not.match(dialog.caller.nameAddr, /alice/, 'a BYE of ours does not tell')
    await it.stop()
  }),
)

test(
  'an account can hide its number in every call',
  deadline(5_000, async () => {
    const { it, seen } = await scene({ groups: ['anonymous'] })
    const got = await seen([['Privacy', 'none']])
    assert.not.ok(got.headers.has('P-Asserted-Identity'))
    assert.match(got.headers.get('From') ?? '', /anonymous\.invalid/)
    await it.stop()
  }),
)

test(
  'who wants no anonymous calls gets none: 433',
  deadline(5_000, async () => {
    const { it, node, caller, seen } = await scene({}, { groups: ['anonymous-reject'] })
    await seen()
    const table: [string, [string, string][], string?][] = [
      ['identity withheld', [['Privacy', 'id']]],
      ['hidden', [['Privacy', 'user']]],
    ]
    for (const [what, headers] of table) {
      await caller.authenticated('MESSAGE', 'sip:bob@example.com', { headers })
      assert.is((await caller.response('MESSAGE')).status, 433, what)
    }
    const stranger = it.phone('x@elsewhere.org', '127.4.1.8', node)
    stranger.send(stranger.build('MESSAGE', 'sip:bob@example.com', { from: '<sip:anonymous@anonymous.invalid>;tag=1' }))
    assert.is((await stranger.response('MESSAGE')).status, 433)
    await it.stop()
  }),
)

test(
  'what a callee says of himself does not reach the caller as said by the ring',
  deadline(5_000, async () => {
    const { it, caller, callee } = await scene()
    await caller.authenticated('MESSAGE', 'sip:bob@example.com')
    const got = await callee.request('MESSAGE')
    const { Response } = await import('../../src/message/message.ts')
    const lie = callee.reply(got, 180)
    assert.ok(lie instanceof Response)
    lie.status = 200
    lie.headers.set('P-Asserted-Identity', '<sip:president@example.com>')
    lie.headers.set('Remote-Party-ID', '<sip:president@example.com>')
    callee.send(lie)
    const ok = await caller.response('MESSAGE')
    assert.not.ok(ok.headers.has('P-Asserted-Identity'))
    assert.not.ok(ok.headers.has('Remote-Party-ID'))
    await it.stop()
  }),
)

test(
  'the history of an alias is told to those who take part',
  deadline(5_000, async () => {
    const { it, caller, callee, seen } = await scene()
    it.aliases.set('desk@example.com', 'bob@example.com')
    assert.not.ok((await seen([['Supported', 'timer']])).headers.has('History-Info'))
    const history = async (headers: [string, string][]) => {
      await caller.authenticated('MESSAGE', 'sip:desk@example.com', { headers })
      const got = await callee.request('MESSAGE')
      callee.reply(got, 200)
      await caller.response('MESSAGE')
      return got.headers.getAll('History-Info')
    }
    assert.equal(await history([['Supported', 'histinfo']]), [
      '<sip:desk@example.com>;index=1',
      '<sip:bob@example.com>;index=1.1;rc=1',
      `<${callee.contact}>;index=1.1.1;rc=1.1`,
    ])
    assert.equal(
      (await history([['History-Info', '<sip:a@b.example>;index=1, <sip:desk@example.com>;index=1.2']])).slice(1),
      ['<sip:bob@example.com>;index=1.2.1;rc=1.2', `<${callee.contact}>;index=1.2.1.1;rc=1.2.1`],
    )
    await it.stop()
  }),
)

test(
  'a diversion says by whom and why, the latest first',
  deadline(5_000, async () => {
    const { it, caller, callee } = await scene()
    const divert = (by: string, reason: Diversion['reason'], to: string, hidden = false) => {
      it.aliases.set(by, to)
      it.diversions.set(by, { by, reason, ...(hidden && { hidden }) })
    }
    divert('carl@example.com', 'user-busy', 'dora@example.com')
    divert('dora@example.com', 'no-answer', 'bob@example.com', true)
    await caller.authenticated('INVITE', 'sip:carl@example.com', { headers: [['Supported', 'histinfo']] })
    const invite = await callee.request('INVITE')
    assert.equal(invite.headers.getAll('Diversion'), [
      '<sip:anonymous@anonymous.invalid>;reason=no-answer;counter=1;privacy=full',
      '<sip:carl@example.com>;reason=user-busy;counter=1',
    ])
    assert.equal(invite.headers.getAll('History-Info').slice(1, 3), [
      '<sip:dora@example.com;cause=486>;index=1.1;mp=1',
      '<sip:bob@example.com;cause=408>;index=1.1.1;mp=1.1',
    ])
    await it.stop()
  }),
)

test(
  'a call that is not hidden is as it was',
  deadline(5_000, async () => {
    const { it, caller, callee } = await scene()
    const { invite } = await answeredCall(caller, callee)
    assert.match(invite.headers.get('Contact') ?? '', /127\.4\.1\.1/)
    assert.not.ok(invite.headers.has('Privacy'))
    await it.stop()
  }),
)

test.run()

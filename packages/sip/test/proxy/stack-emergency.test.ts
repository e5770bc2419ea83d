/** SIP-20: emergency calls go to the gateways of the region and nowhere else, whatever bars the caller. */
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { AccountView } from '../../src/call-control/account-view.ts'
import type { EmergencyRegion } from '../../src/emergency/emergency.ts'
import { PeerLoad } from '../../src/guard/peer-load.ts'
import type { TrunkState } from '../../src/trunk/trunk.ts'
import { Trunks } from '../../src/trunk/trunks.ts'
import { House } from './house.ts'
import { type Phone, SDP } from './phone.ts'

const test = suite('sip: stack calls for help')

const trunk = (name: string, host: string, change: Partial<TrunkState> = {}): TrunkState => ({
  ...{ name, target: `sip:${host}:5070`, domain: `${name}.example`, prefixes: [''], register: false, expires: 600 },
  ...{ callsMax: 0, from: 'caller', probeMs: 0, failures: 3, successes: 2, up: true },
  ...change,
})

async function scene(account: Partial<AccountView> = {}) {
  const it = new House()
  const regions: Record<string, EmergencyRegion> = {
    '': { numbers: ['112', '999'], gateways: ['rescue', 'sip:127.6.9.2:5070', 'sip:desk@127.6.9.3:5070'] },
    island: { numbers: ['112'], gateways: ['sip:127.6.9.3:5070'] },
  }
  it.emergencies = {
    has: (number) => ['112', '999'].includes(number),
    regionOf: (name) => regions[name ?? ''],
  }
  const load = new PeerLoad({ clock: it.clock })
  const trunks = new Trunks({ load })
  trunks.replace([
    trunk('rescue', '127.6.9.1', { prefixes: [], callsMax: 1, credentials: { user: 'r', password: 's' } }),
    trunk('paid', '127.6.9.9'),
  ])
  it.trunks = trunks
  it.account('alice@example.com', { groups: [], ...account })
  const node = await it.node('127.6.0.1')
  const alice = it.phone('alice@example.com', '127.6.1.1', node)
  const [rescue, second, third] = [1, 2, 3].map((last) => it.phone('x@gateway.example', `127.6.9.${last}`, node))
  const paid = it.phone('x@paid.example', '127.6.9.9', node)
  return {
    it,
    node,
    load,
    trunks,
    alice,
    paid,
    ...({ rescue, second, third } as Record<'rescue' | 'second' | 'third', Phone>),
  }
}

const DIALLED = ['sip:112@example.com', 'tel:112', 'sip:112@127.6.0.1:5060;user=phone', 'urn:service:sos.police']

test(
  'without the right to call out, blocked, hidden, with the trunk full: the gateway rings, and is told who calls',
  deadline(10_000, async () => {
    const { it, load, alice, rescue } = await scene({ groups: ['blocked', 'anonymous'], number: '+31201234567' })
    assert.ok(load.begin({ name: 'trunk:rescue', callsMax: 1, callsPerSecond: 0 }, 'another'))
    for (const uri of DIALLED) {
      await alice.authenticated('INVITE', uri, { body: SDP, headers: [['Geolocation', '<cid:a@b>']] })
      const invite = await rescue.request('INVITE')
      assert.is(invite.uri, 'sip:112@127.6.9.1:5070;user=phone')
      assert.is(invite.headers.get('P-Asserted-Identity'), '<sip:+31201234567@example.com;user=phone>')
      assert.match(invite.headers.get('From') ?? '', /sip:alice@example\.com/)
      assert.is(invite.headers.get('Geolocation'), '<cid:a@b>')
      rescue.reply(invite, 486)
      await alice.response('INVITE', 486)
    }
    await alice.authenticated('INVITE', 'sip:911@example.com', { body: SDP })
    assert.is((await alice.response('INVITE')).status, 403, 'no emergency here')
    await alice.authenticated('MESSAGE', 'sip:112@example.com')
    assert.is((await alice.response('MESSAGE')).status, 403, 'calls alone')
    await it.stop()
  }),
)

test(
  'when a gateway fails the next one is tried, and when all fail no paid trunk is',
  deadline(10_000, async () => {
    const { it, alice, rescue, second, third, paid, trunks } = await scene({ groups: ['free-pstn'] })
    trunks.replace([trunk('rescue', '127.6.9.1', { prefixes: [], up: false }), trunk('paid', '127.6.9.9')])
    await alice.authenticated('INVITE', 'sip:112@example.com', { body: SDP })
    second.reply(await second.request('INVITE'), 503)
    const desk = await third.request('INVITE')
    assert.is(desk.uri, 'sip:desk@127.6.9.3:5070')
    third.reply(desk, 500)
    // What is down comes last, but it comes.
    rescue.reply(await rescue.request('INVITE'), 503)
    assert.ok((await alice.response('INVITE')).status >= 500)
    assert.is(paid.inbox.length, 0)
    await alice.authenticated('INVITE', 'sip:118@example.com', { body: SDP })
    paid.reply(await paid.request('INVITE'), 486)
    await alice.response('INVITE', 486)
    await it.stop()
  }),
)

test(
  'the region of the account says which gateway; what is no emergency there is a number as any other',
  deadline(10_000, async () => {
    const { it, alice, third } = await scene({ region: 'island' })
    await alice.authenticated('INVITE', 'sip:112@example.com', { body: SDP })
    const invite = await third.request('INVITE')
    assert.is(invite.uri, 'sip:112@127.6.9.3:5070;user=phone')
    third.reply(invite, 200, { body: SDP })
    await alice.response('INVITE', 200)
    await alice.authenticated('INVITE', 'sip:999@example.com', { body: SDP })
    assert.is((await alice.response('INVITE')).status, 403, 'the right to call out')
    await it.stop()
  }),
)

test(
  'a From that is not one’s own, a home out of reach and a node about to stop keep nobody from calling; strangers may not',
  deadline(10_000, async () => {
    const { it, node, alice, rescue } = await scene()
    const helped = async (headers?: Parameters<typeof alice.authenticated>[2]) => {
      await alice.authenticated('INVITE', 'sip:112@example.com', { body: SDP, ...headers })
      const invite = await rescue.request('INVITE')
      rescue.reply(invite, 486)
      await alice.response('INVITE', 486)
      return invite
    }
    const other = await helped({ from: '<sip:other@example.com>;tag=q' })
    assert.is(other.headers.get('P-Asserted-Identity'), '<sip:alice@example.com>')
    const drained = it.stacks.get('127.6.0.1:5060')?.drain()
    await helped()
    await drained
    const stranger = it.phone('mallory@elsewhere.example', '127.6.1.9', node)
    for (const uri of ['sip:112@example.com', 'urn:service:sos']) {
      stranger.send(stranger.build('INVITE', uri, { body: SDP }))
      assert.ok((await stranger.response('INVITE')).status >= 400, uri)
    }
    assert.not(rescue.inbox.some((one) => one.kind === 'request' && one.method === 'INVITE'))
    await it.stop()
  }),
)

test(
  'whom nobody can be asked about is helped, and not vouched for',
  deadline(10_000, async () => {
    const { it, alice, rescue } = await scene()
    it.emergencyHomeBreaks = true
    await alice.authenticated('INVITE', 'sip:112@example.com', { body: SDP })
    const invite = await rescue.request('INVITE')
    assert.not(invite.headers.has('P-Asserted-Identity'))
    rescue.reply(invite, 486)
    await alice.response('INVITE', 486)
    await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    assert.is((await alice.response('INVITE')).status, 503)
    await it.stop()
  }),
)

test.run()

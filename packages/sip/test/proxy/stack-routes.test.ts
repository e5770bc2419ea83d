/** Where the Routes lead that a request brings with it (RFC 3261 §16.4 to §16.6). */
import { formatAddress } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatNameAddr, type SipRequest } from '../../src/message/index.ts'
import { house } from './scene.ts'

const test = suite('sip: stack follows Routes')

async function scene() {
  const { it, node } = await house()
  const [alice, bob, carol] = ['alice@example.com', 'bob@example.com', 'carol@far.example'].map((aor, i) =>
    it.phone(aor, `127.42.6.${i + 1}`, node),
  ) as [ReturnType<typeof it.phone>, ReturnType<typeof it.phone>, ReturnType<typeof it.phone>]
  await bob.register()
  const [own, carols] = [node, carol.address].map((at) => `<sip:${formatAddress(at)};lr>`) as [string, string]
  const routesOf = (request: SipRequest) => request.routes.map(formatNameAddr)
  return { it, node, alice, bob, carol, own, carols, routesOf }
}

test(
  'a Route that is left is the next hop, also of a request for somebody here',
  deadline(5_000, async () => {
    const { it, alice, bob, carol, own, carols, routesOf } = await scene()
    const headers = [
      ['Route', own],
      ['Route', `${carols}, <sip:further.example;lr>`],
    ] as const
    await alice.authenticated('MESSAGE', 'sip:bob@example.com', { headers })
    const seen = await carol.request('MESSAGE')
    assert.is(seen.uri, 'sip:bob@example.com')
    assert.equal(routesOf(seen), [carols, '<sip:further.example;lr>'])
    carol.reply(seen, 202)
    assert.is((await alice.response('MESSAGE')).status, 202)
    assert.is(bob.inbox.length, 0)
    await it.stop()
  }),
)

test(
  'a stranger is not relayed by his Route',
  deadline(5_000, async () => {
    const { it, alice, bob, carol, carols } = await scene()
    const out = { from: '<sip:eve@else.example>;tag=e', headers: [['Route', carols] as const] }
    alice.send(alice.build('MESSAGE', 'sip:bob@example.com', out))
    bob.reply(await bob.request('MESSAGE'), 200)
    assert.is((await alice.response('MESSAGE')).status, 200)
    alice.send(alice.build('MESSAGE', 'sip:x@far.example', out))
    assert.is((await alice.response('MESSAGE')).status, 403)
    assert.is(carol.inbox.length, 0)
    await it.stop()
  }),
)

test(
  'a Route to a name that leads to a node is ours, one that leads nowhere is passed over',
  deadline(5_000, async () => {
    const { it, node, alice, bob } = await scene()
    it.foreign.set('outbound.example.net', [node])
    it.foreign.set('gone.example.net', [])
    for (const host of ['outbound.example.net', 'gone.example.net']) {
      await alice.authenticated('MESSAGE', 'sip:bob@example.com', { headers: [['Route', `<sip:${host};lr>`]] })
      const seen = await bob.request('MESSAGE')
      assert.not.ok(seen.headers.has('Route'), host)
      bob.reply(seen, 200)
      assert.is((await alice.response('MESSAGE')).status, 200)
    }
    await it.stop()
  }),
)

test(
  'a request that its Route brings back goes on, one that comes back as it was is a loop',
  deadline(5_000, async () => {
    const { it, alice, carol, own, carols, routesOf } = await scene()
    const headers = [['Route', [own, carols, own, carols].join(', ')] as const]
    const { request } = await alice.authenticated('MESSAGE', 'sip:dave@far.example', { headers })
    const back = (routes: readonly string[]): SipRequest => {
      const copy = seen.clone()
      copy.headers.setAll('Route', routes)
      const branch = `z9hG4bKback${routes.length}`
      copy.headers.prepend('Via', `SIP/2.0/UDP ${formatAddress(carol.address)};branch=${branch};rport`)
      // Its credentials went no further than here.
      copy.headers.setAll('Proxy-Authorization', [again])
      return copy
    }
    const seen = await carol.request('MESSAGE')
    assert.equal(routesOf(seen), [carols, own, carols])
    const again = request.headers.get('Proxy-Authorization') as string
    it.peers.replace([
      { name: 'c', prefixes: ['127.42.6.3'], tlsNames: [], callsMax: 0, callsPerSecond: 0, relay: true },
    ])
    carol.send(back([own, carols]))
    assert.equal(routesOf(await carol.request('MESSAGE')), [carols])
    carol.send(back([own, carols, own, carols]))
    assert.is((await carol.response('MESSAGE')).status, 482)
    await it.stop()
  }),
)

test.run()

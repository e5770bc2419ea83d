/** What keeps devices behind NAT reachable, and the way that they are told to send (RFC 3608). */
import { deadline, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Phone } from './phone.ts'
import { house } from './scene.ts'

const test = suite('sip: stack keeps devices reachable')

async function scene(keepAlive: 'crlf' | 'options' | 'off') {
  const { it } = await house()
  const node = await it.node('127.4.0.7', { keepAlive })
  return { it, node, bob: it.phone('bob@example.com', '127.4.1.2', node) }
}

/** Says in Via and Contact what a device behind NAT says without knowing better. */
async function registered(bob: Phone) {
  let count = 0
  const via = () => `SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKnat${count++};rport`
  const build = bob.build.bind(bob)
  bob.build = (method, uri, out = {}) =>
    build(method, uri, { ...out, via: via(), headers: [['Contact', '<sip:bob@10.0.0.5>'], ...(out.headers ?? [])] })
  const ok = await bob.register()
  bob.build = build
  assert.is(ok.status, 200)
  return ok
}

test(
  'a device behind NAT hears from its node every 25 s, as long as it is registered',
  deadline(5_000, async () => {
    const { it, bob } = await scene('crlf')
    const ok = await registered(bob)
    assert.match(ok.headers.get('Contact') ?? '', /expires=120/)
    await it.clock.advance(24_000)
    await settle()
    assert.is(bob.pings, 0)
    await it.clock.advance(2_000)
    await settle()
    assert.is(bob.pings, 1)
    await it.clock.advance(200_000)
    await settle()
    assert.is(bob.pings, 4, 'at 25, 50, 75 and 100 s')
    await it.stop()
    assert.is(it.clock.armed, 0)
  }),
)

test(
  'with OPTIONS its answer passes the NAT from inside, and means nothing else',
  deadline(5_000, async () => {
    const { it, bob } = await scene('options')
    await registered(bob)
    await it.clock.advance(26_000)
    const options = await bob.request('OPTIONS')
    assert.is(options.uri, 'sip:bob@10.0.0.5')
    bob.reply(options, 200)
    await it.clock.advance(10_000)
    await settle()
    assert.equal(bob.inbox, [], 'nothing is sent twice')
    await it.stop()
  }),
)

test(
  'nothing is sent to devices without NAT, nor where it is switched off',
  deadline(5_000, async () => {
    const plain = await scene('crlf')
    await plain.bob.register()
    const off = await scene('off')
    await registered(off.bob)
    for (const { it, bob } of [plain, off]) {
      await it.clock.advance(60_000)
      await settle()
      assert.is(bob.pings, 0)
      await it.stop()
    }
  }),
)

test(
  'the way that requests are to take is told where that is wanted',
  deadline(5_000, async () => {
    const { it } = await house()
    const node = await it.node('127.4.0.7', { serviceRoute: true })
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    const ok = await bob.register()
    const route = ok.headers.get('Service-Route') as string
    assert.is(route, '<sip:example.com;lr>')
    await bob.authenticated('MESSAGE', 'sip:bob@example.com', { headers: [['Route', route]] })
    const got = await bob.request('MESSAGE')
    assert.not.ok(got.headers.has('Route'))
    await it.stop()
  }),
)

test.run()

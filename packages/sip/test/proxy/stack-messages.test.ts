/** MESSAGE for those who are offline (RFC 3428 §7). */
import { deadline, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { house } from './scene.ts'

const test = suite('sip: stack keeps messages')

async function scene() {
  const { it, nodes } = await house('127.4.0.1', '127.4.0.2')
  it.account('bob@example.com', { keepsMessages: true })
  const alice = it.phone('alice@example.com', '127.4.1.1', nodes[0]!)
  const bob = it.phone('bob@example.com', '127.4.1.2', nodes[1]!)
  const say = async (text: string, headers: [string, string][] = [], to = 'bob') => {
    await alice.authenticated('MESSAGE', `sip:${to}@example.com`, {
      headers: [['Content-Type', 'text/plain;charset=utf-8'], ...headers],
      raw: text,
    })
    return (await alice.response('MESSAGE')).status
  }
  return { it, nodes, alice, bob, say }
}

test(
  'what is said to somebody offline is accepted, and said when he comes, in order and as it was',
  deadline(5_000, async () => {
    const { it, bob, say } = await scene()
    const sentAt = new Date(it.clock.wall()).toUTCString()
    assert.is(await say('one'), 202)
    await it.clock.advance(3_000)
    assert.is(await say('two'), 202)
    await bob.register()
    await it.clock.advance(600)
    const first = await bob.request('MESSAGE')
    assert.is(Buffer.from(first.body).toString(), 'one')
    assert.is(first.uri, bob.contact)
    assert.is(first.headers.get('Content-Type'), 'text/plain;charset=utf-8')
    assert.is(first.headers.get('Date'), sentAt)
    assert.match(first.headers.get('From') ?? '', /^<sip:alice@example\.com>;tag=/)
    assert.is(first.headers.get('P-Asserted-Identity'), '<sip:alice@example.com>')
    await settle()
    assert.equal(bob.inbox, [], 'one after another')
    bob.reply(first, 200)
    const second = await bob.request('MESSAGE')
    assert.is(Buffer.from(second.body).toString(), 'two')
    bob.reply(second, 415)
    await settle()
    await settle()
    assert.equal(it.messages.get('bob@example.com'), [], 'what he cannot read is not sent for ever')
    await it.stop()
    assert.is(it.clock.armed, 0)
  }),
)

test(
  'what a device does not take is kept for the next time',
  deadline(5_000, async () => {
    const { it, bob, say } = await scene()
    await say('one')
    await bob.register()
    await it.clock.advance(600)
    bob.reply(await bob.request('MESSAGE'), 480)
    await settle()
    assert.is(it.messages.get('bob@example.com')?.length, 1)
    await bob.register()
    await it.clock.advance(600)
    bob.reply(await bob.request('MESSAGE'), 200)
    await settle()
    await settle()
    assert.equal(it.messages.get('bob@example.com'), [])
    await it.stop()
  }),
)

test(
  'who hides is kept hidden',
  deadline(5_000, async () => {
    const { it, say } = await scene()
    assert.is(await say('psst', [['Privacy', 'user']]), 202)
    const [kept] = it.messages.get('bob@example.com') ?? []
    assert.is(kept?.from, 'Anonymous <sip:anonymous@anonymous.invalid>')
    assert.is(kept?.identity, undefined)
    await it.stop()
  }),
)

test(
  'too many, too large, and to those who did not ask for it: 480',
  deadline(5_000, async () => {
    const { it, say } = await scene()
    it.account('carl@example.com')
    assert.is(await say('x', [], 'carl'), 480)
    assert.is(await say('x'.repeat(8 * 1024 + 1)), 480)
    assert.is(await say('x'.repeat(8 * 1024)), 202)
    assert.is(await say('two'), 202)
    assert.is(await say('three'), 480)
    await it.stop()
  }),
)

test(
  'calls are not kept',
  deadline(5_000, async () => {
    const { it, alice } = await scene()
    await alice.authenticated('INVITE', 'sip:bob@example.com')
    assert.is((await alice.response('INVITE')).status, 480)
    await it.stop()
  }),
)

test.run()

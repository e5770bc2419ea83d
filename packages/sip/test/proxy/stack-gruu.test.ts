/** RFC 5627 as one stack, and a ring of stacks, keep it: names of single devices. */
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseNameAddr, unquote } from '../../src/message/index.ts'
import type { Phone } from './phone.ts'
import { house } from './scene.ts'

const test = suite('sip: stack knows devices by name')

const ID = 'urn:uuid:00000000-0000-1000-8000-000a95a0e12'
const contactOf = (phone: Phone, device: number): string => `<${phone.contact}>;+sip.instance="<${ID}${device}>"`

async function register(phone: Phone, device: number, callId = `reg-${device}`, supported = 'gruu') {
  const headers = [
    ['Contact', contactOf(phone, device)],
    ['Supported', supported],
  ] as const
  const ok = await phone.register('SHA-256', { callId, headers })
  const own = ok.headers.getAll('Contact').find((value) => value.includes(phone.contact)) ?? ''
  const { params } = parseNameAddr(own)
  return { ok, open: unquote(params.get('pub-gruu') ?? ''), temporary: unquote(params.get('temp-gruu') ?? '') }
}

/** Bob with two devices at two nodes, Alice at a third. */
async function scene() {
  const { it, nodes } = await house('127.4.0.1', '127.4.0.2', '127.4.0.3')
  const one = it.phone('bob@example.com', '127.4.1.2', nodes[0]!)
  const two = it.phone('bob@example.com', '127.4.1.3', nodes[1]!)
  const alice = it.phone('alice@example.com', '127.4.1.1', nodes[2]!)
  const names = { one: await register(one, 1), two: await register(two, 2) }
  const message = async (uri: string) => {
    await alice.authenticated('MESSAGE', uri)
  }
  return { it, nodes, one, two, alice, names, message }
}

test(
  'both names are given to those who ask for them',
  deadline(5_000, async () => {
    const { it, nodes, names } = await scene()
    assert.is(names.one.open, `sip:bob@example.com;gr=${ID}1`)
    assert.match(names.one.temporary, /^sip:tgruu\.[\w-]{100,}@example\.com;gr$/)
    assert.not.match(names.one.temporary, /bob/)
    const mute = it.phone('bob@example.com', '127.4.1.4', nodes[0]!)
    assert.is((await register(mute, 3, 'reg-3', 'path')).open, '')
    await it.stop()
  }),
)

test(
  'a request to a name rings that device alone, by whatever node',
  deadline(5_000, async () => {
    const { it, one, two, alice, names, message } = await scene()
    for (const uri of [names.two.open, names.two.temporary]) {
      await message(uri)
      const got = await two.request('MESSAGE')
      assert.is(got.uri, two.contact)
      two.reply(got, 200)
      assert.is((await alice.response('MESSAGE')).status, 200)
    }
    assert.equal(one.inbox, [])
    await it.stop()
  }),
)

test(
  'a device that is offline is 480; a temporary name that has had its time, or was forged, 404',
  deadline(5_000, async () => {
    const { it, one, two, alice, names, message } = await scene()
    const statusOf = async (uri: string) => {
      await message(uri)
      return (await alice.response('MESSAGE')).status
    }
    await two.register('SHA-256', {
      callId: 'reg-2',
      cseq: 9,
      headers: [['Contact', `${contactOf(two, 2)};expires=0`]],
    })
    assert.is(await statusOf(names.two.open), 480)
    assert.is(await statusOf(names.two.temporary), 404)
    const forged = names.one.temporary.replace(/tgruu\.(.)/, (_, first) => `tgruu.${first === 'A' ? 'B' : 'A'}`)
    assert.is(await statusOf(forged), 404)
    assert.is(await statusOf('sip:bob@example.com;gr'), 404)
    const moved = await register(one, 1, 'restarted')
    assert.is(await statusOf(names.one.temporary), 404)
    await message(moved.temporary)
    one.reply(await one.request('MESSAGE'), 200)
    assert.is((await alice.response('MESSAGE')).status, 200)
    await it.stop()
  }),
)

test(
  'a temporary name is good for a day',
  deadline(5_000, async () => {
    const { it, one, alice, names, message } = await scene()
    await it.clock.advance(24 * 3_600_000 - 1_000)
    await register(one, 1)
    await message(names.one.temporary)
    one.reply(await one.request('MESSAGE'), 200)
    assert.is((await alice.response('MESSAGE')).status, 200)
    await it.clock.advance(2_000)
    await message(names.one.temporary)
    assert.is((await alice.response('MESSAGE')).status, 404)
    await it.stop()
  }),
)

test(
  'within a dialog a name leads to where its device is now',
  deadline(5_000, async () => {
    const { it, nodes, one, alice, names } = await scene()
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com')
    const invite = await one.request('INVITE')
    const sent = one.reply(invite, 200)
    sent.headers.set('Contact', `<${names.one.open}>`)
    one.send(sent, nodes[2]!)
    const ok = await alice.response('INVITE', 200)
    ok.headers.set('Contact', `<${names.one.open}>`)
    alice.send(alice.inDialog('ACK', 'caller', request, ok))
    assert.is((await one.request('ACK')).uri, one.contact)

    const moved = it.phone('bob@example.com', '127.4.1.7', nodes[1]!)
    await register(moved, 1, 'moved')
    const bye = alice.inDialog('BYE', 'caller', request, ok)
    assert.is(bye.uri, names.one.open)
    alice.send(bye, nodes[0]!)
    const got = await moved.request('BYE')
    assert.is(got.uri, moved.contact)
    moved.reply(got, 200)
    assert.is((await alice.response('BYE')).status, 200)
    await it.stop()
  }),
)

test(
  'a dialog that is not ours reaches the name of a device, and nothing else',
  deadline(5_000, async () => {
    const { it, nodes, one, names } = await scene()
    const stranger = it.phone('carl@elsewhere.org', '127.4.1.8', nodes[0]!)
    const within = (uri: string) => stranger.build('NOTIFY', uri, { to: '<sip:bob@example.com>;tag=theirs' })
    stranger.send(within(names.one.open))
    one.reply(await one.request('NOTIFY'), 200)
    assert.is((await stranger.response('NOTIFY')).status, 200)
    stranger.send(within('sip:bob@example.com'))
    assert.is((await stranger.response('NOTIFY')).status, 481)
    await it.stop()
  }),
)

test(
  'nobody registers such a name as his Contact',
  deadline(5_000, async () => {
    const { it, one, names } = await scene()
    const headers = [['Contact', `<${names.two.open}>`]] as const
    one.send(one.build('REGISTER', 'sip:example.com', { to: '<sip:bob@example.com>', headers }))
    assert.is((await one.response('REGISTER')).status, 403)
    await it.stop()
  }),
)

test.run()

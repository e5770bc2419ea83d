/** RFC 5626 as one stack, and a ring of stacks, keep it: one device, several flows, tried one after another. */
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Phone } from './phone.ts'
import { house } from './scene.ts'

const test = suite('sip: stack keeps flows of one device')

const INSTANCE = '"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>"'

const flowOf = (phone: Phone, regId: number, more: [string, string][] = []) => ({
  callId: `reg-${regId}`,
  headers: [
    ['Contact', `<${phone.contact};ob>;reg-id=${regId};+sip.instance=${INSTANCE}`],
    ['Supported', 'path, outbound'],
    ...more,
  ] as [string, string][],
})

/** Bob with one device and two flows, by two nodes; the second is the newer one. Alice at a third. */
async function twoFlows() {
  const { it, nodes } = await house('127.4.0.1', '127.4.0.2', '127.4.0.3')
  const [first, second, third] = nodes as [(typeof nodes)[0], (typeof nodes)[0], (typeof nodes)[0]]
  const one = it.phone('bob@example.com', '127.4.1.2', first)
  const two = it.phone('bob@example.com', '127.4.1.2', second, 'secret', 5071)
  assert.is((await one.register('SHA-256', flowOf(one, 1))).status, 200)
  it.clock.advance(1_000)
  assert.is((await two.register('SHA-256', flowOf(two, 2))).status, 200)
  const alice = it.phone('alice@example.com', '127.4.1.1', third)
  return { it, nodes, one, two, alice }
}

const flowsOf = ({ it }: Awaited<ReturnType<typeof twoFlows>>) =>
  (it.bindings.get('bob@example.com') ?? []).map(({ regId, flow }) => ({ regId, flow }))

test(
  'a flow is registered with Require: outbound and Flow-Timer; both flows are one binding each',
  deadline(5_000, async () => {
    const scene = await twoFlows()
    const again = await scene.two.register('SHA-256', flowOf(scene.two, 2))
    assert.is(again.headers.get('Require'), 'outbound')
    assert.is(again.headers.get('Flow-Timer'), '120')
    assert.is(again.headers.getAll('Contact').length, 2)
    assert.equal(
      flowsOf(scene).map(({ regId }) => regId),
      ['1', '2'],
    )
    await scene.it.stop()
  }),
)

test(
  'without outbound in Supported there is no flow, and the device has one binding',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    const contact = (regId: number) =>
      ({ headers: [['Contact', `<${bob.contact}>;reg-id=${regId};+sip.instance=${INSTANCE}`]] }) as const
    const ok = await bob.register('SHA-256', contact(1))
    assert.is(ok.headers.get('Require'), undefined)
    assert.is((await bob.register('SHA-256', { ...contact(2), callId: 'other' })).headers.getAll('Contact').length, 1)
    await it.stop()
  }),
)

test(
  'a proxy before the device must say that it keeps flows: 439 without ;ob in its Path',
  deadline(5_000, async () => {
    const { it, node } = await house()
    const bob = it.phone('bob@example.com', '127.4.1.2', node)
    const by = (path: string) => bob.register('SHA-256', flowOf(bob, 1, [['Path', path]]))
    assert.is((await answered(bob, [['Path', '<sip:edge.example.net;lr>']])).status, 439)
    assert.is((await by('<sip:core.example.net;lr>, <sip:edge.example.net;lr;ob>')).status, 200)
    await it.stop()
  }),
)

/** 400 and 439 come before any challenge. */
async function answered(bob: Phone, more: [string, string][]) {
  bob.send(bob.build('REGISTER', 'sip:example.com', { to: '<sip:bob@example.com>', ...flowOf(bob, 1, more) }))
  return bob.response('REGISTER')
}

test(
  'the newest flow alone is used; the other one only when that has failed',
  deadline(5_000, async () => {
    const scene = await twoFlows()
    const { it, one, two, alice } = scene
    await alice.authenticated('MESSAGE', 'sip:bob@example.com')
    two.reply(await two.request('MESSAGE'), 200)
    assert.is((await alice.response('MESSAGE')).status, 200)
    assert.equal(one.inbox, [])

    const newest = flowsOf(scene)[1]!.flow
    it.wire.cut(newest)
    await alice.authenticated('MESSAGE', 'sip:bob@example.com')
    one.reply(await one.request('MESSAGE'), 200)
    assert.is((await alice.response('MESSAGE')).status, 200)
    assert.ok(it.log.includes('unbind bob@example.com 1'), 'who could not send told the home')
    assert.equal(
      flowsOf(scene).map(({ regId }) => regId),
      ['1'],
    )
    await it.stop()
  }),
)

test(
  'a dead edge costs no time: the call goes to the other flow, with a cookie of its own',
  deadline(5_000, async () => {
    const { it, one, two, alice } = await twoFlows()
    const dead = it.stacks.get('127.4.0.2:5060')
    it.stacks.delete('127.4.0.2:5060')
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com')
    const invite = await one.request('INVITE')
    assert.is(invite.uri, `${one.contact};ob`)
    one.reply(invite, 200)
    const ok = await alice.response('INVITE', 200)
    alice.send(alice.inDialog('ACK', 'caller', request, ok))
    assert.is((await one.request('ACK')).cseq.method, 'ACK')
    assert.is(it.answered[0]?.dialog.callee.edge, '127.4.0.1:5060')
    assert.equal(two.inbox, [])
    await dead?.stop()
    await it.stop()
  }),
)

test(
  'a silent flow is given up after 3 s, 430 at once, any other answer not at all',
  deadline(5_000, async () => {
    const { it, one, two, alice } = await twoFlows()
    await alice.authenticated('INVITE', 'sip:bob@example.com')
    await two.request('INVITE')
    await it.clock.advance(2_999)
    assert.equal(one.inbox, [])
    await it.clock.advance(2)
    one.reply(await one.request('INVITE'), 486)
    assert.is((await alice.response('INVITE')).status, 486)

    two.inbox.length = 0
    await alice.authenticated('INVITE', 'sip:bob@example.com')
    two.reply(await two.next((message) => message.kind === 'request' && message.method === 'INVITE', 'INVITE'), 430)
    one.reply(await one.request('INVITE'), 430)
    assert.is((await alice.response('INVITE')).status, 480, 'the caller is not told of flows')

    await alice.authenticated('INVITE', 'sip:bob@example.com')
    two.inbox.length = 0
    two.reply(await two.request('INVITE'), 486)
    assert.is((await alice.response('INVITE')).status, 486)
    assert.not.ok(one.inbox.some((message) => message.kind === 'request' && message.method === 'INVITE'))
    await it.stop()
  }),
)

test(
  'a flow given up that is answered after all is the answer',
  deadline(5_000, async () => {
    const { it, one, two, alice } = await twoFlows()
    await alice.authenticated('INVITE', 'sip:bob@example.com')
    const late = await two.request('INVITE')
    await it.clock.advance(3_001)
    one.reply(await one.request('INVITE'), 180)
    await alice.response('INVITE', 180)
    two.reply(late, 200)
    assert.is((await alice.response('INVITE')).status, 200)
    assert.is(it.answered[0]?.dialog.callee.edge, '127.4.0.2:5060')
    await one.request('CANCEL')
    await it.stop()
  }),
)

test(
  'a closed flow takes its binding with it at once; a device that is reached at its Contact keeps it',
  deadline(5_000, async () => {
    const scene = await twoFlows()
    const { it, nodes } = scene
    const plain = it.phone('alice@example.com', '127.4.1.9', nodes[0]!)
    await plain.register()
    it.wire.close(flowsOf(scene)[0]!.flow)
    it.wire.close(it.bindings.get('alice@example.com')![0]!.flow)
    assert.equal(
      flowsOf(scene).map(({ regId }) => regId),
      ['2'],
    )
    assert.is(it.bindings.get('alice@example.com')?.length, 1)
    await it.stop()
  }),
)

test.run()

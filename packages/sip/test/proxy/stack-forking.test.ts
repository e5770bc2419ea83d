/** RFC 3261 §16.5–16.8 over devices of one account, and what travels within its dialogs. */
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Phone } from './phone.ts'
import { SDP } from './phone.ts'
import { answeredCall, house } from './scene.ts'

const test = suite('sip: stack forks')

/** Bob with a device for each q. */
async function scene(qs: string[]) {
  const { it, node, nodes } = await house('127.4.0.1', '127.4.0.2')
  const alice = it.phone('alice@example.com', '127.4.1.1', node)
  const devices: Phone[] = []
  for (const [index, q] of qs.entries()) {
    const device = it.phone('bob@example.com', `127.4.1.${20 + index}`, nodes[index % 2]!)
    await device.register('SHA-256', { headers: [['Contact', `<${device.contact}>;q=${q}`]], callId: `r${index}` })
    devices.push(device)
  }
  return { it, nodes, alice, devices: devices as [Phone, Phone, Phone] }
}

const invited = (phone: Phone): boolean =>
  phone.inbox.some((message) => message.kind === 'request' && message.method === 'INVITE')

test(
  'three devices ring at once; the first to answer has the call, the others are told that somebody did',
  deadline(5_000, async () => {
    const { it, alice, devices } = await scene(['1', '1', '1'])
    await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    const invites = []
    for (const device of devices) {
      const invite = await device.request('INVITE')
      device.reply(invite, 180)
      await alice.response('INVITE', 180)
      invites.push(invite)
    }
    devices[1].reply(invites[1]!, 200, { body: SDP })
    await alice.response('INVITE', 200)
    for (const loser of [devices[0], devices[2]]) {
      const cancel = await loser.request('CANCEL')
      assert.is(cancel.headers.get('Reason'), 'SIP;cause=200;text="Call completed elsewhere"')
    }
    assert.is(it.answered.length, 1)
    await it.stop()
  }),
)

test(
  'the caller’s reason for giving up travels with every CANCEL',
  deadline(5_000, async () => {
    const { it, alice, devices } = await scene(['1', '1'])
    const { request } = await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    for (const device of devices) device.reply(await device.request('INVITE'), 180)
    await alice.response('INVITE', 180)
    const reason = ['Reason', 'Q.850;cause=16;text="Terminated"'] as const
    alice.send(
      alice.build('CANCEL', request.uri, {
        via: request.headers.get('Via') as string,
        from: request.headers.get('From') as string,
        callId: request.callId,
        cseq: request.cseq.number,
        headers: [reason],
      }),
    )
    for (const device of devices) assert.is((await device.request('CANCEL')).headers.get('Reason'), reason[1])
    await it.stop()
  }),
)

test(
  'devices of lower q ring after those of higher q have refused',
  deadline(5_000, async () => {
    const { it, alice, devices } = await scene(['0.5', '1', '0.1'])
    const [second, first, third] = devices
    await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    first.reply(await first.request('INVITE'), 486)
    const invite = await second.request('INVITE')
    assert.not.ok(invited(third))
    second.reply(invite, 480)
    third.reply(await third.request('INVITE'), 200, { body: SDP })
    await alice.response('INVITE', 200)
    await it.stop()
  }),
)

test(
  'and after those of higher q have rung for 20 s, which may still pick up',
  deadline(5_000, async () => {
    const { it, alice, devices } = await scene(['1', '0.5'])
    const [first, second] = devices
    await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    const invite = await first.request('INVITE')
    first.reply(invite, 180)
    await alice.response('INVITE', 180)
    await it.clock.advance(19_000)
    assert.not.ok(invited(second))
    await it.clock.advance(1_001)
    await first.request('CANCEL')
    const other = await second.request('INVITE')
    second.reply(other, 180)
    await alice.response('INVITE', 180)
    first.reply(invite, 200, { body: SDP })
    await alice.response('INVITE', 200)
    await second.request('CANCEL')
    await it.stop()
  }),
)

test(
  '6xx ends it for all; 3xx goes to the caller, who decides',
  deadline(5_000, async () => {
    const { it, alice, devices } = await scene(['1', '0.5'])
    const [first, second] = devices
    await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    first.reply(await first.request('INVITE'), 603)
    assert.is((await alice.response('INVITE')).status, 603)
    assert.not.ok(invited(second))

    await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    first.inbox.length = 0
    first.reply(await first.request('INVITE'), 302)
    second.reply(await second.request('INVITE'), 486)
    const moved = await alice.response('INVITE')
    assert.is(moved.status, 302)
    assert.is(moved.headers.get('Contact'), `<${first.contact}>`)
    await it.stop()
  }),
)

test(
  'whatever a dialog has to say is carried, by a node that never saw it too',
  deadline(5_000, async () => {
    const { it, nodes, alice, devices } = await scene(['1'])
    const [bob] = devices
    const { request, invite, ok } = await answeredCall(alice, bob)
    for (const method of ['UPDATE', 'INFO', 'REFER', 'NOTIFY', 'PRACK', 'MESSAGE', 'JUGGLE']) {
      alice.send(alice.inDialog(method, 'caller', request, ok), nodes[1])
      bob.reply(await bob.request(method), 200)
      assert.is((await alice.response(method)).status, 200, method)
      bob.send(bob.inDialog(method, 'callee', invite, ok), nodes[1])
      alice.reply(await alice.request(method), 202)
      assert.is((await bob.response(method)).status, 202, method)
    }
    await it.stop()
  }),
)

test(
  'a subscription is a dialog: its NOTIFY comes back by another node',
  deadline(5_000, async () => {
    const { it, nodes, alice, devices } = await scene(['1'])
    const [bob] = devices
    const { request } = await alice.authenticated('SUBSCRIBE', 'sip:bob@example.com', {
      headers: [['Event', 'dialog']],
    })
    const subscribe = await bob.request('SUBSCRIBE')
    bob.reply(subscribe, 202)
    const ok = await alice.response('SUBSCRIBE')
    bob.send(bob.inDialog('NOTIFY', 'callee', subscribe, ok), nodes[1])
    alice.reply(await alice.request('NOTIFY'), 200)
    assert.is((await bob.response('NOTIFY')).status, 200)
    alice.send(alice.inDialog('SUBSCRIBE', 'caller', request, ok), nodes[1])
    bob.reply(await bob.request('SUBSCRIBE'), 200)
    assert.is((await alice.response('SUBSCRIBE')).status, 200)
    await it.stop()
  }),
)

test.run()

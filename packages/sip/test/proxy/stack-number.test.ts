/** Numbers that nobody has here: to where ENUM says, before they go out by a trunk. */
import type { Address } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerLoad } from '../../src/guard/peer-load.ts'
import { Trunks } from '../../src/trunk/trunks.ts'
import { House } from './house.ts'
import { SDP } from './phone.ts'

const test = suite('sip: stack calls by number')

async function scene(uris: readonly string[]) {
  const it = new House()
  const asked: object[] = []
  it.numbers = {
    find: async (query) => {
      asked.push(query)
      return uris
    },
  }
  const load = new PeerLoad({ clock: it.clock })
  const trunks = new Trunks({ load })
  trunks.replace([
    {
      name: 'carrier',
      target: 'sip:127.5.9.1:5070',
      domain: 'carrier.example',
      prefixes: ['+'],
      register: false,
      expires: 600,
      callsMax: 0,
      from: 'caller',
      probeMs: 0,
      failures: 3,
      successes: 2,
      up: true,
    },
  ])
  it.trunks = trunks
  for (const aor of ['alice@example.com', 'bob@example.com']) it.account(aor, { groups: ['free-pstn'] })
  const node: Address = await it.node('127.5.0.1')
  const alice = it.phone('alice@example.com', '127.5.1.1', node)
  const bob = it.phone('bob@example.com', '127.5.1.2', node)
  const far = it.phone('x@far.example', '127.5.2.1', node, undefined, 5060)
  const further = it.phone('x@further.example', '127.5.2.2', node, undefined, 5060)
  const carrier = it.phone('+3120@carrier.example', '127.5.9.1', node)
  it.foreign.set('far.example', [{ host: '127.5.2.1', port: 5060 }])
  it.foreign.set('further.example', [{ host: '127.5.2.2', port: 5060 }])
  return { it, alice, bob, far, further, carrier, asked }
}

const NUMBER = 'sip:+31208005100@example.com'

test(
  'a phone that knows no ENUM dials a number, and the account that it leads to rings',
  deadline(5_000, async () => {
    const { it, alice, bob, asked } = await scene(['sip:bob@example.com'])
    await bob.register()
    const { request } = await alice.authenticated('INVITE', NUMBER, { body: SDP })
    const invite = await bob.request('INVITE')
    assert.equal(asked, [{ number: '+31208005100', method: 'INVITE', caller: 'alice@example.com' }])
    bob.reply(invite, 200, { body: SDP })
    assert.is((await alice.response('INVITE', 200)).status, 200)
    assert.is(request.requestUri.user, '+31208005100')
    await it.stop()
  }),
)

test(
  'foreign hosts are tried in their order, with the URI as ENUM has it',
  deadline(5_000, async () => {
    const { it, alice, far, further } = await scene(['sip:x@far.example;a=b', 'nonsense', 'sip:y@further.example'])
    await alice.authenticated('INVITE', NUMBER, { body: SDP })
    const invite = await far.request('INVITE')
    assert.is(invite.uri, 'sip:x@far.example;a=b')
    far.reply(invite, 503)
    const second = await further.request('INVITE')
    assert.is(second.uri, 'sip:y@further.example')
    further.reply(second, 200, { body: SDP })
    assert.is((await alice.response('INVITE', 200)).status, 200)
    await it.stop()
  }),
)

test(
  'a number that was ported leaves by the trunk of its routing number',
  deadline(5_000, async () => {
    const { it, alice, carrier } = await scene(['tel:+31208005100;npdi;rn=+31970'])
    await alice.authenticated('INVITE', NUMBER, { body: SDP })
    const invite = await carrier.request('INVITE')
    assert.is(invite.uri, 'sip:+31208005100;rn=+31970;npdi@127.5.9.1:5070;user=phone')
    await it.stop()
  }),
)

test(
  'where ENUM knows nothing a trunk takes it; nobody from outside is led on',
  deadline(5_000, async () => {
    const { it, alice, carrier, asked, far } = await scene([])
    await alice.authenticated('INVITE', NUMBER, { body: SDP })
    assert.is((await carrier.request('INVITE')).uri, 'sip:+31208005100@127.5.9.1:5070;user=phone')
    asked.length = 0
    far.send(far.build('INVITE', NUMBER, { body: SDP }))
    assert.is((await far.response('INVITE')).status, 404)
    assert.equal(asked, [])
    await it.stop()
  }),
)

test(
  'names are no numbers',
  deadline(5_000, async () => {
    const { it, alice, asked } = await scene(['sip:bob@example.com'])
    await alice.authenticated('INVITE', 'sip:nobody@example.com', { body: SDP })
    assert.is((await alice.response('INVITE', 404)).status, 404)
    assert.equal(asked, [])
    await it.stop()
  }),
)

test.run()

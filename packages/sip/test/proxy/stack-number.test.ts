/** Numbers that nobody has here: to where ENUM says, before they go out by a trunk. */
import type { Address } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerLoad } from '../../src/guard/peer-load.ts'
import type { DialPlan } from '../../src/numbers/dial-plan.ts'
import { Trunks } from '../../src/trunk/trunks.ts'
import { House } from './house.ts'
import { SDP } from './phone.ts'

const test = suite('sip: stack calls by number')

const DUTCH = {
  ...{ country: '31', area: '20', international: '00', national: '0', nationalDigits: 9 },
  keep: ['112'],
}

async function scene(uris: readonly string[], plan?: DialPlan) {
  const it = new House()
  if (plan) it.planOf = () => plan
  const asked: object[] = []
  it.numbers = {
    find: async (query) => {
      asked.push(query)
      return uris.length > 0 ? { tree: 'e164.arpa', uris } : undefined
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
  'EN-01: a phone that knows no ENUM dials a number, and the account that it leads to rings',
  deadline(5_000, async () => {
    const { it, alice, bob, asked } = await scene(['sip:bob@example.com'])
    await bob.register()
    const { request } = await alice.authenticated('INVITE', NUMBER, { body: SDP })
    const invite = await bob.request('INVITE')
    assert.equal(asked, [{ number: '+31208005100', method: 'INVITE', caller: 'alice@example.com' }])
    bob.reply(invite, 200, { body: SDP })
    assert.is((await alice.response('INVITE', 200)).status, 200)
    assert.is(request.requestUri.user, '+31208005100')
    const [{ callee, requestUri, enum: led } = {}] = it.answered
    assert.equal(
      [callee, requestUri, led],
      ['bob@example.com', NUMBER, { tree: 'e164.arpa', number: '+31208005100' }],
      'EN-39: what led the call is told for its record',
    )
    await it.stop()
  }),
)

test(
  'EN-37: an account with an order of trees of its own has its numbers looked up by that',
  deadline(5_000, async () => {
    const { it, alice, bob, asked } = await scene(['sip:bob@example.com'])
    const trees = ['e164.private.example', 'e164.arpa']
    it.account('alice@example.com', { groups: [], trees })
    await bob.register()
    await alice.authenticated('INVITE', NUMBER, { body: SDP })
    await bob.request('INVITE')
    assert.equal(asked, [{ number: '+31208005100', method: 'INVITE', caller: 'alice@example.com', trees }])
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
    assert.equal(it.answered[0]?.enum, { tree: 'e164.arpa', number: '+31208005100' })
    await it.stop()
  }),
)

test(
  'EN-39: a call that nobody led by ENUM says nothing of it',
  deadline(5_000, async () => {
    const { it, alice, bob, carrier } = await scene([])
    await bob.register()
    await alice.authenticated('INVITE', 'sip:bob@example.com', { body: SDP })
    bob.reply(await bob.request('INVITE'), 200, { body: SDP })
    await alice.response('INVITE', 200)
    await alice.authenticated('INVITE', NUMBER, { body: SDP })
    carrier.reply(await carrier.request('INVITE'), 200, { body: SDP })
    await alice.response('INVITE', 200)
    assert.equal(
      it.answered.map((one) => one.enum),
      [undefined, undefined],
    )
    await it.stop()
  }),
)

test(
  'EN-35: a number that was ported leaves by the trunk of its routing number',
  deadline(5_000, async () => {
    const { it, alice, carrier } = await scene(['tel:+31208005100;npdi;rn=+31970'])
    await alice.authenticated('INVITE', NUMBER, { body: SDP })
    const invite = await carrier.request('INVITE')
    assert.is(invite.uri, 'sip:+31208005100;rn=+31970;npdi@127.5.9.1:5070;user=phone')
    carrier.reply(invite, 200, { body: SDP })
    await alice.response('INVITE', 200)
    assert.equal(it.answered[0]?.enum, { tree: 'e164.arpa', number: '+31208005100' })
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

test(
  'SIP-21: however a number is dialled, account, ENUM and trunk get it as a number of the world',
  deadline(10_000, async () => {
    const { it, alice, bob, carrier, asked } = await scene([], DUTCH)
    it.aliases.set('+31201234500@example.com', 'bob@example.com')
    await bob.register()
    const ways = ['0201234500', '1234500', '0031201234500', '+31201234500']
    for (const uri of [
      ...ways.map((way) => `sip:${way}@example.com`),
      'tel:020-1234500',
      'sip:1234500@127.5.0.1:5060',
    ]) {
      await alice.authenticated('MESSAGE', uri)
      bob.reply(await bob.request('MESSAGE'), 200)
      assert.is((await alice.response('MESSAGE', 200)).status, 200, uri)
    }
    assert.equal(asked, [])
    await alice.authenticated('INVITE', 'tel:020-8005100;ext=22', { body: SDP })
    const invite = await carrier.request('INVITE')
    assert.is(invite.uri, 'sip:+31208005100;ext=22@127.5.9.1:5070;user=phone')
    assert.equal(asked, [{ number: '+31208005100', method: 'INVITE', caller: 'alice@example.com' }])
    await it.stop()
  }),
)

test(
  'SIP-21: an account that is named as it is dialled is found, too, and a context that is served here says whose number it is',
  deadline(5_000, async () => {
    const { it, alice, bob } = await scene([], DUTCH)
    it.aliases.set('0201234500@example.com', 'bob@example.com')
    it.aliases.set('7042@example.com', 'bob@example.com')
    await bob.register()
    for (const uri of ['tel:+31201234500', 'sip:0201234500@example.com', 'tel:7042;phone-context=example.com']) {
      await alice.authenticated('MESSAGE', uri)
      if (uri.includes('+')) assert.is((await alice.response('MESSAGE', 404)).status, 404, uri)
      else {
        bob.reply(await bob.request('MESSAGE'), 200)
        assert.is((await alice.response('MESSAGE', 200)).status, 200, uri)
      }
    }
    await it.stop()
  }),
)

test(
  'SIP-21: a carrier is told the caller’s number as one of the world; a number in From may be written as it is dialled',
  deadline(10_000, async () => {
    const { it, carrier } = await scene([], DUTCH)
    const groups = ['free-pstn']
    it.account('ann@example.com', {
      groups,
      displayName: 'Ann',
      aliases: ['1001@example.com', '+31201234501@example.com'],
    })
    it.account('olga@example.com', { groups, number: '0201234502', aliases: ['+31201234503@example.com'] })
    it.account('noah@example.com', { groups })
    const node = { host: '127.5.0.1', port: 5060 }
    const cases: [user: string, from: string, identity: string][] = [
      ['ann', '<sip:ann@example.com>', 'Ann <sip:+31201234501@example.com;user=phone>'],
      ['ann', '<sip:0201234501@example.com>', 'Ann <sip:+31201234501@example.com;user=phone>'],
      ['olga', '<sip:olga@example.com>', '<sip:+31201234502@example.com;user=phone>'],
      ['noah', '<sip:noah@example.com>', '<sip:noah@example.com>'],
    ]
    for (const [index, [user, from, identity]] of cases.entries()) {
      const phone = it.phone(`${user}@example.com`, `127.5.1.${10 + index}`, node)
      await phone.authenticated('INVITE', 'sip:0208005100@example.com', { body: SDP, from: `${from};tag=f${index}` })
      const invite = await carrier.request('INVITE')
      assert.is(invite.headers.get('P-Asserted-Identity'), identity)
      carrier.reply(invite, 486)
      await phone.response('INVITE', 486)
    }
    const thief = it.phone('noah@example.com', '127.5.1.20', node)
    await thief.authenticated('INVITE', 'sip:0208005100@example.com', {
      body: SDP,
      from: '<sip:0201234501@example.com>;tag=z',
    })
    assert.is((await thief.response('INVITE', 403)).status, 403)
    await it.stop()
  }),
)

test(
  'SIP-21: what a carrier vouches for in its country’s form is made a number of the world',
  deadline(5_000, async () => {
    const { it, bob, carrier } = await scene([], DUTCH)
    const limits = { callsMax: 0, callsPerSecond: 0 }
    it.peers.replace([
      { name: 'carrier', prefixes: ['127.5.9.1'], tlsNames: [], relay: false, domain: 'example.com', ...limits },
    ])
    await bob.register()
    const identity = '"X" <sip:0201234599@carrier.example;user=phone>, <tel:+3120>'
    carrier.send(carrier.build('MESSAGE', 'sip:bob@example.com', { headers: [['P-Asserted-Identity', identity]] }))
    const got = await bob.request('MESSAGE')
    assert.equal(got.headers.getAll('P-Asserted-Identity'), [
      'X <sip:+31201234599@carrier.example;user=phone>',
      '<tel:+3120>',
    ])
    bob.reply(got, 200)
    await it.stop()
  }),
)

test.run()

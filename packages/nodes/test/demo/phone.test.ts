import { type Address, silentLogger, systemClock, systemNet } from '@thor-node/core'
import { deadline, eventually, SimRandom } from '@thor-node/core/testing'
import type { SipMessage } from '@thor-node/sip'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PhoneCall } from '../../src/demo/call.ts'
import { Phone, type PhoneInit } from '../../src/demo/phone.ts'
import { ScriptedProxy } from './proxy.ts'

const phones = suite('demo/phone')
const HOST = '127.77.9.1'

let proxy: ScriptedProxy
let address: Address
let alice: Phone
let bob: Phone

const init = (user: string, host: string): PhoneInit => ({
  aor: `${user}@thor.local`,
  password: `secret-${user}`,
  algorithm: 'SHA-256',
  host,
  proxy: address,
  toneHz: 440,
  peerToneHz: 660,
})

phones.before.each(async () => {
  proxy = new ScriptedProxy()
  proxy.passwords.set('alice', 'secret-alice').set('bob', 'secret-bob')
  address = await proxy.start(HOST)
  const components = { clock: systemClock, random: new SimRandom(7), net: systemNet, logger: silentLogger }
  alice = new Phone(components, init('alice', '127.77.9.11'))
  bob = new Phone(components, { ...init('bob', '127.77.9.12'), algorithm: 'MD5', toneHz: 660, peerToneHz: 440 })
  await alice.start()
  await bob.start()
})

phones.after.each(async () => {
  await alice.stop()
  await bob.stop()
  await proxy.stop()
})

async function talk(): Promise<[caller: PhoneCall, callee: PhoneCall]> {
  assert.is((await alice.register()).status, 200)
  assert.is((await bob.register()).status, 200)
  const { status, call } = await alice.call('bob@thor.local')
  assert.is(status, 200)
  return [call as PhoneCall, bob.callWith(call?.callId ?? '') as PhoneCall]
}

phones(
  'they register with the digest of their choice, talk, hear each other, and hang up',
  deadline(8_000, async () => {
    const [caller, callee] = await talk()
    assert.equal(proxy.algorithms, ['SHA-256', 'MD5', 'SHA-256'])
    await eventually(() => caller.audio.heard().heardMs >= 200 && callee.audio.heard().heardMs >= 200)
    assert.is((await alice.hangUp(caller)).status, 200)
    await callee.ended
    assert.is(callee.end?.by, 'peer')
    assert.is(caller.end?.by, 'us')
    assert.ok(proxy.log.includes('180 INVITE'))
    assert.is(proxy.log.filter((line) => line === 'ACK').length, 2, 'one for the challenge, one for the call')
  }),
)

phones(
  'the callee can hang up as well',
  deadline(8_000, async () => {
    const [caller, callee] = await talk()
    assert.is((await bob.hangUp(callee)).status, 200)
    assert.is(caller.end?.by, 'peer')
  }),
)

phones(
  'a wrong password is given once, and the refusal is told',
  deadline(8_000, async () => {
    proxy.passwords.set('alice', 'other')
    assert.is((await alice.register()).status, 401)
    assert.equal(proxy.log, ['REGISTER', 'REGISTER'])
  }),
)

phones(
  'a call to nobody ends with its status',
  deadline(8_000, async () => {
    await alice.register()
    const { status, call } = await alice.call('carol@thor.local')
    assert.is(status, 404)
    assert.is(call, undefined)
  }),
)

/** Loses the first message for which this is true. */
function loseOne(which: (message: SipMessage) => boolean): void {
  let lost = false
  proxy.lose = (message) => {
    if (lost || !which(message)) return false
    lost = true
    return true
  }
}

const losses: [what: string, which: (message: SipMessage) => boolean][] = [
  ['an INVITE', (message) => message.kind === 'request' && message.method === 'INVITE'],
  ['the answer', (message) => message.kind === 'response' && message.status === 200],
  [
    'the ACK of the answer',
    (message) => message.kind === 'request' && message.method === 'ACK' && message.to.params.get('tag') !== 't',
  ],
  ['a BYE', (message) => message.kind === 'request' && message.method === 'BYE'],
]
for (const [what, which] of losses) {
  phones(
    `${what} may be lost`,
    deadline(8_000, async () => {
      await alice.register()
      await bob.register()
      loseOne(which)
      const { call } = await alice.call('bob@thor.local')
      const caller = call as PhoneCall
      const acks = (): number => proxy.log.filter((line) => line === 'ACK').length
      if (what.startsWith('the ACK')) await eventually(() => acks() >= 3)
      assert.is((await alice.hangUp(caller)).status, 200)
      assert.is(bob.calls.length, 1, 'a retransmission is no new call')
      assert.is(bob.calls[0]?.end?.by, 'peer')
    }),
  )
}

phones(
  'nothing answers: 408, after it was sent again and again',
  deadline(8_000, async () => {
    proxy.lose = () => true
    const components = { clock: systemClock, random: new SimRandom(8), net: systemNet, logger: silentLogger }
    const carol = new Phone(components, { ...init('carol', '127.77.9.13'), requestLimitMs: 1_700 })
    await carol.start()
    const { status } = await carol.register()
    await carol.stop()
    assert.is(status, 408)
    assert.equal(proxy.log, ['REGISTER', 'REGISTER', 'REGISTER'])
  }),
)

phones.run()

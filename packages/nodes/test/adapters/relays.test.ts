import { errorCode } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { callKey } from '../../src/adapters/call-keys.ts'
import { Relays } from '../../src/adapters/relays.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: relays of calls')

const CALL = 'abc-0123456789abcdef01234567'

function scene() {
  const ring = new MemoryRing({ clock: new SimClock() })
  return { ring, relays: new Relays({ ring, random: new SimRandom(1) }) }
}

test('candidates are those that serve and relay, the home of the call last, the others in any order', () => {
  const { ring, relays } = scene()
  ring.nodes.set('n2', {})
  ring.nodes.set('n3', {})
  ring.nodes.set('draining', { serving: false })
  ring.nodes.set('suspect', { state: 'suspect' })
  ring.nodes.set('registrar', { roles: ['sip_proxy'] })
  const orders = new Set<string>()
  for (let i = 0; i < 50; i++) orders.add(relays.candidates(CALL).join())
  assert.equal([...orders].sort(), ['n2,n3,self', 'n3,n2,self'])
  ring.nodes.clear()
  try {
    relays.candidates(CALL)
    assert.unreachable()
  } catch (error) {
    assert.is(errorCode(error), 'NODE_NO_RELAY')
  }
})

test('a relay that has both address families comes first where the parties differ', () => {
  const { ring, relays } = scene()
  const address = { host: '192.0.2.2', cluster: 7400 }
  ring.nodes.set('n2', { services: address })
  ring.nodes.set('both', { services: { ...address, host6: '2001:db8::2' } })
  for (let i = 0; i < 20; i++) assert.is(relays.candidates(CALL, ['IPv4', 'IPv6'])[0], 'both')
  const firsts = new Set(Array.from({ length: 50 }, () => relays.candidates(CALL, ['IPv4', 'IPv4'])[0]))
  assert.ok(firsts.has('n2') && firsts.has('both'))
})

test(
  'the relay of a call set up elsewhere is found in its soft record, and remembered',
  deadline(2_000, async () => {
    const { ring, relays } = scene()
    assert.is(await relays.find(CALL), undefined)
    await ring.soft.put(callKey(CALL), { sub: 'dialog', body: { relay: 'n2' }, ttlMs: 1_000 })
    assert.is(relays.known(CALL), undefined)
    assert.is(await relays.find(CALL), 'n2')
    assert.is(relays.known(CALL), 'n2')
    relays.forget(CALL)
    assert.is(relays.known(CALL), undefined)
  }),
)

test.run()

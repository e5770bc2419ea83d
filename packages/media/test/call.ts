import assert from 'node:assert/strict'
import { type Address, systemClock, systemNet } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import { type RelayInit, UserSpaceRelay } from '../src/index.ts'
import { Phone, target } from './phone.ts'

/** Each test file binds an address of its own, so that files can run at the same time. */
export const host = `127.5.0.${1 + (process.pid % 250)}`
export const from: Address = { host: '127.5.1.1', port: 5060 }
export const callUuid = '0a1-000000000000000000000001'

let range = 20_000
/** A relay with ports of its own, so that tests cannot meet. */
export function makeRelay(init: Partial<RelayInit> = {}): UserSpaceRelay {
  range += 200
  const ports = { from: range, to: range + 199 }
  return new UserSpaceRelay(
    { clock: systemClock, random: new SimRandom(range), net: systemNet },
    { host, ports, ...init },
  )
}

export interface Call {
  relay: UserSpaceRelay
  alice: Phone
  bob: Phone
  /** Where each phone is told to send. */
  toBob: Address
  toAlice: Address
}

/** Two phones in a call; their ports in SDP may be wrong, as behind a NAT. */
export async function withCall(
  init: Partial<RelayInit>,
  body: (call: Call) => Promise<void>,
  nat = false,
): Promise<void> {
  const relay = makeRelay(init)
  await relay.start()
  const alice = await Phone.open('127.5.1.1')
  const bob = await Phone.open('127.5.2.1')
  try {
    const lie = nat ? { at: { host: '127.5.9.9', port: 9 } } : {}
    const offer = await relay.rewrite({
      callUuid,
      side: 'caller',
      kind: 'offer',
      branch: 'b1',
      sdp: alice.sdp(lie),
      from,
    })
    const answer = await relay.rewrite({
      callUuid,
      side: 'callee',
      kind: 'answer',
      branch: 'b1',
      sdp: bob.sdp(lie),
      from,
    })
    await body({ relay, alice, bob, toAlice: target(offer), toBob: target(answer) })
  } finally {
    await relay.stop()
    await alice.close()
    await bob.close()
  }
  assert.equal(relay.freePairs, 100, 'stop gives every port back')
}

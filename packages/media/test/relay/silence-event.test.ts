import assert from 'node:assert/strict'
import { type Address, type Net, ThorError, type UdpListener } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { UserSpaceRelay } from '../../src/index.ts'
import { rtp, sdpOf, target } from '../phone.ts'

const test = suite('media silence event')

/** Ports without a network: `deliver` is a packet that arrives. */
class FakeNet implements Net {
  readonly #listeners = new Map<number, UdpListener>()
  readonly sent: { bytes: Uint8Array; to: Address }[] = []

  async udp(bind: Address, onMessage: UdpListener) {
    this.#listeners.set(bind.port, onMessage)
    return {
      local: bind,
      send: (bytes: Uint8Array, to: Address) => void this.sent.push({ bytes, to }),
      close: async () => void this.#listeners.delete(bind.port),
    }
  }

  async listen(): Promise<never> {
    throw new ThorError('NET_FAILED', 'no streams here')
  }

  async connect(): Promise<never> {
    throw new ThorError('NET_FAILED', 'no streams here')
  }

  deliver(port: number, bytes: Buffer, from: Address): void {
    this.#listeners.get(port)?.(bytes, from)
  }

  get open(): number {
    return this.#listeners.size
  }
}

const callUuid = 'call'
const alice = { host: '192.0.2.1', port: 4000 }
const bob = { host: '192.0.2.2', port: 5000 }

async function makeCall() {
  const clock = new SimClock()
  const net = new FakeNet()
  const relay = new UserSpaceRelay({ clock, net, random: new SimRandom(1) }, { host: '192.0.2.9' })
  const silences: [string, number][] = []
  relay.onSilence = (...silence) => silences.push(silence)
  await relay.start()
  const write = (side: 'caller' | 'callee', kind: 'offer' | 'answer', sdp: string) =>
    relay.rewrite({ callUuid, side, kind, branch: 'b', sdp, from: side === 'caller' ? alice : bob })
  const toAlice = target(await write('caller', 'offer', sdpOf(alice))).port
  return { clock, net, relay, silences, write, toAlice }
}

test(
  'sixty seconds without RTP from either side are reported, once per silence',
  deadline(10_000, async () => {
    const { clock, net, relay, silences, write, toAlice } = await makeCall()
    const toBob = target(await write('callee', 'answer', sdpOf(bob))).port
    net.deliver(toBob, rtp(1), alice)
    assert.deepEqual(net.sent.at(-1)?.to, bob)
    await clock.advance(59_000)
    // The other side alone keeps the call alive.
    net.deliver(toAlice, rtp(1), bob)
    await clock.advance(59_000)
    assert.deepEqual(silences, [])
    assert.equal(relay.stats(callUuid)?.silentMs, 59_000)
    await clock.advance(2_000)
    assert.deepEqual(silences, [[callUuid, 60_000]])
    await clock.advance(300_000)
    assert.equal(silences.length, 1)
    net.deliver(toBob, rtp(2), alice)
    await clock.advance(61_000)
    assert.equal(silences.length, 2)
    await relay.stop()
    assert.equal(clock.armed, 0)
    assert.equal(net.open, 0)
  }),
)

test(
  'RTCP and strangers do not break silence',
  deadline(10_000, async () => {
    const { clock, net, relay, silences, write } = await makeCall()
    const toBob = target(await write('callee', 'answer', sdpOf(bob))).port
    net.deliver(toBob, rtp(1), alice)
    for (let i = 0; i < 61; i++) {
      await clock.advance(1_000)
      net.deliver(toBob + 1, Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 7]), { ...alice, port: 4001 })
      net.deliver(toBob, rtp(i), { host: '192.0.2.66', port: 6 })
    }
    assert.equal(silences.length, 1)
    await relay.stop()
  }),
)

test(
  'without any packet the call has ninety seconds from its answer',
  deadline(10_000, async () => {
    const { clock, relay, silences, write } = await makeCall()
    await clock.advance(100_000)
    await write('callee', 'answer', sdpOf(bob))
    await clock.advance(89_000)
    assert.deepEqual(silences, [])
    assert.equal(relay.stats(callUuid)?.silentMs, undefined)
    await clock.advance(1_000)
    assert.deepEqual(silences, [[callUuid, 90_000]])
    assert.equal(relay.stats(callUuid)?.streams[0]?.status, 'no-traffic timeout')
    await relay.stop()
  }),
)

test(
  'hold is not silence; after resume the time starts anew',
  deadline(10_000, async () => {
    const { clock, net, relay, silences, write } = await makeCall()
    const toBob = target(await write('callee', 'answer', sdpOf(bob))).port
    net.deliver(toBob, rtp(1), alice)
    await write('caller', 'offer', sdpOf(alice, ['a=sendonly']))
    await write('callee', 'answer', sdpOf(bob, ['a=recvonly']))
    await clock.advance(3_600_000)
    assert.deepEqual(silences, [])
    await write('caller', 'offer', sdpOf(alice))
    await write('callee', 'answer', sdpOf(bob))
    await clock.advance(59_000)
    assert.deepEqual(silences, [])
    await clock.advance(1_000)
    assert.deepEqual(silences, [[callUuid, 60_000]])
    await relay.stop()
  }),
)

test(
  'calls that nobody ends are freed in the end',
  deadline(10_000, async () => {
    const { clock, net, relay, silences } = await makeCall()
    assert.equal(net.open, 4)
    await clock.advance(599_000)
    assert.equal(relay.sessions().length, 1)
    await clock.advance(1_000)
    assert.equal(relay.sessions().length, 0)
    assert.equal(net.open, 0)
    assert.deepEqual(silences, [])
    await relay.stop()
  }),
)

test(
  'a listener that fails does not stop the watch',
  deadline(10_000, async () => {
    const { clock, net, relay, write } = await makeCall()
    const toBob = target(await write('callee', 'answer', sdpOf(bob))).port
    net.deliver(toBob, rtp(1), alice)
    let calls = 0
    relay.onSilence = () => {
      calls += 1
      throw new Error('listener')
    }
    await clock.advance(61_000)
    net.deliver(toBob, rtp(2), alice)
    await clock.advance(61_000)
    assert.equal(calls, 2)
    await relay.stop()
  }),
)

test.run()

import assert from 'node:assert/strict'
import { type Address, errorCode, systemNet } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { callUuid, from, host, makeRelay, withCall } from '../call.ts'
import { Phone, rtp, sdpOf, target } from '../phone.ts'

const test = suite('media relay control')

test(
  'branches of a fork have ports of their own, and the one that answered last is connected',
  deadline(10_000, async () => {
    const relay = makeRelay()
    await relay.start()
    const alice = await Phone.open('127.5.1.1')
    const [bob1, bob2] = [await Phone.open('127.5.2.1'), await Phone.open('127.5.2.2')]
    const offer = (branch: string) =>
      relay.rewrite({ callUuid, side: 'caller', kind: 'offer', branch, sdp: alice.sdp(), from })
    const answer = (branch: string, sdp: string) =>
      relay.rewrite({ callUuid, side: 'callee', kind: 'answer', branch, sdp, from })
    // At the same time, as a forking proxy does.
    const [to1, to2] = (await Promise.all([offer('b1'), offer('b2')])).map((sdp) => target(sdp)) as [Address, Address]
    assert.notDeepEqual(to1, to2)
    const early = target(await answer('b1', bob1.sdp()))
    alice.rtp.send(rtp(1), early)
    await eventually(() => bob1.heard.rtp.length === 1)
    const final = target(await answer('b2', bob2.sdp()))
    assert.deepEqual(final, early, 'the caller keeps its port, whoever answers')
    bob1.rtp.send(rtp(66), to1)
    bob2.rtp.send(rtp(2), to2)
    alice.rtp.send(rtp(3), final)
    await eventually(() => bob2.heard.rtp.length === 1 && alice.heard.rtp.length === 1)
    assert.deepEqual(alice.heard.rtp, [rtp(2)])
    assert.equal(bob1.heard.rtp.length, 1)
    await relay.stop()
    await Promise.all([alice.close(), bob1.close(), bob2.close()])
    assert.equal(relay.freePairs, 100)
  }),
)

test(
  'one offer for all branches works too: each answer names another party at the same ports',
  deadline(10_000, () =>
    withCall({}, async ({ relay, alice, bob, toAlice, toBob }) => {
      bob.rtp.send(rtp(1), toAlice)
      await eventually(() => alice.heard.rtp.length === 1)
      const carol = await Phone.open('127.5.2.3')
      await relay.rewrite({ callUuid, side: 'callee', kind: 'answer', branch: 'b2', sdp: carol.sdp(), from })
      bob.rtp.send(rtp(66), toAlice)
      carol.rtp.send(rtp(2), toAlice)
      alice.rtp.send(rtp(3), toBob)
      await eventually(() => alice.heard.rtp.length === 2 && carol.heard.rtp.length === 1)
      assert.deepEqual(alice.heard.rtp, [rtp(1), rtp(2)])
      await carol.close()
    }),
  ),
)

test(
  'a late offer, written by the callee and answered in ACK, works the same',
  deadline(10_000, async () => {
    const relay = makeRelay()
    await relay.start()
    const [alice, bob] = [await Phone.open('127.5.1.1'), await Phone.open('127.5.2.1')]
    const toBob = target(
      await relay.rewrite({ callUuid, side: 'callee', kind: 'offer', branch: 'b', sdp: bob.sdp(), from }),
    )
    const toAlice = target(
      await relay.rewrite({ callUuid, side: 'caller', kind: 'answer', branch: 'ack', sdp: alice.sdp(), from }),
    )
    alice.rtp.send(rtp(1), toBob)
    bob.rtp.send(rtp(2), toAlice)
    await eventually(() => alice.heard.rtp.length === 1 && bob.heard.rtp.length === 1)
    await relay.stop()
    await Promise.all([alice.close(), bob.close()])
  }),
)

test(
  'release frees the ports, tells the last figures once, and the call is unknown afterwards',
  deadline(10_000, () =>
    withCall({}, async ({ relay, alice, bob, toBob }) => {
      assert.equal(relay.freePairs, 98)
      alice.rtp.send(rtp(1), toBob)
      await eventually(() => bob.heard.rtp.length === 1)
      const last = relay.release(callUuid)
      assert.equal(last?.streams[0]?.callerPackets, 1)
      assert.equal(last?.streams[0]?.status, 'closed')
      assert.equal(relay.release(callUuid), undefined)
      assert.equal(relay.stats(callUuid), undefined)
      await eventually(() => relay.freePairs === 100)
      await assert.rejects(
        relay.rewrite({ callUuid, side: 'callee', kind: 'answer', branch: 'b1', sdp: bob.sdp(), from }),
        (error) => errorCode(error) === 'MEDIA_SESSION_UNKNOWN',
      )
    }),
  ),
)

test(
  'a release while SDP is being rewritten leaves no port behind',
  deadline(10_000, async () => {
    const relay = makeRelay()
    await relay.start()
    const sdp = sdpOf({ host: '127.5.1.1', port: 4000 })
    const offer = relay.rewrite({ callUuid, side: 'caller', kind: 'offer', branch: 'b', sdp, from })
    relay.release(callUuid)
    await assert.rejects(offer, (error) => errorCode(error) === 'MEDIA_SESSION_UNKNOWN')
    await eventually(() => relay.freePairs === 100)
    await relay.stop()
  }),
)

test(
  'when ports run out the call is refused and what it took is given back',
  deadline(10_000, async () => {
    const relay = makeRelay({ ports: { from: 19_000, to: 19_005 } })
    await relay.start()
    const sdp = sdpOf({ host: '127.5.1.1', port: 4000 })
    await relay.rewrite({ callUuid, side: 'caller', kind: 'offer', branch: 'b', sdp, from })
    const second = { callUuid: 'second', side: 'caller', kind: 'offer', branch: 'b', sdp, from } as const
    await assert.rejects(relay.rewrite(second), (error) => errorCode(error) === 'MEDIA_PORTS_EXHAUSTED')
    await eventually(() => relay.freePairs === 1)
    assert.equal(relay.sessions().length, 1)
    relay.release(callUuid)
    await eventually(() => relay.freePairs === 3)
    await relay.rewrite(second)
    await relay.stop()
  }),
)

test(
  'ports that other programs hold are passed over',
  deadline(10_000, async () => {
    const relay = makeRelay({ ports: { from: 19_100, to: 19_107 } })
    await relay.start()
    const taken = await systemNet.udp({ host: host, port: 19_103 }, () => undefined)
    const sdp = sdpOf({ host: '127.5.1.1', port: 4000 })
    for (const callUuid of ['first']) {
      const out = await relay.rewrite({ callUuid, side: 'caller', kind: 'offer', branch: 'b', sdp, from })
      assert.notEqual(target(out).port, 19_102)
    }
    await relay.rewrite({ callUuid: 'first', side: 'callee', kind: 'answer', branch: 'b', sdp, from })
    await assert.rejects(
      relay.rewrite({ callUuid: 'second', side: 'caller', kind: 'offer', branch: 'b', sdp, from }),
      (error) => errorCode(error) === 'MEDIA_PORTS_EXHAUSTED',
    )
    await relay.stop()
    assert.equal(relay.freePairs, 4)
    await taken.close()
  }),
)

test(
  'limits: sessions, draining, and an answer out of the blue',
  deadline(10_000, async () => {
    const relay = makeRelay({ sessionsMax: 1 })
    const sdp = sdpOf({ host: '127.5.1.1', port: 4000 })
    const offer = (id: string) => relay.rewrite({ callUuid: id, side: 'caller', kind: 'offer', branch: 'b', sdp, from })
    const refused = (code: string) => (error: unknown) => errorCode(error) === code
    await assert.rejects(offer('early'), refused('MEDIA_DRAINING'))
    await relay.start()
    await relay.start()
    await offer('first')
    await assert.rejects(offer('second'), refused('MEDIA_TOO_MANY_SESSIONS'))
    await relay.drain()
    await assert.rejects(offer('third'), refused('MEDIA_DRAINING'))
    assert.ok(await offer('first'), 'calls that run go on')
    await relay.stop()
    await relay.stop()
    assert.equal(relay.sessions().length, 0)
  }),
)

test(
  'a description without relayed streams passes as it is and makes no session',
  deadline(10_000, async () => {
    const relay = makeRelay()
    await relay.start()
    const sdp = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=message 2855 TCP/MSRP *\r\nc=IN IP4 192.0.2.1\r\n'
    assert.equal(await relay.rewrite({ callUuid, side: 'caller', kind: 'offer', branch: 'b', sdp, from }), sdp)
    assert.equal(relay.sessions().length, 0)
    await relay.stop()
  }),
)

test(
  'a refused stream is rejected, one that is taken out is closed, an added one gets ports',
  deadline(10_000, async () => {
    const relay = makeRelay()
    await relay.start()
    const audio = sdpOf({ host: '127.5.1.1', port: 4000 })
    const both = `${audio}m=video 5000 RTP/AVP 34\r\n`
    const write = (side: 'caller' | 'callee', kind: 'offer' | 'answer', sdp: string) =>
      relay.rewrite({ callUuid, side, kind, branch: 'b', sdp, from })
    const statuses = () => relay.stats(callUuid)?.streams.map(({ mediaType, status }) => `${mediaType} ${status}`)
    await write('caller', 'offer', both)
    await write('callee', 'answer', `${audio}m=video 0 RTP/AVP 34\r\n`)
    assert.deepEqual(statuses(), ['audio active', 'video rejected'])
    await write('callee', 'offer', both)
    await write('caller', 'answer', both)
    assert.deepEqual(statuses(), ['audio active', 'video active'])
    await write('caller', 'offer', `${audio}m=video 0 RTP/AVP 34\r\n`)
    await write('callee', 'answer', `${audio}m=video 0 RTP/AVP 34\r\n`)
    assert.deepEqual(statuses(), ['audio active', 'video closed'])
    const third = `${audio}m=video 0 RTP/AVP 34\r\nm=text 6000 RTP/AVP 98\r\n`
    assert.notEqual(target(await write('caller', 'offer', third), 2).port, 6000)
    assert.deepEqual(statuses(), ['audio active', 'video closed', 'text active'])
    await relay.stop()
    assert.equal(relay.freePairs, 100)
  }),
)

test(
  'the advertised address is written into SDP, the other one is bound',
  deadline(10_000, () =>
    withCall({ advertisedHost: '203.0.113.9' }, async ({ relay, alice, bob, toBob }) => {
      assert.equal(toBob.host, '203.0.113.9')
      alice.rtp.send(rtp(1), { host: host, port: toBob.port })
      await eventually(() => bob.heard.rtp.length === 1)
      assert.equal(relay.stats(callUuid)?.streams[0]?.callerLocal.host, '203.0.113.9')
    }),
  ),
)

test(
  'a seventeenth branch shares the ports of the first',
  deadline(10_000, async () => {
    const relay = makeRelay()
    await relay.start()
    const sdp = sdpOf({ host: '127.5.1.1', port: 4000 })
    const offer = async (branch: string): Promise<number> =>
      target(await relay.rewrite({ callUuid, side: 'caller', kind: 'offer', branch, sdp, from })).port
    const ports: number[] = []
    for (let i = 0; i < 17; i++) ports.push(await offer(`b${i}`))
    assert.equal(new Set(ports).size, 16)
    assert.equal(ports[16], ports[0])
    assert.equal(relay.freePairs, 100 - 17)
    await relay.stop()
    assert.equal(relay.freePairs, 100)
  }),
)

test(
  'an SDP that cannot be rewritten changes nothing and holds no port',
  deadline(10_000, async () => {
    const relay = makeRelay()
    await relay.start()
    const sdp = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nm=audio 4000 RTP/AVP 0\r\n'
    const offer = { callUuid, side: 'caller', kind: 'offer', branch: 'b', sdp, from } as const
    await assert.rejects(relay.rewrite(offer), (error) => errorCode(error) === 'MEDIA_SDP_INVALID')
    await eventually(() => relay.freePairs === 100)
    assert.equal(relay.sessions().length, 0)
    await relay.stop()
  }),
)

test(
  'phones and relay may speak IPv6',
  deadline(10_000, async () => {
    const relay = makeRelay({ host: '::1' })
    await relay.start()
    const [alice, bob] = [await Phone.open('::1'), await Phone.open('::1')]
    const write = async (side: 'caller' | 'callee', kind: 'offer' | 'answer', sdp: string): Promise<string> =>
      relay.rewrite({ callUuid, side, kind, branch: 'b', sdp, from })
    assert.match(await write('caller', 'offer', alice.sdp()), /^c=IN IP6 ::1\r$/m)
    const answer = await write('callee', 'answer', bob.sdp())
    alice.rtp.send(rtp(1), target(answer))
    await eventually(() => bob.heard.rtp.length === 1)
    assert.deepEqual(relay.stats(callUuid)?.streams[0]?.callerRemote, alice.rtp.local)
    await relay.stop()
    await Promise.all([alice.close(), bob.close()])
  }),
)

test(
  'a call from IPv4 to IPv6: each side is given ports of its own family, also for what is offered later',
  deadline(10_000, async () => {
    const relay = makeRelay({ otherHost: '::1' })
    await relay.start()
    const [alice, bob] = [await Phone.open('127.5.1.1'), await Phone.open('::1')]
    const call = { callUuid, branch: 'b', from }
    const offer = await relay.rewrite({
      ...{ ...call, side: 'caller', kind: 'offer', sdp: alice.sdp() },
      towards: { host: '::1', port: 5060 },
    })
    const answer = await relay.rewrite({ ...call, side: 'callee', kind: 'answer', sdp: bob.sdp() })
    assert.match(offer, /^c=IN IP6 ::1\r$/m)
    assert.match(answer, new RegExp(`^c=IN IP4 ${host}\r$`, 'm'))
    alice.rtp.send(rtp(1), target(answer))
    bob.rtp.send(rtp(1), target(offer))
    await eventually(() => alice.heard.rtp.length === 1 && bob.heard.rtp.length === 1)
    const [stats] = relay.stats(callUuid)?.streams ?? []
    assert.deepEqual([stats?.callerLocal.host, stats?.calleeLocal.host], [host, '::1'])
    const again = await relay.rewrite({ ...call, side: 'callee', kind: 'offer', sdp: bob.sdp() })
    assert.equal(again, answer)
    await relay.stop()
    await Promise.all([alice.close(), bob.close()])
  }),
)

test(
  'a party of a family that the relay does not have gets the address that there is',
  deadline(10_000, async () => {
    const relay = makeRelay()
    await relay.start()
    const sdp = sdpOf({ host: '127.5.1.1', port: 4000 })
    const towards = { host: '::1', port: 5060 }
    const offer = await relay.rewrite({ callUuid, side: 'caller', kind: 'offer', branch: 'b', sdp, from, towards })
    assert.equal(target(offer).host, host)
    await relay.stop()
  }),
)

test.run()

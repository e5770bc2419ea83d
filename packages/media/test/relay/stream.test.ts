import assert from 'node:assert/strict'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { callUuid, from, host, withCall } from '../call.ts'
import { next, Phone, rtcp, rtp, target } from '../phone.ts'

const test = suite('media relay stream')

test(
  'RTP and RTCP pass both ways, byte for byte, and are counted exactly',
  deadline(10_000, () =>
    withCall({}, async ({ relay, alice, bob, toAlice, toBob }) => {
      assert.equal(toBob.host, host)
      assert.notEqual(toBob.port, toAlice.port)
      for (let i = 0; i < 20; i++) alice.rtp.send(rtp(i), toBob)
      for (let i = 0; i < 7; i++) bob.rtp.send(rtp(i, 8, 80), toAlice)
      alice.rtcp.send(rtcp(), next(toBob))
      bob.rtcp.send(rtcp(), next(toAlice))
      await eventually(() => bob.heard.rtp.length === 20 && alice.heard.rtp.length === 7)
      await eventually(() => bob.heard.rtcp.length === 1 && alice.heard.rtcp.length === 1)
      assert.deepEqual(
        bob.heard.rtp,
        Array.from({ length: 20 }, (_, i) => rtp(i)),
      )
      assert.deepEqual(bob.heard.rtcp, [rtcp()])
      const stream = relay.stats(callUuid)?.streams[0]
      assert.deepEqual(stream, {
        mediaType: 'audio',
        callerCodec: 'PCMU',
        calleeCodec: 'PCMA',
        callerBytes: 20 * 172,
        calleeBytes: 7 * 92,
        callerPackets: 20,
        calleePackets: 7,
        callerRemote: alice.rtp.local,
        calleeRemote: bob.rtp.local,
        callerLocal: toBob,
        calleeLocal: toAlice,
        status: 'active',
      })
    }),
  ),
)

test(
  'phones behind NAT are found by their first packet',
  deadline(10_000, () =>
    withCall(
      {},
      async ({ alice, bob, toAlice, toBob }) => {
        alice.rtp.send(rtp(1), toBob)
        bob.rtp.send(rtp(2), toAlice)
        await eventually(() => alice.heard.rtp.length === 1)
        alice.rtp.send(rtp(3), toBob)
        await eventually(() => bob.heard.rtp.some((packet) => packet.equals(rtp(3))))
      },
      true,
    ),
  ),
)

test(
  'before a side has talked, packets go to the address of its SDP',
  deadline(10_000, () =>
    withCall({}, async ({ alice, bob, toBob }) => {
      alice.rtp.send(rtp(1), toBob)
      alice.rtcp.send(rtcp(), next(toBob))
      await eventually(() => bob.heard.rtp.length === 1 && bob.heard.rtcp.length === 1)
    }),
  ),
)

test(
  'strangers are dropped once a side is learned, and do not count',
  deadline(10_000, () =>
    withCall({}, async ({ relay, alice, bob, toBob }) => {
      const stranger = await Phone.open('127.5.6.6')
      alice.rtp.send(rtp(1), toBob)
      await eventually(() => bob.heard.rtp.length === 1)
      for (let i = 0; i < 5; i++) stranger.rtp.send(rtp(99), toBob)
      // One that must pass, sent later over the same socket of the relay: what came before it is dropped, not late.
      await eventually(async () => {
        alice.rtp.send(rtp(2), toBob)
        return bob.heard.rtp.length > 1
      })
      assert.ok(!bob.heard.rtp.some((packet) => packet.equals(rtp(99))))
      assert.deepEqual(relay.stats(callUuid)?.streams[0]?.callerRemote, alice.rtp.local)
      await stranger.close()
    }),
  ),
)

test(
  'a stranger who was faster loses to the address of the SDP',
  deadline(10_000, () =>
    withCall({}, async ({ relay, alice, bob, toBob }) => {
      const stranger = await Phone.open('127.5.6.6')
      stranger.rtp.send(rtp(99), toBob)
      await eventually(() => bob.heard.rtp.length === 1)
      alice.rtp.send(rtp(1), toBob)
      await eventually(() => bob.heard.rtp.length === 2)
      assert.deepEqual(relay.stats(callUuid)?.streams[0]?.callerRemote, alice.rtp.local)
      await stranger.close()
    }),
  ),
)

test(
  'a re-INVITE keeps the ports; a changed address is learned anew and the old one is ignored',
  deadline(10_000, () =>
    withCall({}, async ({ relay, alice, bob, toAlice, toBob }) => {
      alice.rtp.send(rtp(1), toBob)
      await eventually(() => bob.heard.rtp.length === 1)
      const moved = await Phone.open('127.5.3.3')
      const sdp = moved.sdp({ at: { host: '127.5.9.8', port: 9 } })
      const reoffer = await relay.rewrite({ callUuid, side: 'caller', kind: 'offer', branch: 'later', sdp, from })
      assert.deepEqual(target(reoffer), toAlice)
      const reanswer = await relay.rewrite({
        callUuid,
        side: 'callee',
        kind: 'answer',
        branch: 'later',
        sdp: bob.sdp(),
        from,
      })
      assert.deepEqual(target(reanswer), toBob)
      alice.rtp.send(rtp(66), toBob)
      moved.rtp.send(rtp(2), toBob)
      await eventually(() => bob.heard.rtp.some((packet) => packet.equals(rtp(2))))
      assert.ok(!bob.heard.rtp.some((packet) => packet.equals(rtp(66))))
      assert.deepEqual(relay.stats(callUuid)?.streams[0]?.callerRemote, moved.rtp.local)
      bob.rtp.send(rtp(3), toAlice)
      await eventually(() => moved.heard.rtp.length === 1)
      assert.equal(relay.sessions().length, 1)
      await moved.close()
    }),
  ),
)

test(
  'hold and resume keep ports and what was learned',
  deadline(10_000, () =>
    withCall(
      {},
      async ({ relay, alice, bob, toAlice, toBob }) => {
        alice.rtp.send(rtp(1), toBob)
        await eventually(() => relay.stats(callUuid)?.streams[0]?.callerRemote)
        const status = () => relay.stats(callUuid)?.streams[0]?.status
        for (const hold of [
          alice.sdp({ at: { host: '127.5.9.9', port: 9 }, lines: ['a=sendonly'] }),
          alice.sdp({ at: { host: '0.0.0.0', port: 9 } }),
          alice.sdp({ at: { host: '127.5.9.9', port: 9 }, lines: ['a=inactive'] }),
        ]) {
          const out = await relay.rewrite({ callUuid, side: 'caller', kind: 'offer', branch: 'h', sdp: hold, from })
          assert.equal(target(out).port, toAlice.port)
          assert.equal(status(), 'on hold')
        }
        const resume = alice.sdp({ at: { host: '127.5.9.9', port: 9 } })
        await relay.rewrite({ callUuid, side: 'caller', kind: 'offer', branch: 'r', sdp: resume, from })
        assert.equal(status(), 'active')
        assert.deepEqual(relay.stats(callUuid)?.streams[0]?.callerRemote, alice.rtp.local)
        bob.rtp.send(rtp(5), toAlice)
        await eventually(() => alice.heard.rtp.length === 1)
      },
      true,
    ),
  ),
)

test(
  'tones and comfort noise are not taken for the codec; with rtcp-mux RTCP passes on the RTP port and is not media',
  deadline(10_000, () =>
    withCall({}, async ({ relay, alice, bob, toBob }) => {
      alice.rtp.send(rtp(1, 101, 4), toBob)
      alice.rtp.send(rtcp(), toBob)
      alice.rtp.send(rtp(2, 8), toBob)
      await eventually(() => bob.heard.rtp.length === 3)
      const stream = relay.stats(callUuid)?.streams[0]
      assert.equal(stream?.callerCodec, 'PCMA')
      assert.equal(stream?.callerPackets, 2)
      assert.equal(stream?.calleeCodec, 'Unknown')
    }),
  ),
)

test.run()

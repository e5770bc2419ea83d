import type { StreamStats } from '@thor-node/media'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { proofAgeMs, proofTtlMs } from '../../src/adapters/call-keys.ts'
import { mediaProof } from '../../src/adapters/media-service.ts'

const media = suite('nodes: proof of media')

const local = { host: '192.0.2.1', port: 40_000 }
const stream = (callerPackets: number, calleePackets: number): StreamStats => ({
  mediaType: 'audio',
  callerCodec: 'PCMU',
  calleeCodec: calleePackets > 0 ? 'PCMU' : 'Unknown',
  callerBytes: callerPackets * 172,
  calleeBytes: calleePackets * 172,
  callerPackets,
  calleePackets,
  callerLocal: local,
  calleeLocal: local,
  status: 'active',
})

media('it is of the last packet, in whole milliseconds, over all streams', () => {
  const streams = [stream(3, 2), stream(1, 0)]
  const proof = mediaProof('n1', { callUuid: '001-a', durationMs: 9_000, silentMs: 250.7, streams }, 10_000)
  assert.equal(proof, {
    relay: 'n1',
    provenAt: 9_749,
    callerBytes: 688,
    calleeBytes: 344,
    callerPackets: 4,
    calleePackets: 2,
    codecs: ['PCMU'],
  })
})

media('a session that never had media is proven when it was made', () => {
  assert.is(mediaProof('n1', { callUuid: '001-a', durationMs: 9_000, streams: [] }, 10_000).provenAt, 1_000)
})

media('it is kept for long once media flowed both ways', () => {
  const proof = (callee: number): ReturnType<typeof mediaProof> =>
    mediaProof('n1', { callUuid: '001-a', durationMs: 1, streams: [stream(1, callee)] }, 0)
  assert.is(proofTtlMs(proof(0)), 60_000)
  assert.ok(proofTtlMs(proof(1)) > 12 * 3_600_000)
  for (const body of [proof(0), proof(1)]) {
    assert.is(proofAgeMs({ sub: 'media', body, ttlMs: proofTtlMs(body) - 7, seq: 1 }), 7)
  }
})

media.run()

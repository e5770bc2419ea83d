import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { rtpPayload } from '../../src/demo/audio.ts'
import { decodeMulaw, encodeMulaw, FRAME_SAMPLES, ToneDetector, ToneSource, toneShare } from '../../src/demo/tone.ts'

const tone = suite('demo/tone')

tone('µ-law has the values of G.711', () => {
  const table: [sample: number, octet: number][] = [
    [0, 0xff],
    [-1, 0x7f],
    [8, 0xfe],
    [-8, 0x7e],
    [32_124, 0x80],
    [-32_124, 0x00],
    [32_767, 0x80],
    [-32_768, 0x00],
    [1_000, 0xce],
  ]
  for (const [sample, octet] of table) assert.is(encodeMulaw(sample), octet, String(sample))
})

tone('every octet of µ-law comes back, but the negative zero', () => {
  for (let octet = 0; octet < 256; octet++) {
    assert.is(encodeMulaw(decodeMulaw(octet)), octet === 0x7f ? 0xff : octet, String(octet))
  }
})

/** What an ear for `earHz` hears of 25 frames, half a second. */
function heard(earHz: number, frame: (index: number) => Uint8Array): number {
  const ear = new ToneDetector(earHz)
  for (let i = 0; i < 25; i++) ear.push(frame(i))
  return ear.heardMs
}

tone('a tone is recognised, all of it', () => {
  const source = new ToneSource(440)
  assert.is(
    heard(440, () => source.frame()),
    500,
  )
})

tone('another tone, silence and noise are not', () => {
  const other = new ToneSource(660)
  assert.is(
    heard(440, () => other.frame()),
    0,
  )
  assert.is(
    heard(440, () => new Uint8Array(FRAME_SAMPLES).fill(0xff)),
    0,
  )
  let state = 1
  const noise = (): Uint8Array =>
    Uint8Array.from({ length: FRAME_SAMPLES }, () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31
      return state >> 16
    })
  assert.is(heard(440, noise), 0)
})

tone('the two pitches at once are half of each', () => {
  const samples = new Float64Array(800)
  for (let i = 0; i < 800; i++) {
    samples[i] = 1_000 * (Math.sin((2 * Math.PI * 440 * i) / 8_000) + Math.sin((2 * Math.PI * 660 * i) / 8_000))
  }
  assert.ok(Math.abs(toneShare(samples, 440) - 0.5) < 0.01)
})

const rtp = (first: number, type: number, rest: number[]): Buffer =>
  Buffer.from([first, type, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, ...rest])

tone('the payload of RTP is found behind CSRCs and extensions and before padding', () => {
  assert.equal([...(rtpPayload(rtp(0x80, 0, [7, 8])) ?? [])], [7, 8])
  assert.equal([...(rtpPayload(rtp(0x80, 0x80, [7])) ?? [])], [7])
  assert.equal([...(rtpPayload(rtp(0x81, 0, [0, 0, 0, 9, 7])) ?? [])], [7])
  assert.equal([...(rtpPayload(rtp(0x90, 0, [0, 0, 0, 1, 1, 1, 1, 1, 7])) ?? [])], [7])
  assert.equal([...(rtpPayload(rtp(0xa0, 0, [7, 0, 2])) ?? [])], [7])
})

tone('what is no RTP of ours is left alone', () => {
  const wrong: Buffer[] = [
    Buffer.alloc(0),
    Buffer.alloc(11, 0x80),
    rtp(0x40, 0, [7]),
    rtp(0x80, 8, [7]),
    rtp(0x8f, 0, [7]),
    rtp(0x90, 0, [0]),
    rtp(0x90, 0, [0, 0, 0xff, 0xff]),
    rtp(0xa0, 0, [7, 200]),
  ]
  for (const bytes of wrong) assert.is(rtpPayload(bytes), undefined, bytes.toString('hex'))
})

tone.run()

import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { isRtp, payloadType } from '../../src/rtp/packet.ts'

const test = suite('media rtp packet')

const packet = (first: number, second: number, length = 12): Uint8Array => {
  const bytes = new Uint8Array(length)
  if (length > 0) bytes[0] = first
  if (length > 1) bytes[1] = second
  return bytes
}

test('RTP is told from what else may come to its port', () => {
  const cases: [what: string, bytes: Uint8Array, rtp: boolean][] = [
    ['G.711', packet(0x80, 0), true],
    ['with marker', packet(0x80, 0x80 | 8), true],
    ['with padding, extension and sources', packet(0xbf, 127), true],
    ['dynamic payload type', packet(0x80, 96), true],
    ['RTCP sender report', packet(0x80, 200), false],
    ['RTCP at the lower end', packet(0x80, 192), false],
    ['RTCP at the upper end', packet(0x80, 223), false],
    ['STUN', packet(0x00, 1, 20), false],
    ['DTLS', packet(22, 0xfe, 60), false],
    ['version 1', packet(0x40, 0), false],
    ['too short', packet(0x80, 0, 11), false],
    ['empty', packet(0, 0, 0), false],
  ]
  for (const [what, bytes, rtp] of cases) assert.equal(isRtp(bytes), rtp, what)
})

test('the payload type does not contain the marker', () => {
  assert.equal(payloadType(packet(0x80, 0x80 | 96)), 96)
})

test.run()

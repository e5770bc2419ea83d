/** SIP-18: a trace as a picture and as a capture file. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { drawLadder, labelOf, type Step } from '../../src/trace/ladder.ts'
import { writePcap } from '../../src/trace/pcap.ts'

const test = suite('nodes: pictures of a trace')

const step = (at: number, direction: 'in' | 'out', node: string, remote: string, text: string): Step => ({
  ...{ at: 1_700_000_000_000 + at, direction, node, transport: 'udp', remote },
  ...{ local: node === 'n1' ? '192.0.2.1:5060' : '192.0.2.2:5060', text },
})
const INVITE = 'INVITE sip:bob@example.com SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n'
const OK = 'SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n'

test('a ladder', () => {
  const steps = [
    step(0, 'in', 'n1', '198.51.100.7:5070', INVITE),
    step(1.5, 'out', 'n1', '192.0.2.2:5060', INVITE),
    step(2, 'out', 'n2', '198.51.100.8:5070', INVITE),
    step(30, 'in', 'n2', '198.51.100.8:5070', OK),
  ]
  const nodes = new Map([['192.0.2.2:5060', 'n2']])
  assert.is(
    `\n${drawLadder(steps, nodes)}\n`,
    `
                      n1              udp 198.51.100.7:5070               n2              udp 198.51.100.8:5070
                      |                         |                         |                         |
   0.000              |<------- INVITE ---------|                         |                         |
   0.002              |--------------------- INVITE --------------------->|                         |
   0.002              |                         |                         |-------- INVITE -------->|
   0.030              |                         |                         |<--- 200 OK (INVITE) ----|
`,
  )
  assert.is(drawLadder([]), 'Nothing was said.')
  assert.is(labelOf('BYE sip:x SIP/2.0\r\n'), 'BYE')
})

test('a capture: headers, lengths, checksums', () => {
  const file = writePcap([step(0.25, 'in', 'n1', '198.51.100.7:5070', INVITE)])
  assert.is(file.readUInt32LE(0), 0xa1b2c3d4)
  assert.is(file.readUInt32LE(20), 101)
  assert.equal([file.readUInt32LE(24), file.readUInt32LE(28)], [1_700_000_000, 250])
  const packet = file.subarray(40)
  assert.is(file.readUInt32LE(32), packet.length)
  assert.equal([...packet.subarray(12, 20)], [198, 51, 100, 7, 192, 0, 2, 1])
  assert.equal([packet.readUInt16BE(20), packet.readUInt16BE(22)], [5070, 5060])
  assert.is(packet.subarray(28).toString('latin1'), INVITE)
  let sum = 0
  for (let i = 0; i < 20; i += 2) sum += packet.readUInt16BE(i)
  assert.is((sum & 0xffff) + (sum >> 16), 0xffff)
})

test('a capture of IPv6', () => {
  const six = { ...step(0, 'out', 'n1', '[2001:db8::7]:5070', OK), local: '[2001:db8::1]:5060' }
  const packet = writePcap([six]).subarray(40)
  assert.is(packet.readUInt8(0) >> 4, 6)
  assert.is(packet.subarray(8, 24).toString('hex'), '20010db8000000000000000000000001')
  assert.is(packet.subarray(24, 40).toString('hex'), '20010db8000000000000000000000007')
  assert.is(packet.subarray(48).toString('latin1'), OK)
})

test.run()

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { answerStun, isStun } from '../../src/transport/stun.ts'

const test = suite('sip: STUN keep-alives')

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const REQUEST = hex('0001 0000 2112a442 b7e7a701bc34d686fa87dfae')

// The mapped addresses of RFC 5769 §2.2 and §2.3, with the same transaction id.
test('a binding request is answered with the address that it came from', () => {
  const v4 = answerStun(REQUEST, { host: '192.0.2.1', port: 32853 })
  assert.is(
    v4?.toString('hex'),
    hex('0101 000c 2112a442 b7e7a701bc34d686fa87dfae 0020 0008 0001 a147 e112a643').toString('hex'),
  )
  const v6 = answerStun(REQUEST, { host: '2001:db8:1234:5678:11:2233:4455:6677', port: 32853 })
  assert.is(
    v6?.subarray(20).toString('hex'),
    hex('0020 0014 0002 a147 0113a9faa5d3f179bc25f4b5bed2b9d9').toString('hex'),
  )
  const short = answerStun(REQUEST, { host: '::1', port: 1 })
  assert.is(short?.length, 20 + 24)
})

test('what is no binding request is not answered', () => {
  assert.not.ok(isStun(Buffer.from('OPTIONS sip:x SIP/2.0')))
  assert.is(answerStun(hex('0101 0000 2112a442 b7e7a701bc34d686fa87dfae'), { host: '192.0.2.1', port: 1 }), undefined)
  assert.is(answerStun(hex('0001 0004 2112a442 b7e7a701bc34d686fa87dfae'), { host: '192.0.2.1', port: 1 }), undefined)
  assert.is(answerStun(REQUEST.subarray(0, 19), { host: '192.0.2.1', port: 1 }), undefined)
})

test.run()

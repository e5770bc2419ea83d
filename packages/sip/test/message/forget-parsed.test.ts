import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseMessage } from '../../src/low.index.ts'

const test = suite('sip: headers without their parsed forms')

const MESSAGE =
  'OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n' +
  'Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n'

test('what was forgotten is parsed again, the same', () => {
  const message = parseMessage(Buffer.from(MESSAGE))
  const { vias, from } = message
  assert.is(message.vias, vias)
  message.headers.forgetParsed()
  assert.is.not(message.vias, vias)
  assert.equal(message.vias, vias)
  assert.equal(message.from, from)
})

test('a body holds no more memory than its own', () => {
  const text = MESSAGE.replace('Content-Length: 0\r\n\r\n', 'Content-Length: 3\r\n\r\nabc')
  const { body } = parseMessage(Buffer.from(text))
  assert.is(Buffer.from(body).toString(), 'abc')
  assert.is(body.buffer.byteLength, 3)
})

test.run()

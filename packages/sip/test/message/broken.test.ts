import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SipParseError } from '../../src/errors.ts'
import { respondToBroken } from '../../src/message/build.ts'
import { parseMessage, type SipResponse, validateMessage } from '../../src/message/index.ts'

const test = suite('sip: answers to broken requests')

const HEADERS: Record<string, string> = {
  Via: 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKb',
  From: '<sip:a@example.com>;tag=a',
  To: '<sip:b@example.com>',
  'Call-ID': 'c',
  CSeq: '1 OPTIONS',
}

function answerTo(change: Record<string, string | undefined>, method = 'OPTIONS'): SipResponse | undefined {
  const lines = Object.entries({ ...HEADERS, ...change }).flatMap(([name, value]) =>
    value ? [`${name}: ${value}`] : [],
  )
  try {
    validateMessage(parseMessage(Buffer.from(`${method} sip:b@example.com SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n`)))
  } catch (error) {
    if (error instanceof SipParseError) return respondToBroken(error, 'ours')
    throw error
  }
  throw new Error('it is not broken')
}

test('what lacks a header that it must have is answered 400, with those that it has', () => {
  for (const name of ['From', 'To', 'Call-ID', 'CSeq']) {
    const answer = answerTo({ [name]: undefined })
    assert.is(answer?.status, 400, name)
    assert.is(answer?.reason, `Missing ${name}`)
    for (const [other, value] of Object.entries(HEADERS)) {
      const expected = other === name ? undefined : other === 'To' ? `${value};tag=ours` : value
      assert.is(answer?.headers.get(other), expected, `${other} without ${name}`)
    }
  }
})

test('without a Via, and to an ACK, nothing is answered', () => {
  assert.is(answerTo({ Via: undefined }), undefined)
  assert.is(answerTo({ CSeq: undefined }, 'ACK'), undefined)
  assert.is(answerTo({ CSeq: '1 ACK', From: undefined }), undefined)
})

test('a To that cannot be read gets a tag all the same, once', () => {
  assert.is(answerTo({ To: '<<sip:b@example.com>>' })?.headers.get('To'), '<<sip:b@example.com>>;tag=ours')
  assert.is(answerTo({ To: '<<sip:b@example.com>>;tag=b' })?.headers.get('To'), '<<sip:b@example.com>>;tag=b')
})

test.run()

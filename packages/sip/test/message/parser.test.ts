import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SipParseError } from '../../src/errors.ts'
import { messageLimits } from '../../src/limits.ts'
import type { SipMessage } from '../../src/message/contract.ts'
import { parseMessage } from '../../src/message/parser.ts'
import { serializeMessage } from '../../src/message/serializer.ts'
import { validateMessage } from '../../src/message/validate.ts'

const test = suite('sip: parser')

const HEAD = [
  'INVITE sip:bob@example.com SIP/2.0',
  'Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;rport',
  'From: "A. \\"B\\" C" <sip:alice@example.com>;tag=1',
  'To: <sip:bob@example.com>',
  'Call-ID: a@b',
  'CSeq: 7 INVITE',
  'Max-Forwards: 70',
  'Contact: <sip:alice@192.0.2.1:5070;ob>;q=0.5;+sip.instance="<urn:uuid:0>"',
]
const message = (extra: string[] = [], body = ''): Buffer =>
  Buffer.from(`${[...HEAD, ...extra].join('\r\n')}\r\n\r\n${body}`, 'latin1')

function refused(bytes: Buffer): SipParseError {
  try {
    validateMessage(parseMessage(bytes))
  } catch (error) {
    if (error instanceof SipParseError) return error
    throw error
  }
  throw new Error('was understood')
}

test('what is not touched is written back byte for byte', () => {
  const bytes = message(['x-ODD :  value  ', 'Subject:folded', 'l: 2'], 'hi')
  assert.is(serializeMessage(parseMessage(bytes)).compare(bytes), 0)
})

test('the other headers stay as they are when one is changed', () => {
  const parsed = parseMessage(message(['x-ODD :  value  ', 'l: 0']))
  parsed.headers.set('Max-Forwards', '69')
  parsed.headers.prepend('Via', 'SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb')
  const text = serializeMessage(parsed).toString('latin1')
  assert.is(
    text,
    message(['x-ODD :  value  ', 'l: 0'])
      .toString('latin1')
      .replace('Max-Forwards: 70', 'Max-Forwards: 69')
      .replace('Via:', 'Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb\r\nVia:'),
  )
  assert.is(parsed.vias.length, 2)
})

test('typed values follow a change of their header', () => {
  const parsed = parseMessage(message())
  assert.is(parsed.cseq.number, 7)
  parsed.headers.set('CSeq', '8 INVITE')
  assert.is(parsed.cseq.number, 8)
  if (parsed.kind !== 'request') throw new Error('no request')
  assert.is(parsed.requestUri.user, 'bob')
  parsed.uri = 'sip:carol@example.com'
  assert.is(parsed.requestUri.user, 'carol')
})

test('a clone lives a life of its own', () => {
  const parsed = parseMessage(message())
  const copy = parsed.clone()
  copy.headers.remove('Via')
  copy.headers.set('Subject', 'x')
  assert.is(parsed.headers.has('Via'), true)
  assert.is(parsed.headers.has('Subject'), false)
})

test('a value can never begin a line of its own', () => {
  const parsed = parseMessage(message())
  parsed.headers.set('Subject', 'a\r\nVia: SIP/2.0/UDP 192.0.2.66')
  parsed.headers.append('Subject', 'Ж')
  const again = parseMessage(serializeMessage(parsed))
  assert.is(again.vias.length, 1)
  assert.is(again.headers.get('subject'), 'a Via: SIP/2.0/UDP 192.0.2.66')
  assert.is(Buffer.from(again.headers.getAll('subject')[1] ?? '', 'latin1').toString('utf8'), 'Ж')
})

test('Content-Length of a datagram: shorter is cut, longer is refused, absent takes all', () => {
  assert.is(parseMessage(message(['Content-Length: 2'], 'hello')).body.length, 2)
  assert.is(parseMessage(message([], 'hello')).body.length, 5)
  assert.is(refused(message(['Content-Length: 6'], 'hello')).reason, 'Body Too Short')
})

test('line ends in front of a message are skipped, bare LF is a line end', () => {
  assert.is(parseMessage(Buffer.concat([Buffer.from('\r\n\r\n'), message()])).callId, 'a@b')
  const bare = Buffer.from(message().toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
  assert.is(parseMessage(bare).cseq.method, 'INVITE')
  assert.ok(serializeMessage(parseMessage(bare)).toString('latin1').includes('\r\nCSeq: 7 INVITE\r\n'))
})

test('limits: size, headers, one line, Vias', () => {
  assert.is(refused(message([], 'x'.repeat(messageLimits.streamMessageBytesMax))).status, 513)
  assert.is(refused(message(Array(messageLimits.headersMax).fill('A: b'))).reason, 'Too Many Headers')
  assert.is(refused(message([`A: ${'b'.repeat(messageLimits.headerBytesMax)}`])).reason, 'Header Too Long')
  const via = `Via: ${Array(messageLimits.viasMax).fill('SIP/2.0/UDP h;branch=b').join(',')}`
  assert.is(refused(message([via])).reason, 'Too Many Vias')
})

const parts = fc.tuple(
  fc.constantFrom('INVITE', 'REGISTER', "odd!%*_+`'~"),
  fc.stringMatching(/^[a-z0-9;=?&+]{1,12}$/),
  fc.array(
    fc.tuple(
      fc.stringMatching(/^X-[A-Za-z!]{1,8}$/),
      fc.stringMatching(/^[\x21-\x7e\x80-\xff]([\x20-\x7e\t]{0,20}[\x21-\x7e])?$/),
    ),
    { maxLength: 6 },
  ),
  fc.uint8Array({ maxLength: 40 }),
)

test('writing and reading is a fixpoint', () => {
  fc.assert(
    fc.property(parts, ([method, user, headers, body]) => {
      const lines = HEAD.slice(1, 5).concat(`CSeq: 1 ${method}`, ...headers.map(([name, value]) => `${name}: ${value}`))
      const head = `${method} sip:${user}@example.com SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n`
      const first = parseMessage(Buffer.concat([Buffer.from(head, 'latin1'), body]))
      validateMessage(first)
      const bytes = serializeMessage(first)
      const second = parseMessage(bytes)
      assert.is(serializeMessage(second).compare(bytes), 0)
      assert.equal([...second.headers].slice(0, lines.length), [...first.headers].slice(0, lines.length))
      assert.equal(new Uint8Array(second.body), body)
    }),
    { numRuns: 300 },
  )
})

/** Reads everything that can be read. */
function readAll(parsed: SipMessage): void {
  validateMessage(parsed)
  for (const [name] of parsed.headers) parsed.headers.getAll(name)
  void [parsed.contacts, parsed.routes, parsed.recordRoutes]
  serializeMessage(parsed)
}

test('whatever is mangled, only SipParseError is thrown', () => {
  const whole = message(['Route: <sip:p.example.com;lr>, <sip:q@[2001:db8::1]:5061>', 'Content-Length: 4'], 'body')
  const change = fc.tuple(fc.nat(whole.length - 1), fc.constantFrom('set', 'cut', 'insert'), fc.nat(255))
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
      let bytes = Buffer.from(whole)
      for (const [at, kind, value] of changes) {
        const i = at % bytes.length
        if (kind === 'set') bytes[i] = value
        else if (kind === 'cut')
          bytes = Buffer.concat([bytes.subarray(0, i), bytes.subarray(i + 1 + (value % 9)), Buffer.from('x')])
        else bytes = Buffer.concat([bytes.subarray(0, i), Buffer.from([value, 34, 60]), bytes.subarray(i)])
      }
      try {
        readAll(parseMessage(bytes))
      } catch (error) {
        if (!(error instanceof SipParseError)) throw error
      }
    }),
    { numRuns: 1_500 },
  )
})

test.run()

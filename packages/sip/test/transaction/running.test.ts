import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { parseMessage } from '../../src/message/index.ts'
import { serverKey } from '../../src/transaction/key.ts'
import { Running } from '../../src/transaction/running.ts'

const test = suite('sip: transactions that run')

test('what was put is found by its key until it is taken out', () => {
  const running = new Running<string, object>()
  const [a, b] = [{ a: 1 }, { b: 2 }]
  running.set('a', a)
  running.set('b', b)
  assert.equal(running.size, 2)
  assert.equal(running.get('a'), a)
  assert.deepEqual(running.values(), [a, b])
  running.delete('a')
  running.delete('a')
  assert.equal(running.get('a'), undefined)
  assert.deepEqual([running.size, running.values()], [1, [b]])
  running.clear()
  assert.deepEqual([running.size, running.get('b')], [0, undefined])
})

test('one that ends while all are gone through is still gone through, and one that begins is not', () => {
  const running = new Running<number, string>()
  running.set(1, 'one')
  running.set(2, 'two')
  const seen: string[] = []
  for (const value of running.values()) {
    seen.push(value)
    running.delete(2)
    running.set(3, 'three')
  }
  assert.deepEqual(seen, ['one', 'two'])
})

test('the name of a transaction is what it was, with characters beyond ASCII in it', () => {
  const request = parseMessage(
    Buffer.from(
      'OPTIONS sip:a@example.com SIP/2.0\r\nVia: SIP/2.0/UDP [2001:DB8::1]:5070;branch=z9hG4bK-\u00e4\u00df1\r\nFrom: <sip:a@example.com>;tag=1\r\n' +
        'To: <sip:a@example.com>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n',
      'latin1',
    ),
  )
  assert.ok(request.kind === 'request')
  const other = parseMessage(
    Buffer.from(
      'OPTIONS sip:a@example.com SIP/2.0\r\nVia: SIP/2.0/UDP [2001:DB8::1]:5070;branch=z9hG4bK-\u00e4\u00dc1\r\nFrom: <sip:a@example.com>;tag=1\r\n' +
        'To: <sip:a@example.com>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n',
      'latin1',
    ),
  )
  assert.ok(other.kind === 'request')
  assert.match(serverKey(request), /^z9hG4bK-.+1\|\[2001:db8::1\]:5070\|OPTIONS$/i)
  assert.notEqual(serverKey(request), serverKey(other))
  assert.equal(serverKey(request), serverKey(request))
})

test.run()

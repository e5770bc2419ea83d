import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { eventually } from '@thor-node/core/testing'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SipParseError } from '../../src/errors.ts'
import { messageLimits } from '../../src/limits.ts'
import { StreamFramer } from '../../src/message/framer.ts'

const test = suite('sip: framer')

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const one = (body: string, name = 'Content-Length'): string =>
  `OPTIONS sip:a SIP/2.0\r\nA: b\r\n${name}: ${body.length}\r\n\r\n${body}`

const frames = (framer: StreamFramer, text: string): string[] =>
  framer
    .push(Buffer.from(text, 'latin1'))
    .map((frame) => (frame.type === 'ping' ? 'ping' : frame.bytes.toString('latin1')))

test('messages are cut by Content-Length, in either form', () => {
  assert.equal(frames(new StreamFramer(), one('hi') + one('', 'l') + one('x', 'CONTENT-LENGTH ')), [
    one('hi'),
    one('', 'l'),
    one('x', 'CONTENT-LENGTH '),
  ])
})

test('two line ends are a ping, a single one is not', () => {
  assert.equal(frames(new StreamFramer(), `\r\n\r\n${one('a')}\r\n${one('b')}\r\n\r\n`), [
    'ping',
    one('a'),
    one('b'),
    'ping',
  ])
})

test('it does not matter where the stream is cut', () => {
  const stream = `\r\n\r\n${one('hello')}\r\n${one('')}${one('\r\n\r\n')}\r\n\r\n`
  const whole = frames(new StreamFramer(), stream)
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
      const framer = new StreamFramer()
      const edges = [0, ...cuts.sort((a, b) => a - b), stream.length]
      const out = edges.slice(1).flatMap((edge, i) => frames(framer, stream.slice(edges[i], edge)))
      assert.equal(out, whole)
      assert.is(framer.partial, false)
    }),
    { numRuns: 200 },
  )
})

/** Waits for what is no longer used to be given back, which takes a moment after a collection. */
const keepsLess = (bytesMax: number, before: number): Promise<unknown> =>
  eventually(() => {
    collect()
    return inUse() - before < bytesMax
  }, 5_000)

const inUse = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers

test('nothing of a message is kept once it was given', async () => {
  const message = one('x'.repeat(500_000))
  const framers = Array.from({ length: 20 }, () => new StreamFramer())
  collect()
  const before = inUse()
  for (const framer of framers) {
    assert.is(frames(framer, message.slice(0, 20)).length, 0)
    assert.is(frames(framer, message.slice(20)).length, 1)
  }
  await keepsLess((framers.length * message.length) / 4, before)
  assert.ok(framers.every(({ partial }) => !partial))
})

test('bytes that come one by one take little more room than together', async () => {
  const head = `OPTIONS sip:a SIP/2.0\r\n${'A: bcdefgh\r\n'.repeat(4_000)}`
  const framers = Array.from({ length: 5 }, () => new StreamFramer())
  collect()
  const before = inUse()
  for (const framer of framers) for (const letter of head) framer.push(Buffer.from(letter))
  await keepsLess(8 * framers.length * head.length, before)
  assert.ok(framers.every(({ partialBytes }) => partialBytes === head.length))
})

test('a message that has begun is told from silence', () => {
  const framer = new StreamFramer()
  framer.push(Buffer.from('OPTIONS'))
  assert.is(framer.partial, true)
})

for (const [name, stream] of [
  ['no Content-Length', 'OPTIONS sip:a SIP/2.0\r\nA: b\r\n\r\n'],
  ['two that differ', 'OPTIONS sip:a SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\nab'],
  ['a negative one', 'OPTIONS sip:a SIP/2.0\r\nl: -1\r\n\r\n'],
  ['a body beyond the limit', `OPTIONS sip:a SIP/2.0\r\nl: ${messageLimits.streamMessageBytesMax}\r\n\r\n`],
  [
    'a head beyond the limit',
    `OPTIONS sip:a SIP/2.0\r\nx: ${'y'.repeat(messageLimits.messageBytesMax)}\r\nl: 0\r\n\r\n`,
  ],
  ['a head without end', 'x'.repeat(messageLimits.messageBytesMax + 1)],
] as const) {
  test(`${name} ends the stream`, () => {
    assert.throws(
      () => new StreamFramer().push(Buffer.from(stream)),
      (error: unknown) => error instanceof SipParseError,
    )
  })
}

test('a message byte by byte costs what one in a piece costs', () => {
  const framer = new StreamFramer()
  const text = one('x'.repeat(20_000))
  let out: string[] = []
  for (const char of text) out = out.concat(frames(framer, char))
  assert.equal(out, [text])
})

test.run()

/** Long runs of one character: what reads them must not begin anew at each. The deadlines are hundreds of times what is needed. */
import { deadline, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SipParseError } from '../../src/errors.ts'
import { messageLimits } from '../../src/limits.ts'
import { parseMessage, parseUri } from '../../src/message/index.ts'

const test = suite('sip: long runs')

const LONGEST = messageLimits.headerBytesMax - 100
/** Enough that a square of the length takes longer than the deadline. */
const TIMES = 100

test(
  'space in a header with folds',
  deadline(20_000, async () => {
    const run = ' '.repeat(LONGEST)
    const names = ['From', 'To', 'Call-ID', 'Contact', 'Route', 'Subject', 'Supported']
    const head = names.map((name) => `${name}: a${run}b\r\n \r\n\tc  \r\n`).join('')
    for (let i = 0; i < TIMES; i++) {
      const { headers } = parseMessage(Buffer.from(`OPTIONS sip:a@b SIP/2.0\r\n${head}\r\n`))
      for (const name of names) assert.is(headers.get(name), `a${run}b c`)
      await settle()
    }
  }),
)

test(
  'digits in a telephone number',
  deadline(20_000, async () => {
    for (let i = 0; i < TIMES; i++) {
      for (const digit of ['1', '(1', '-']) {
        const run = digit.repeat(64 * 1024)
        assert.throws(
          () => parseUri(`tel:+${run}x`),
          (error: unknown) => error instanceof SipParseError,
        )
      }
      await settle()
    }
  }),
)

test('a telephone number of the world has a digit somewhere', () => {
  for (const good of ['tel:+1', 'tel:+(31)', 'tel:+--3']) assert.is(parseUri(good).scheme, 'tel')
  for (const bad of ['tel:+', 'tel:+-.()', 'tel:+a']) {
    assert.throws(
      () => parseUri(bad),
      (error: unknown) => error instanceof SipParseError,
    )
  }
})

test('a Request-URI that is too long is answered 414', () => {
  const line = (length: number) =>
    Buffer.from(`OPTIONS sip:${'a'.repeat(length - 4)} SIP/2.0\r\nVia: SIP/2.0/UDP a\r\n\r\n`)
  parseMessage(line(messageLimits.uriBytesMax - 1))
  try {
    parseMessage(line(messageLimits.uriBytesMax + 1))
    assert.unreachable()
  } catch (error) {
    assert.is(error instanceof SipParseError && error.status, 414)
  }
})

test.run()

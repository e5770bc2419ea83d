/** Whatever can be written is read back as it was, in whichever of the forms that RFC 3261 §7.3 and §25 allow. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SipParseError } from '../../src/errors.ts'
import {
  formatNameAddr,
  formatUri,
  parseMessage,
  parseNameAddr,
  parseParams,
  parseUri,
  parseVias,
  quote,
  StreamFramer,
  serializeMessage,
  splitList,
  unquote,
  validateMessage,
} from '../../src/message/index.ts'

const test = suite('sip: message properties')
const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void, numRuns = 500): void =>
  fc.assert(fc.property(arbitrary, property), { numRuns, seed: 1 })

const letters = (alphabet: string, min: number, max: number) =>
  fc.array(fc.constantFrom(...alphabet), { minLength: min, maxLength: max }).map((all) => all.join(''))

const ALNUM = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const token = letters(`${ALNUM}-.!%*_+\`'~`, 1, 12)
const plainToken = letters(ALNUM, 1, 12)
/** Anything that may stand between quotes once `"` and `\\` are escaped. */
const text = letters(`${ALNUM} \t;,:<>@?=[]{}()"\\/'äöü`, 0, 20)
const label = letters('abcdefghijklmnopqrstuvwxyz0123456789', 1, 8)
const hostname = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => [...labels, 'example'].join('.'))
const host = fc.oneof(hostname, fc.ipV4(), fc.constantFrom('[2001:db8::1]', '[::1]', '[2001:db8::9:1]'))
const escaped = fc.integer({ min: 0, max: 255 }).map((byte) => `%${byte.toString(16).padStart(2, '0')}`)
const user = fc.array(fc.oneof(letters(`${ALNUM}-_.!~*'()&=+$,;?/`, 1, 5), escaped), { minLength: 1, maxLength: 4 })
const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined })

const param = fc.tuple(
  label.filter((name) => !['tag', 'q', 'expires', 'lr'].includes(name)),
  fc.option(letters(`${ALNUM}-_.!~*'()[]/:&+$`, 1, 8), { nil: undefined }),
)
const params = fc
  .uniqueArray(param, { maxLength: 4, selector: ([name]) => name.toLowerCase() })
  .map((all) => all.map(([name, value]) => (value === undefined ? `;${name}` : `;${name}=${value}`)).join(''))

const sipUri = fc
  .tuple(fc.constantFrom('sip', 'sips'), fc.option(user, { nil: undefined }), host, port, params)
  .map(([scheme, who, where, at, rest]) => {
    const name = who ? `${who.join('')}@` : ''
    return `${scheme}:${name}${where}${at === undefined ? '' : `:${at}`}${rest}`
  })
const telUri = fc
  .tuple(fc.constantFrom('+', ''), letters('0123456789-.()', 3, 15))
  .map(([plus, digits]) => `tel:${plus}1${digits}`)
const uri = fc.oneof({ weight: 4, arbitrary: sipUri }, { weight: 1, arbitrary: telUri })

test('a URI is written as it was read, and reading that changes nothing', () => {
  check(uri, (written) => {
    const once = parseUri(written)
    const again = parseUri(formatUri(once))
    assert.equal(again, once, written)
    assert.is(formatUri(again), formatUri(once))
  })
})

test('a quoted text is what was quoted', () => {
  check(text, (value) => assert.is(unquote(quote(value)), value))
})

test('names, addresses and their parameters survive quotes, escapes and brackets', () => {
  const nameAddr = fc.record({ displayName: fc.option(text, { nil: undefined }), uri, tag: plainToken })
  check(nameAddr, ({ displayName, uri: address, tag }) => {
    const written = `${displayName === undefined ? '' : quote(displayName)} <${address}>;tag=${tag};x="a;b,c\\"d"`
    const once = parseNameAddr(written)
    assert.is(once.params.get('tag'), tag)
    assert.is(unquote(once.params.get('x') ?? ''), 'a;b,c"d')
    assert.equal(once.uri, parseUri(address))
    assert.equal(parseNameAddr(formatNameAddr(once)), once)
  })
})

test('a list is cut at its own commas alone', () => {
  const item = fc
    .tuple(
      text,
      sipUri.filter((one) => !one.includes('"')),
      params,
    )
    .map(([name, address, rest]) => `${quote(name)} <${address}>${rest}`)
  check(fc.array(item, { minLength: 1, maxLength: 8 }), (items) => {
    for (const between of [',', ' , ', ',\t']) {
      assert.equal(
        splitList(items.join(between)).map((one) => one.trim()),
        items.map((one) => one.trim()),
      )
    }
  })
})

test('parameters: names in any case, flags, quoted values', () => {
  const entry = fc.tuple(label, fc.oneof(fc.constant(''), plainToken, text.map(quote)))
  const entries = fc.uniqueArray(entry, { maxLength: 6, selector: ([name]) => name })
  check(entries, (all) => {
    const written = all.map(([name, value]) => `; ${name.toUpperCase()}${value === '' ? '' : ` = ${value}`}`).join('')
    assert.equal([...parseParams(written)], all)
  })
})

interface Header {
  name: string
  compact: string
  value: string
}

const subject = fc.array(plainToken, { minLength: 1, maxLength: 5 }).map((words) => words.join(' '))
const request = fc.record({
  method: fc.constantFrom('INVITE', 'MESSAGE', 'FOO', 'REGISTER'),
  target: sipUri,
  from: sipUri,
  tag: plainToken,
  callId: token,
  cseq: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  branches: fc.array(plainToken, { minLength: 1, maxLength: 4 }),
  subject,
  other: fc.array(
    fc.tuple(
      plainToken.map((name) => `X-${name}`),
      subject,
    ),
    { maxLength: 4 },
  ),
  body: fc.uint8Array({ maxLength: 60 }),
})
const style = fc.record({
  compact: fc.boolean(),
  shout: fc.boolean(),
  space: fc.constantFrom('', ' ', '\t ', '  '),
  fold: fc.boolean(),
  viasInOne: fc.boolean(),
})

type Made = typeof request extends fc.Arbitrary<infer T> ? T : never
type Style = typeof style extends fc.Arbitrary<infer T> ? T : never

function write(made: Made, { compact, shout, space, fold, viasInOne }: Style): Buffer {
  const { method, target, from, tag, callId, cseq, branches, subject: words, other, body } = made
  const vias = branches.map((branch) => `SIP/2.0/UDP h.example;branch=z9hG4bK${branch}`)
  const gap = fold ? '\r\n ' : ' '
  const all: Header[] = [
    ...(viasInOne ? [vias.join(`,${gap}`)] : vias).map((value) => ({ name: 'Via', compact: 'v', value })),
    { name: 'From', compact: 'f', value: `<${from}>;tag=${tag}` },
    { name: 'To', compact: 't', value: `<${target}>` },
    { name: 'Call-ID', compact: 'i', value: callId },
    { name: 'CSeq', compact: 'CSeq', value: `${cseq}${gap}${method}` },
    { name: 'Max-Forwards', compact: 'Max-Forwards', value: '70' },
    { name: 'Subject', compact: 's', value: words.replaceAll(' ', gap) },
    ...other.map(([name, value]) => ({ name, compact: name, value: value.replaceAll(' ', gap) })),
    { name: 'Content-Length', compact: 'l', value: `${body.length}` },
  ]
  const lines = all.map(({ name, compact: short, value }) => {
    const used = compact ? short : name
    return `${shout ? used.toUpperCase() : used}${space}:${space}${value}`
  })
  const head = `${method} ${target} SIP/2.0\r\n${lines.join('\r\n')}\r\n\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}

test('a request means the same in every form that it may be written in', () => {
  check(fc.tuple(request, style), ([made, how]) => {
    const message = parseMessage(write(made, how))
    validateMessage(message)
    if (message.kind !== 'request') throw new Error('a request')
    assert.is(message.method, made.method)
    assert.equal(message.requestUri, parseUri(made.target))
    assert.equal(message.cseq, { number: made.cseq, method: made.method })
    assert.is(message.callId, made.callId)
    assert.is(message.from.params.get('tag'), made.tag)
    assert.equal(
      message.vias.map(({ params: all }) => all.get('branch')),
      made.branches.map((branch) => `z9hG4bK${branch}`),
    )
    assert.is(message.headers.get('Subject'), made.subject)
    for (const [name, value] of made.other) assert.ok(message.headers.getAll(name).includes(value), name)
    assert.is(Buffer.compare(Buffer.from(message.body), Buffer.from(made.body)), 0)
  })
})

test('serialising what was parsed is a fixpoint, byte for byte where nobody touched it', () => {
  check(fc.tuple(request, style), ([made, how]) => {
    const bytes = write(made, how)
    const once = serializeMessage(parseMessage(bytes))
    assert.is(once.compare(bytes), 0)
    const touched = parseMessage(bytes)
    touched.headers.append('X-More', 'a')
    touched.headers.set('Subject', 'other')
    const again = serializeMessage(touched)
    assert.is(serializeMessage(parseMessage(again)).compare(again), 0)
  })
})

test('a multipart body passes byte for byte, in a datagram and in pieces of a stream', () => {
  const parts = fc.array(
    fc.tuple(fc.constantFrom('application/sdp', 'application/pidf+xml'), fc.uint8Array({ maxLength: 200 })),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  check(
    fc.tuple(request, parts, fc.integer({ min: 1, max: 50 })),
    ([made, all, step]) => {
      const body = Buffer.concat([
        ...all.flatMap(([type, bytes]) => [
          Buffer.from(`--b\r\nContent-Type: ${type}\r\n\r\n`),
          Buffer.from(bytes),
          Buffer.from('\r\n'),
        ]),
        Buffer.from('--b--\r\n'),
      ])
      const plain: Style = { compact: false, shout: false, space: '', fold: false, viasInOne: false }
      const bytes = write({ ...made, body: new Uint8Array(body) }, plain)
      assert.is(Buffer.compare(Buffer.from(parseMessage(bytes).body), body), 0)
      const framer = new StreamFramer()
      const framed: Buffer[] = []
      for (let at = 0; at < bytes.length; at += step) {
        for (const frame of framer.push(Buffer.from(bytes.subarray(at, at + step)))) {
          if (frame.type === 'message') framed.push(frame.bytes)
        }
      }
      assert.is(framed.length, 1)
      assert.is((framed[0] as Buffer).compare(bytes), 0)
    },
    200,
  )
})

test('comments and odd values of headers that nobody here reads pass as they are', () => {
  const comment = letters(`${ALNUM} ;,"<>@`, 0, 20).map((inner) => `thing/1.0 (${inner})`)
  check(comment, (value) => {
    const bytes = Buffer.from(
      `OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n` +
        `Call-ID: c\r\nCSeq: 1 OPTIONS\r\nUser-Agent: ${value}\r\nContent-Length: 0\r\n\r\n`,
    )
    const message = parseMessage(bytes)
    validateMessage(message)
    assert.is(message.headers.get('User-Agent'), value.trim())
    assert.is(serializeMessage(message).compare(bytes), 0)
  })
})

test('nothing but a SipParseError comes out of any text', () => {
  const readers = [
    parseUri,
    parseNameAddr,
    parseVias,
    parseParams,
    (value: string) => parseMessage(Buffer.from(value, 'latin1')),
  ]
  const noise = fc.oneof(
    letters(`${ALNUM}<>@:;,="\\[]%?/ \t\r\n`, 0, 60),
    uri.map((value) => value.slice(0, -2)),
    fc.string({ unit: 'binary', maxLength: 60 }),
  )
  check(
    noise,
    (value) => {
      for (const read of readers) {
        try {
          read(value as never)
        } catch (error) {
          assert.ok(error instanceof SipParseError, `${error}`)
        }
      }
    },
    2_000,
  )
})

test.run()

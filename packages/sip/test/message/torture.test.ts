/** RFC 4475 and RFC 5118: one file each; what lies in `valid/` is understood, what lies in `invalid/` is refused as told here. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SipParseError } from '../../src/errors.ts'
import { respondToBroken } from '../../src/message/build.ts'
import type { SipMessage } from '../../src/message/contract.ts'
import { parseMessage } from '../../src/message/parser.ts'
import { serializeMessage } from '../../src/message/serializer.ts'
import { validateMessage } from '../../src/message/validate.ts'

const test = suite('sip: torture messages')
const folder = join(import.meta.dirname, 'torture')
const read = (kind: string, name: string): Buffer => readFileSync(join(folder, kind, `${name}.sip`))
const namesIn = (kind: string): string[] =>
  readdirSync(join(folder, kind))
    .filter((file) => file.endsWith('.sip'))
    .map((file) => file.slice(0, -4))

function understand(bytes: Buffer): SipMessage {
  const message = parseMessage(bytes)
  validateMessage(message)
  return message
}

/** Status and reason of the refusal; `unanswerable` where no answer can be made. */
const VERDICTS: Record<string, string> = {
  badaspec: '400 Bad URI',
  baddn: '400 Bad URI',
  badinv01: '400 Bad Via',
  badvers: '505 Version Not Supported',
  bigcode: 'unanswerable',
  clerr: '400 Body Too Short',
  escruri: '400 Bad Request-URI',
  'half-escape': '400 Bad URI',
  insuf: '400 Missing From',
  'ipv6-bad': '400 Bad Request',
  'ipv6-bug-abnf-3-colons': '400 Bad Request',
  'lone-cr': 'unanswerable',
  ltgtruri: '400 Bad URI',
  lwsruri: '400 Bad Request-URI',
  lwsstart: '400 Bad Request-URI',
  mcl01: '400 Bad Content-Length',
  mismatch01: '400 CSeq Method Mismatch',
  mismatch02: '400 CSeq Method Mismatch',
  multi01: '400 Multiple CSeq',
  ncl: '400 Bad Content-Length',
  'no-colon': 'unanswerable',
  quotbal: '400 Bad Request',
  regbadct: '400 Bad Request',
  scalar02: '400 Bad CSeq',
  scalarlg: 'unanswerable',
  'space-in-name': 'unanswerable',
  trws: '400 Bad Request',
  'two-ats': '400 Bad URI',
}

function verdictOn(bytes: Buffer): string {
  try {
    understand(bytes)
    return 'accepted'
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error
    return respondToBroken(error, 't') ? `${error.status} ${error.reason}` : 'unanswerable'
  }
}

for (const name of namesIn('valid')) {
  test(`${name} is understood, and written back as it came`, () => {
    const bytes = read('valid', name)
    const message = understand(bytes)
    const again = serializeMessage(message)
    if (message.headers.has('Content-Length')) assert.is(again.compare(bytes.subarray(0, again.length)), 0)
    assert.is(serializeMessage(understand(again)).compare(again), 0)
  })
}

for (const name of namesIn('invalid')) {
  test(`${name} is refused`, () => {
    assert.is(verdictOn(read('invalid', name)), VERDICTS[name])
  })
}

/** All messages of RFC 4475, by section: 3.1.1, 3.1.2 (two lines), 3.2, 3.3, 3.4. */
const RFC_4475 = [
  'wsinv intmeth esc01 escnull esc02 lwsdisp longreq dblreq semiuri transports mpart01 unreason noreason',
  'badinv01 clerr ncl scalar02 scalarlg quotbal ltgtruri lwsruri lwsstart trws escruri baddate regbadct badaspec baddn',
  'badvers mismatch01 mismatch02 bigcode',
  'badbranch',
  'insuf unkscm novelsc unksm2 bext01 invut regaut01 multi01 mcl01 bcast zeromf cparam01 cparam02 regescrt sdp01',
  'inv2543',
]

/**
 * All messages of RFC 5118 §4. The two with a body in §4.6 and §4.8 count it wrongly there; here the count is
 * right.
 */
const RFC_5118 = [
  'ipv6-good ipv6-bad port-ambiguous port-unambiguous via-received-param-with-delim via-received-param-no-delim',
  'ipv6-in-sdp mult-ip-in-header mult-ip-in-sdp ipv4-mapped-ipv6 ipv6-bug-abnf-3-colons',
]

test('every message of both standards is here, once, with a verdict', () => {
  const all = [...RFC_4475, ...RFC_5118].flatMap((line) => line.split(' '))
  assert.is(RFC_4475.flatMap((line) => line.split(' ')).length, 49)
  const [valid, invalid] = [namesIn('valid'), namesIn('invalid')]
  for (const name of all) assert.is(Number(valid.includes(name)) + Number(invalid.includes(name)), 1, name)
})

test('a session description of both families is passed on as it is', () => {
  for (const name of ['ipv6-in-sdp', 'mult-ip-in-sdp', 'sdp01', 'invut']) {
    const bytes = read('valid', name)
    const body = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)
    assert.is(Buffer.compare(Buffer.from(understand(bytes).body), body), 0, name)
  }
})

test('every verdict has its file', () => {
  assert.equal(namesIn('invalid').sort(), Object.keys(VERDICTS).sort())
})

test('wsinv: space, folds and compact forms do not hide values', () => {
  const message = understand(read('valid', 'wsinv'))
  assert.is(message.from.displayName, 'J Rosenberg \\"')
  assert.is(message.from.params.get('tag'), '98asjd8')
  assert.is(message.to.params.get('tag'), '1918181833n')
  assert.equal(message.cseq, { number: 9, method: 'INVITE' })
  assert.equal(
    message.vias.map(({ transport, host, params }) => [transport, host, params.get('branch')]),
    [
      ['UDP', '192.0.2.2', '390skdjuw'],
      ['TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
      ['UDP', '192.168.255.111', 'z9hG4bK30239'],
    ],
  )
  assert.is(message.headers.get('newfangledheader'), 'newfangled value continued newfangled value')
  assert.is(message.headers.get('Subject'), '')
  assert.ok(message.contacts && message.contacts !== '*')
  assert.is(message.contacts[0]?.displayName, 'Quoted string ""')
  assert.is(message.contacts[0]?.params.get('q'), '0.33')
  if (message.kind === 'request') assert.is(message.maxForwards, 68)
})

test('intmeth: a user part may hold almost anything', () => {
  const message = understand(read('valid', 'intmeth'))
  assert.is(message.kind, 'request')
  if (message.kind !== 'request') return
  assert.is(message.requestUri.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")
  assert.is(message.requestUri.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")
  assert.is(message.requestUri.host, 'example.com')
  assert.is(message.from.displayName, "token1~` token2'+_ token3*%!.-")
})

test('esc02: an escape is no escape in a method or header name', () => {
  const message = understand(read('valid', 'esc02'))
  assert.is(message.kind === 'request' && message.method, 'RE%47IST%45R')
  assert.is(message.contacts?.length, 2)
})

test('dblreq: what follows Content-Length in a datagram is cut off', () => {
  assert.is(understand(read('valid', 'dblreq')).body.length, 0)
})

test('ports and addresses of version 6 are told apart', () => {
  const uriOf = (name: string) => {
    const message = understand(read('valid', name))
    assert.is(message.kind, 'request')
    return message.kind === 'request' ? message.requestUri : undefined
  }
  assert.is(uriOf('port-ambiguous')?.host, '2001:db8::10:5070')
  assert.is(uriOf('port-ambiguous')?.port, undefined)
  assert.is(uriOf('port-unambiguous')?.host, '2001:db8::10')
  assert.is(uriOf('port-unambiguous')?.port, 5070)
})

test.run()

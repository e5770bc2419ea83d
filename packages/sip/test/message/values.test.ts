import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SipParseError } from '../../src/errors.ts'
import {
  contactQ,
  equalUris,
  escapeUser,
  formatAuth,
  formatNameAddr,
  formatUri,
  formatVia,
  isIpv6,
  makeRequest,
  makeResponse,
  parseAuth,
  parseContacts,
  parseCSeq,
  parseNameAddr,
  parseNameAddrList,
  parseSeconds,
  parseUri,
  parseVia,
  serializeMessage,
  splitList,
  unescapeUser,
  unquote,
} from '../../src/message/index.ts'

const test = suite('sip: values of headers')
const isParseError = (error: unknown): boolean => error instanceof SipParseError

for (const text of [
  'sip:alice@example.com',
  'sips:alice:secret@example.com:5061;transport=tcp;lr?Subject=x&Route=%3Csip:a%3E',
  'sip:[2001:db8::1]:5060',
  'sip:user;par=u%40example.net@example.com',
  'tel:+1-201-555-0123;phone-context=example.com',
  'urn:service:sos',
]) {
  test(`${text} is read and written back`, () => assert.is(formatUri(parseUri(text)), text))
}

for (const text of [
  '',
  'sip:',
  'alice@example.com',
  'sip:@example.com',
  'sip:a@',
  'sip:a@example.com:',
  'sip:a@example.com:65536',
  'sip:a b@example.com',
  'sip:a@[2001:db8::1',
  'sip:a@2001:db8::1',
  'sip:a@b@c',
  'sip:a@exa"mple',
  'tel:',
  'tel:+',
]) {
  test(`${JSON.stringify(text)} is no URI`, () => assert.throws(() => parseUri(text), isParseError))
}

/** RFC 3261 §19.1.4. */
const EQUAL: [string, string][] = [
  ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtlanTa.CoM;Transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
  [
    'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
    'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
  ],
  [
    'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
    'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
  ],
  ['tel:+1-201-555-0123', 'tel:+12015550123'],
]
const DIFFERENT: [string, string][] = [
  ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtlanTa.CoM;Transport=UDP'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
  ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
  ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
  ['sip:a%3Ab@example.com', 'sip:a:b@example.com'],
  ['sip:a@example.com', 'sips:a@example.com'],
]
test('URIs compare as RFC 3261 §19.1.4 says, either way round', () => {
  for (const [left, right] of EQUAL) {
    assert.is(equalUris(parseUri(left), parseUri(right)), true, `${left} = ${right}`)
    assert.is(equalUris(parseUri(right), parseUri(left)), true, `${right} = ${left}`)
  }
  for (const [left, right] of DIFFERENT) {
    assert.is(equalUris(parseUri(left), parseUri(right)), false, `${left} ≠ ${right}`)
    assert.is(equalUris(parseUri(right), parseUri(left)), false, `${right} ≠ ${left}`)
  }
})

test('user parts are escaped and resolved', () => {
  assert.is(escapeUser('a b@c'), 'a%20b%40c')
  assert.is(unescapeUser(escapeUser('Ж')), Buffer.from('Ж').toString('latin1'))
  assert.is(unescapeUser('100%'), '100%')
})

test('addresses keep names, quotes and parameters', () => {
  const address = parseNameAddr('"Bob, \\"the\\" <B>" <sip:b@h;x=1>;tag=7;+sip.instance="<urn:uuid:1;2>" ; flag')
  assert.is(address.displayName, 'Bob, "the" <B>')
  assert.is(address.uri.params.get('x'), '1')
  assert.equal(
    [...address.params],
    [
      ['tag', '7'],
      ['+sip.instance', '"<urn:uuid:1;2>"'],
      ['flag', ''],
    ],
  )
  assert.is(unquote(address.params.get('+sip.instance') ?? ''), '<urn:uuid:1;2>')
  const text = formatNameAddr(address)
  assert.is(formatNameAddr(parseNameAddr(text)), text)
})

test('a parameter after an address without brackets belongs to the header', () => {
  const address = parseNameAddr('sip:b@h;tag=7')
  assert.is(address.params.get('tag'), '7')
  assert.is(address.uri.params.size, 0)
})

test('lists are split outside quotes and brackets', () => {
  const list = parseNameAddrList(['"a,b" <sip:a@h;m=x,y>;q=1, sip:c@h', '<sip:d@h>'])
  assert.equal(
    list.map(({ uri }) => uri.user),
    ['a', 'c', 'd'],
  )
  assert.equal(splitList('a, "b,\\"c" ,<d,e>,,'), ['a', '"b,\\"c"', '<d,e>'])
})

for (const text of ['"a <sip:b@h>', '<sip:b@h', 'Bob', '<sip:b@h> x', '"a" sip:b@h', 'sip:b@h?x=y', '']) {
  test(`${JSON.stringify(text)} is no address`, () => assert.throws(() => parseNameAddr(text), isParseError))
}

test('Contact: wildcard, none, q', () => {
  assert.is(parseContacts(['*']), '*')
  assert.is(parseContacts([]), undefined)
  assert.throws(() => parseContacts(['*', '<sip:a@h>']), isParseError)
  const [first, second] = parseNameAddrList(['<sip:a@h>;q=0.25, <sip:b@h>;q=2'])
  assert.is(first && contactQ(first), 250)
  assert.throws(() => second && contactQ(second), isParseError)
  assert.is(parseSeconds('3600'), 3600)
  assert.is(parseSeconds('99999999999'), undefined)
  assert.is(parseSeconds('-1'), undefined)
})

test('Via is read and written', () => {
  const text = 'SIP/2.0/TCP [2001:db8::1]:5061;branch=z9hG4bKx;rport;received=192.0.2.1'
  assert.is(formatVia(parseVia(text)), text)
  for (const bad of ['', 'SIP/2.0/UDP', 'SIP/3.0/UDP h', 'SIP/2.0/UDPh', 'SIP/2.0/UDP h:x', 'SIP/2.0/UDP h x']) {
    assert.throws(() => parseVia(bad), isParseError, bad)
  }
})

test('CSeq has 31 bits', () => {
  assert.equal(parseCSeq('2147483647 ACK'), { number: 2147483647, method: 'ACK' })
  for (const bad of ['2147483648 ACK', '1', 'ACK', '-1 ACK', '1 A CK'])
    assert.throws(() => parseCSeq(bad), isParseError)
})

test('authentication values are read and written', () => {
  const auth = parseAuth('Digest realm="a \\"b\\"", nonce="x,y", algorithm=MD5, stale=true, qop="auth"')
  assert.is(auth.scheme, 'Digest')
  assert.is(auth.params.get('realm'), 'a "b"')
  assert.is(auth.params.get('nonce'), 'x,y')
  assert.is(formatAuth(auth), 'Digest realm="a \\"b\\"", nonce="x,y", algorithm=MD5, stale=true, qop="auth"')
  for (const bad of ['', 'Digest x', 'Digest a=1, a=2', 'Digest a="1', 'Digest a=1 b=2']) {
    assert.throws(() => parseAuth(bad), isParseError, bad)
  }
})

test('IPv6 literals', () => {
  for (const good of ['::', '::1', '2001:db8::9:1', '::ffff:192.0.2.1', '1:2:3:4:5:6:7:8'])
    assert.ok(isIpv6(good), good)
  for (const bad of [
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::1%lo',
    '192.0.2.1',
  ]) {
    assert.not.ok(isIpv6(bad), bad)
  }
})

test('a response takes over what RFC 3261 §8.2.6 says', () => {
  const request = makeRequest({
    method: 'INVITE',
    uri: 'sip:b@h',
    from: '<sip:a@h>;tag=1',
    to: '<sip:b@h>',
    callId: 'c',
    cseq: 3,
    headers: [
      ['Via', 'SIP/2.0/UDP x;branch=z9hG4bK1'],
      ['Record-Route', '<sip:p;lr>'],
      ['Timestamp', '54'],
    ],
  })
  const trying = serializeMessage(makeResponse(request, 100)).toString()
  assert.is(
    trying,
    'SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n' +
      'Call-ID: c\r\nCSeq: 3 INVITE\r\nTimestamp: 54\r\nContent-Length: 0\r\n\r\n',
  )
  const ok = makeResponse(request, 200, undefined, { toTag: 't', recordRoute: true, headers: [['Server', 's']] })
  assert.is(ok.to.params.get('tag'), 't')
  assert.is(ok.recordRoutes.length, 1)
  assert.is(ok.headers.get('server'), 's')
  assert.is(ok.reason, 'OK')
  assert.is(ok.headers.has('timestamp'), false)
})

test.run()

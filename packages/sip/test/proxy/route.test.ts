import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { formatNameAddr, makeRequest, type SipRequest } from '../../src/message/index.ts'
import { encodeCookie } from '../../src/proxy/cookie.ts'
import { copyForTarget, type RouteHost, recordRoutes } from '../../src/proxy/forward.ts'
import { nextHopOf, preprocessRoutes } from '../../src/proxy/route.ts'
import { loopMark, validate } from '../../src/proxy/validate.ts'
import { KEY } from './house.ts'

const test = suite('sip: routes and validation')

const COOKIE = { fromTagHash: 1, branch: 0, caller: { edge: 'n', flow: 'f' } }
const text = encodeCookie(KEY, COOKIE)
const OURS = `<sip:10.0.0.1:5060;lr;thor=${text}>`

function request(
  uri: string,
  routes: readonly string[] = [],
  headers: readonly (readonly [string, string])[] = [],
): SipRequest {
  return makeRequest({
    method: 'MESSAGE',
    uri,
    from: '<sip:a@example.com>;tag=a',
    to: '<sip:b@example.com>',
    callId: 'c',
    cseq: 1,
    headers: [['Via', 'SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKx'], ...routes.map((r) => ['Route', r] as const), ...headers],
  })
}

const isOurs = ({ host }: { host: string }): boolean => host === '10.0.0.1' || host === 'example.com'

test('our own entries are taken off, what is left stays', () => {
  const table: [uri: string, routes: string[], uriAfter: string, routesAfter: string[], cookie: boolean][] = [
    ['sip:b@10.9.9.9', [], 'sip:b@10.9.9.9', [], false],
    ['sip:b@10.9.9.9', [OURS], 'sip:b@10.9.9.9', [], true],
    ['sip:b@10.9.9.9', [OURS, OURS, '<sip:far;lr>'], 'sip:b@10.9.9.9', ['<sip:far;lr>'], true],
    ['sip:b@10.9.9.9', [`${OURS}, <sip:far;lr>`], 'sip:b@10.9.9.9', ['<sip:far;lr>'], true],
    ['sip:b@10.9.9.9', ['<sip:far;lr>', OURS], 'sip:b@10.9.9.9', ['<sip:far;lr>', OURS], false],
    ['sip:b@10.9.9.9', ['<sip:example.com;lr>'], 'sip:b@10.9.9.9', [], false],
    // A node that is gone, or that this one has never heard of: the cookie alone makes it ours.
    ['sip:b@10.9.9.9', [`<sip:10.0.0.77;lr;thor=${text}>`], 'sip:b@10.9.9.9', [], true],
    ['sip:b@10.9.9.9', ['<sip:10.0.0.1;lr;thor=AAAA>'], 'sip:b@10.9.9.9', [], false],
    // A strict router: our entry is the Request-URI, the target is last.
    [
      `sip:10.0.0.1:5060;lr;thor=${text}`,
      ['<sip:far;lr>', '<sip:b@10.9.9.9>'],
      'sip:b@10.9.9.9',
      ['<sip:far;lr>'],
      true,
    ],
    ['sip:b@10.9.9.9:77;maddr=10.0.0.1;transport=tcp', [], 'sip:b@10.9.9.9', [], false],
    ['sip:b@10.9.9.9;maddr=10.0.0.8', [], 'sip:b@10.9.9.9;maddr=10.0.0.8', [], false],
  ]
  for (const [uri, routes, uriAfter, routesAfter, cookie] of table) {
    const received = request(uri, routes)
    const result = preprocessRoutes(received, KEY, isOurs)
    assert.is(result.request.uri, uriAfter, uri)
    assert.equal(result.request.routes.map(formatNameAddr), routesAfter, `${uri} ${routes}`)
    assert.equal(result.cookie, cookie ? COOKIE : undefined)
    assert.is(received.uri, uri, 'what was received stays as it was')
  }
})

test('the next hop is the first Route; a strict router gets itself as Request-URI', () => {
  assert.is(nextHopOf(request('sip:b@10.9.9.9')).host, '10.9.9.9')
  assert.is(nextHopOf(request('sip:b@10.9.9.9', ['<sip:far;lr>'])).host, 'far')
  const strict = request('sip:b@10.9.9.9', ['<sip:strict>', '<sip:far;lr>'])
  assert.is(nextHopOf(strict).host, 'strict')
  assert.is(strict.uri, 'sip:strict')
  assert.equal(strict.routes.map(formatNameAddr), ['<sip:far;lr>', '<sip:b@10.9.9.9>'])
})

test('a copy has one hop less, and 70 when nobody had counted', () => {
  assert.is(copyForTarget(request('sip:b@h'), { consumes: () => false }).headers.get('Max-Forwards'), '69')
  const without = request('sip:b@h')
  without.headers.remove('Max-Forwards')
  assert.is(copyForTarget(without, { consumes: () => false }).headers.get('Max-Forwards'), '70')
})

test('a target becomes a Request-URI without what may not stand there', () => {
  const uriOf = (uri: string) => copyForTarget(request('sip:b@h'), { uri, consumes: () => false }).uri
  assert.is(uriOf('sip:b@10.0.0.9;method=INVITE;x=y?Subject=hi&X=1'), 'sip:b@10.0.0.9;x=y')
  assert.is(uriOf('sip:a?b;method=c@10.0.0.9;methods=x'), 'sip:a?b;method=c@10.0.0.9;methods=x')
  assert.is(uriOf('sips:[2001:db8::9]:5071;METHOD=INVITE'), 'sips:[2001:db8::9]:5071')
})

test('one Record-Route where both sides use one transport, two where they do not', () => {
  const udp: RouteHost = { transport: 'udp', host: '10.0.0.1', port: 5060 }
  const tcp: RouteHost = { transport: 'tcp', host: '::1', port: 5060 }
  const shown = (a: RouteHost, b: RouteHost, scheme = 'sip') =>
    recordRoutes(KEY, COOKIE, a, b, scheme).map((r) => r.replace(text, 'C'))
  assert.equal(shown(udp, udp), ['<sip:10.0.0.1:5060;lr;thor=C>'])
  assert.equal(shown(udp, tcp), ['<sip:[::1]:5060;transport=tcp;lr;thor=C>', '<sip:10.0.0.1:5060;lr;thor=C>'])
  assert.equal(shown({ ...udp, host: 'example.com', port: 0 }, { ...udp, host: 'example.com', port: 0 }), [
    '<sip:example.com;lr;thor=C>',
  ])
  const tls: RouteHost = { transport: 'tls', host: '10.0.0.1', port: 5061 }
  const wss: RouteHost = { transport: 'wss', host: '10.0.0.1', port: 443 }
  assert.equal(shown(tls, tls), ['<sip:10.0.0.1:5061;transport=tls;lr;thor=C>'])
  assert.equal(shown(wss, udp), ['<sip:10.0.0.1:5060;lr;thor=C>', '<sip:10.0.0.1:443;transport=ws;lr;thor=C>'])
  // RFC 5630 §3.1.3: what was asked for securely stays so; a side that is not secure cannot say that it is.
  assert.equal(shown(tls, wss, 'sips'), [
    '<sips:10.0.0.1:443;transport=ws;lr;thor=C>',
    '<sips:10.0.0.1:5061;lr;thor=C>',
  ])
  assert.equal(shown(tls, udp, 'sips')[0], '<sip:10.0.0.1:5060;lr;thor=C>')
})

test('what may not be proxied is refused with its status', () => {
  const good = request('sip:b@example.com')
  const looped = request('sip:b@example.com')
  looped.headers.append('Via', `SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKl;thor-loop=${loopMark(good, KEY)}`)
  // It comes back by its Route, which is shorter now, and goes elsewhere this time.
  const spiral = looped.clone()
  spiral.headers.append('Route', '<sip:10.0.0.1;lr>')
  const table: [SipRequest, number | undefined][] = [
    [good, undefined],
    [request('tel:+3120'), undefined],
    [request('sips:b@example.com'), undefined],
    [request('mailto:b@example.com'), 416],
    [request('example.com'), 400],
    [request('sip:b@example.com', Array(21).fill('<sip:far;lr>')), 400],
    [request('sip:b@example.com', [], [['Proxy-Require', 'a, b']]), 420],
    [looped, 482],
    [spiral, undefined],
  ]
  for (const [one, status] of table) assert.is(validate(one, KEY)?.status, status, one.uri)
  const unsupported = validate(request('sip:b@e', [], [['Proxy-Require', 'a, b']]), KEY)
  assert.equal(unsupported?.headers, [['Unsupported', 'a, b']])
  const untagged = request('sip:b@e')
  untagged.headers.set('From', '<sip:a@e>')
  assert.is(validate(untagged, KEY)?.status, 400)
  const mixed = request('sip:b@e')
  mixed.headers.set('CSeq', '1 INVITE')
  assert.is(validate(mixed, KEY)?.status, 400)
})

test.run()

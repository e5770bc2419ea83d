/** Numbers and the trunks that take them, what answers to OPTIONS mean, and answers to challenges. */
import { computeHa1, digestResponse, entityHash, parseCredentials } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PeerLoad } from '../../src/guard/peer-load.ts'
import { trunkLimits } from '../../src/limits.ts'
import { makeRequest, makeResponse } from '../../src/message/index.ts'
import { answerChallenge } from '../../src/trunk/answer.ts'
import { type Health, isAnswer, judgeHealth, unknownHealth } from '../../src/trunk/health.ts'
import { numberAt, type TrunkState, trunksFor } from '../../src/trunk/trunk.ts'
import { loadName, Trunks } from '../../src/trunk/trunks.ts'

const test = suite('sip: trunks')

const trunk = (name: string, change: Partial<TrunkState> = {}): TrunkState => ({
  name,
  target: 'sip:carrier.example',
  domain: 'carrier.example',
  prefixes: ['+'],
  register: false,
  expires: 600,
  callsMax: 0,
  from: 'trunk',
  probeMs: 10_000,
  failures: 3,
  successes: 2,
  up: true,
  ...change,
})

test('the longest prefix wins, then the name', () => {
  const all = [
    trunk('rest', { prefixes: [''] }),
    trunk('dutch', { prefixes: ['+31', '0031'] }),
    trunk('world', { prefixes: ['+'] }),
    trunk('abroad', { prefixes: ['+'] }),
    trunk('nothing', { prefixes: [] }),
  ]
  const names = (...forms: string[]): string[] => trunksFor(all, forms).map(({ trunk: { name } }) => name)
  assert.equal(names('+3120'), ['dutch', 'abroad', 'world', 'rest'])
  assert.equal(names('0031'), ['dutch', 'rest'])
  assert.equal(names('+44'), ['abroad', 'world', 'rest'])
  assert.equal(names('112'), ['rest'])
})

test('SIP-21: a prefix in any form fits, and says in which form the number goes out', () => {
  const forms = ['+31201234567', '0201234567', '0031201234567']
  const out = (prefixes: readonly string[]): string | undefined =>
    trunksFor([trunk('one', { prefixes })], forms)[0]?.number
  assert.is(out(['']), '+31201234567')
  assert.is(out(['+31']), '+31201234567')
  assert.is(out(['00']), '0031201234567')
  assert.is(out(['+', '0031']), '0031201234567')
  assert.is(out(['0']), '0201234567')
  assert.is(out(['+44', '01']), undefined)
  const all = [trunk('far', { prefixes: ['00'] }), trunk('near', { prefixes: ['+3120'] })]
  assert.equal(
    trunksFor(all, forms).map(({ trunk: { name } }) => name),
    ['near', 'far'],
  )
})

test('the Request-URI keeps what the target says of the way', () => {
  const at = (target: string): string => numberAt({ target }, '+3120')
  assert.is(at('sip:carrier.example'), 'sip:+3120@carrier.example;user=phone')
  assert.is(at('sip:[::1]:5080;transport=tcp'), 'sip:+3120@[::1]:5080;transport=tcp;user=phone')
  assert.is(at('sips:carrier.example'), 'sips:+3120@carrier.example;user=phone')
})

test('those that are down are skipped, no more than some are tried, and calls are counted by trunk', () => {
  const load = new PeerLoad({ clock: new SimClock() })
  const trunks = new Trunks({ load })
  assert.is(trunks.for(['+3120']), undefined, 'nobody takes it')
  trunks.replace([trunk('b'), trunk('a', { up: false }), trunk('c', { callsMax: 1 })])
  assert.equal(
    trunks.for(['+3120'])?.map(({ trunk: { name } }) => name),
    ['b', 'c'],
  )
  trunks.replace([trunk('a', { up: false })])
  assert.equal(trunks.for(['+3120']), [], 'somebody does, who is down')
  assert.not(trunks.overTls)
  for (const target of ['sip:c.example;transport=tls', 'sips:c.example']) {
    trunks.replace([trunk('a'), trunk('b', { target })])
    assert.ok(trunks.overTls, target)
  }
  const many = Array.from({ length: trunkLimits.triedMax + 1 }, (_, index) => trunk(`t${index}`))
  trunks.replace(many)
  assert.is(trunks.for(['+3120'])?.length, trunkLimits.triedMax)
  const more = Array.from({ length: trunkLimits.trunksMax + 1 }, (_, index) =>
    trunk(`t${String(index).padStart(4, '0')}`),
  )
  trunks.replace(more)
  assert.ok(trunks.named('t0000'))
  assert.is(trunks.named(`t${String(trunkLimits.trunksMax).padStart(4, '0')}`), undefined)

  const full = trunk('c', { callsMax: 1 })
  assert.ok(trunks.take(full, 'one'))
  assert.not.ok(trunks.take(full, 'two'))
  assert.ok(trunks.take(trunk('b'), 'one'), 'the call goes by another now')
  assert.is(load.callsOf(loadName('c')), 0)
  assert.ok(trunks.take(full, 'two'))
})

test('down after so many failures in a row, up after so many answers', () => {
  const settings = { failures: 3, successes: 2 }
  const after = (answers: string): { health: Health; said: string } => {
    let health = unknownHealth
    let said = ''
    for (const [at, answer] of [...answers].entries()) {
      health = judgeHealth(health, answer === '+', settings, at + 1)
      said += health.up ? 'u' : 'd'
    }
    return { health, said }
  }
  assert.is(after('+--+---').said, 'uuuuuud')
  assert.is(after('---+-++').said, 'uuddddu')
  assert.equal(after('---').health, { up: false, against: 0, since: 3 })
  assert.equal([200, 404, 486, 500, 408, 503].map(isAnswer), [true, true, true, true, false, false])
})

const request = makeRequest({
  method: 'INVITE',
  uri: 'sip:+3120@carrier.example',
  from: '<sip:a@b>;tag=1',
  to: '<sip:c@d>',
  callId: 'x',
  cseq: 1,
  body: Buffer.from('v=0'),
})
const challenged = (status: number, ...values: string[]) =>
  makeResponse(request, status, undefined, {
    headers: values.map((value) => [status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate', value] as const),
  })
const answer = (status: number, ...values: string[]) =>
  answerChallenge(request, challenged(status, ...values), { user: '3120999', password: 's3cret' }, new SimRandom(1))

test('answers: the first algorithm that is spoken, in the header that belongs to the status', () => {
  for (const [algorithm, status] of [
    ['MD5', 401],
    ['SHA-256', 407],
    ['SHA-512-256', 407],
  ] as const) {
    const asked = `Digest realm="c", nonce="n", algorithm=${algorithm}, qop="auth", opaque="o"`
    const [name, value = ''] = answer(status, 'Digest realm="c", nonce="n", algorithm=WHIRLPOOL', asked) ?? []
    assert.is(name, status === 401 ? 'Authorization' : 'Proxy-Authorization')
    const said = parseCredentials(value)
    assert.equal([said?.username, said?.qop, said?.nc, said?.opaque], ['3120999', 'auth', '00000001', 'o'])
    const ha1 = computeHa1(algorithm, '3120999', 'c', 's3cret')
    const { nonce = '', uri = '', cnonce, nc, qop } = said ?? {}
    assert.is(said?.response, digestResponse({ algorithm, ha1, method: 'INVITE', uri, nonce, cnonce, nc, qop }))
    assert.is(uri, request.uri)
  }
})

test('answers: without qop, with auth-int alone, and to what nobody speaks', () => {
  const old = parseCredentials(answer(401, 'Digest realm="c", nonce="n"')?.[1] ?? '')
  assert.equal([old?.qop, old?.nc, old?.algorithm], [undefined, undefined, undefined])
  const whole = parseCredentials(answer(401, 'Digest realm="c", nonce="n", qop="auth-int"')?.[1] ?? '')
  const expected = digestResponse({
    algorithm: 'MD5',
    ha1: computeHa1('MD5', '3120999', 'c', 's3cret'),
    method: 'INVITE',
    uri: request.uri,
    nonce: 'n',
    qop: 'auth-int',
    nc: '00000001',
    cnonce: whole?.cnonce,
    bodyHash: entityHash('MD5', request.body),
  })
  assert.is(whole?.response, expected)
  assert.is(answer(401, 'Digest realm="c", nonce="n", qop="other"'), undefined)
  assert.is(answer(401, 'Basic realm="c"'), undefined)
  assert.is(answer(403), undefined)
})

test.run()

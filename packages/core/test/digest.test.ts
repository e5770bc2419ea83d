import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  computeHa1,
  digestAlgorithm,
  digestResponse,
  entityHash,
  equalDigests,
  formatChallenge,
  formatCredentials,
  parseChallenge,
  parseCredentials,
} from '../src/digest.ts'

const test = suite('core: digest')

const example = {
  method: 'GET',
  uri: '/dir/index.html',
  nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
  nc: '00000001',
  cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ',
  qop: 'auth',
}

test('the examples of RFC 7616 §3.9.1 come out as printed there', () => {
  const ha1 = (algorithm: 'MD5' | 'SHA-256') =>
    computeHa1(algorithm, 'Mufasa', 'http-auth@example.org', 'Circle of Life')
  assert.is(digestResponse({ ...example, algorithm: 'MD5', ha1: ha1('MD5') }), '8ca523f5e9506fed4657c9700eebdbec')
  assert.is(
    digestResponse({ ...example, algorithm: 'SHA-256', ha1: ha1('SHA-256') }),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  )
})

test('the example of RFC 2617 §3.5 comes out as printed there', () => {
  const ha1 = computeHa1('MD5', 'Mufasa', 'testrealm@host.com', 'Circle Of Life')
  assert.is(ha1, '939e7578ed9e3c518a452acee763bce9')
  const input = {
    algorithm: 'MD5' as const,
    ha1,
    method: 'GET',
    uri: '/dir/index.html',
    nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
  }
  assert.is(
    digestResponse({ ...input, qop: 'auth', nc: '00000001', cnonce: '0a4f113b' }),
    '6629fae49393a05397450978507c4ef1',
  )
  assert.is(digestResponse(input), '670fd8c2df070c60b045671b8b24ff02', 'without qop, RFC 2069')
})

/** By hand from the definitions, and equal to what Python's hashlib makes of them. */
test('SHA-512-256, and auth-int with the body in it', () => {
  const algorithm = 'SHA-512-256' as const
  const user = 'J\u00e4s\u00f8n Doe'
  assert.is(
    computeHa1(algorithm, user, 'api@example.org', 'Secret, or not?'),
    '2d3d9f12c9f3d30011259dc5fecee005ae24de40e3e1f61806d03e65f1e6024f',
  )
  const input = {
    ...example,
    algorithm,
    ha1: computeHa1(algorithm, user, 'api@example.org', 'Secret, or not?'),
    method: 'GET',
    uri: '/doe.json',
    nonce: '5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK',
    nc: '00000001',
    cnonce: 'NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm',
  }
  // RFC 7616 §3.9.2 prints what SHA-512 cut to 256 bits gives. That is another function: SHA-512/256 is FIPS 180-4's.
  assert.is(digestResponse(input), '7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c')
  const bodyHash = entityHash(algorithm, Buffer.from('Hello'))
  assert.is(
    digestResponse({ ...input, qop: 'auth-int', bodyHash }),
    '485afdd41a40a1b95bac5c9d7b6baaf9e1ef6f5fbea9730b91a7bbbdb7d3b959',
  )
  assert.is.not(
    digestResponse({ ...input, qop: 'auth-int', bodyHash }),
    digestResponse({ ...input, qop: 'auth-int', bodyHash: entityHash(algorithm, Buffer.from('Hallo')) }),
  )
})

test('algorithms are found whatever their case, and others refused', () => {
  const table: [string | undefined, string | undefined][] = [
    [undefined, 'MD5'],
    ['md5', 'MD5'],
    ['SHA-256', 'SHA-256'],
    ['sha-256', 'SHA-256'],
    ['MD5-sess', undefined],
    ['SHA-256-sess', undefined],
    ['SHA-512-256', 'SHA-512-256'],
    ['sha-512-256-sess', undefined],
    ['__proto__', undefined],
    ['', undefined],
  ]
  for (const [token, expected] of table) assert.is(digestAlgorithm(token), expected, String(token))
})

test('digests are compared without regard to case or length', () => {
  assert.ok(equalDigests('AB', 'ab'))
  assert.not.ok(equalDigests('ab', 'ac'))
  assert.not.ok(equalDigests('ab', 'abc'))
})

test('a password may hold any letter', () => {
  assert.is.not(computeHa1('MD5', 'ä', 'r', 'p'), computeHa1('MD5', 'a', 'r', 'p'))
})

test('credentials survive being written and read', () => {
  const credentials = {
    username: 'al"i\\ce',
    realm: 'example.com',
    nonce: 'n',
    uri: 'sip:example.com',
    response: 'f00',
    algorithm: 'SHA-256',
    cnonce: 'c,c',
    nc: '00000001',
    qop: 'auth',
    opaque: undefined,
  }
  assert.equal(parseCredentials(formatCredentials(credentials)), credentials)
})

test('a challenge survives being written and read', () => {
  const challenge = { realm: 'example.com', nonce: 'n=', algorithm: 'MD5', qop: 'auth', opaque: undefined, stale: true }
  assert.is(formatChallenge(challenge), 'Digest realm="example.com", nonce="n=", stale=true, algorithm=MD5, qop="auth"')
  assert.equal(parseChallenge(formatChallenge(challenge)), challenge)
})

test('credentials as odd devices write them are read', () => {
  const read = parseCredentials('digest Username=alice,realm="a" ,nonce="",uri="sip:a", response="r", qop="auth" ,')
  assert.is(read?.username, 'alice')
  assert.is(read?.nonce, '')
  assert.is(read?.qop, 'auth')
})

test('what is not digest, lacks a field or says one twice is no credentials', () => {
  for (const value of [
    '',
    'Basic YWxpY2U6eA==',
    'Digest',
    'Digest username="a"',
    'Digest username="a", username="b", realm="r", nonce="n", uri="u", response="x"',
    'Digest username="a, realm="r", nonce="n", uri="u", response="x"',
    'Digest username="a" realm="r" nonce="n" uri="u" response="x"',
  ]) {
    assert.is(parseCredentials(value), undefined, value)
  }
})

test.run()

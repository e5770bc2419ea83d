import { computeHa1, digestAlgorithm, digestResponse, entityHash } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  algorithmsOf,
  type CredentialHashes,
  checkNonce,
  claimedAor,
  judgeAnswer,
  makeNonce,
  NONCE_LIFETIME_MS,
  NonceCounts,
} from '../../src/auth.ts'
import type { DigestAnswer } from '../../src/delegates.ts'

const test = suite('sip: auth')

const KEY = new Uint8Array(32).fill(1)
const NOW = 1_700_000_000_000
const random = new SimRandom(1)

const hashes: CredentialHashes = {
  ha1Md5: computeHa1('MD5', 'alice', 'example.com', 'pw'),
  ha1bMd5: computeHa1('MD5', 'alice@example.com', 'example.com', 'pw'),
  ha1Sha256: computeHa1('SHA-256', 'alice', 'example.com', 'pw'),
  ha1bSha256: computeHa1('SHA-256', 'alice@example.com', 'example.com', 'pw'),
  ha1Sha512256: computeHa1('SHA-512-256', 'alice', 'example.com', 'pw'),
  ha1bSha512256: computeHa1('SHA-512-256', 'alice@example.com', 'example.com', 'pw'),
}
const account = { aor: 'alice@example.com', credentials: hashes }

function answerWith(change: Partial<DigestAnswer> & { password?: string } = {}): DigestAnswer {
  const { password = 'pw', ...rest } = change
  const answer = {
    username: 'alice',
    realm: 'example.com',
    nonce: makeNonce(KEY, NOW, random),
    uri: 'sip:example.com',
    algorithm: 'SHA-256',
    method: 'REGISTER',
    qop: 'auth' as string | undefined,
    nc: '00000001' as string | undefined,
    cnonce: 'c' as string | undefined,
    ...rest,
  }
  const algorithm = digestAlgorithm(answer.algorithm) ?? 'SHA-256'
  const ha1 = computeHa1(algorithm, answer.username, answer.realm, password)
  return { ...answer, response: change.response ?? digestResponse({ ...answer, algorithm, ha1 }) }
}

const judge = (
  answer: DigestAnswer | undefined,
  who: typeof account | undefined = account,
  counts = new NonceCounts(),
) => judgeAnswer({ cookieKey: KEY, counts, wallMs: NOW }, who, answer)

test('a nonce is fresh for its lifetime, then stale, and forged under another key', () => {
  const nonce = makeNonce(KEY, NOW, random)
  assert.match(nonce, /^[\w-]{32}$/)
  assert.is(checkNonce(KEY, nonce, NOW), 'fresh')
  assert.is(checkNonce(KEY, nonce, NOW + NONCE_LIFETIME_MS), 'fresh')
  assert.is(checkNonce(KEY, nonce, NOW + NONCE_LIFETIME_MS + 1), 'stale')
  assert.is(checkNonce(KEY, nonce, NOW - 5_000), 'fresh', 'made by a node whose clock is ahead')
  assert.is(checkNonce(KEY, nonce, NOW - 60_000), 'stale')
  assert.is(checkNonce(new Uint8Array(32), nonce, NOW), 'forged')
  for (const other of ['', 'x', `B${nonce.slice(1)}`, `${nonce}=`]) {
    assert.is(checkNonce(KEY, other, NOW), 'forged', other)
  }
})

test('the right password is taken in every form', () => {
  for (const change of [
    {},
    { algorithm: 'MD5' },
    { algorithm: 'SHA-512-256' },
    { algorithm: 'SHA-512-256', username: 'alice@example.com' },
    { qop: 'auth-int', bodyHash: entityHash('SHA-256', Buffer.from('v=0')) },
    { username: 'alice@example.com' },
    { username: 'alice@example.com', algorithm: 'MD5' },
    { qop: undefined, nc: undefined, cnonce: undefined },
    { qop: undefined, nc: undefined, cnonce: undefined, algorithm: 'MD5' },
  ]) {
    assert.equal(judge(answerWith(change)), { ok: true }, JSON.stringify(change))
  }
})

test('what is not right is told apart', () => {
  const md5Only = { aor: account.aor, credentials: { ha1Md5: hashes.ha1Md5, ha1bMd5: hashes.ha1bMd5 } }
  const old = makeNonce(KEY, NOW - NONCE_LIFETIME_MS - 1, random)
  const cause = (answer: DigestAnswer | undefined, who?: typeof account) => {
    const verdict = judge(answer, who)
    return verdict.ok ? 'ok' : verdict.cause
  }
  assert.is(cause(undefined), 'no-credentials')
  assert.is(cause(answerWith({ password: 'no' })), 'wrong-password')
  assert.is(cause(answerWith({ nonce: old })), 'stale')
  assert.is(cause(answerWith({ nonce: old, password: 'no' })), 'wrong-password')
  assert.is(cause(answerWith({ nonce: 'of nobody' })), 'stale')
  assert.is(cause(answerWith({ algorithm: 'MD5-sess' })), 'unsupported-algorithm')
  assert.is(cause(answerWith({ qop: 'auth-conf' })), 'unsupported-algorithm')
  assert.is(cause(answerWith({ nc: undefined })), 'wrong-password')
  const signed = answerWith({ qop: 'auth-int', bodyHash: entityHash('SHA-256', Buffer.from('v=0')) })
  const changed = { ...signed, bodyHash: entityHash('SHA-256', Buffer.from('v=1')) }
  assert.is(cause(changed), 'wrong-password', 'the body is another')
  assert.is(cause(answerWith({ nc: 'zz' })), 'wrong-password')
  assert.is(cause(answerWith(), md5Only as typeof account), 'unsupported-algorithm')
  assert.is(cause(answerWith({ realm: 'other.org' })), 'wrong-password')
  assert.is(cause(answerWith({ username: 'bob' })), 'wrong-password')
  const verdict = judgeAnswer({ cookieKey: KEY, counts: new NonceCounts(), wallMs: NOW }, undefined, answerWith())
  assert.equal(verdict, { ok: false, cause: 'unknown-user' })
})

test('a count is used once, and a wrong password uses none up', () => {
  const counts = new NonceCounts()
  const nonce = makeNonce(KEY, NOW, random)
  const with_ = (nc: string, password?: string) => judge(answerWith({ nonce, nc, password }), account, counts)
  assert.equal(with_('00000001', 'no'), { ok: false, cause: 'wrong-password' })
  assert.equal(with_('00000001'), { ok: true })
  assert.equal(with_('00000001'), { ok: false, cause: 'replay' })
  assert.equal(with_('00000003'), { ok: true })
  assert.equal(with_('00000002'), { ok: true }, 'overtaken on its way')
  assert.equal(with_('00000002'), { ok: false, cause: 'replay' })
  assert.equal(with_('00000100'), { ok: true })
  assert.equal(with_('00000003'), { ok: false, cause: 'replay' }, 'too far behind')
})

test('without qop one response counts once', () => {
  const counts = new NonceCounts()
  const nonce = makeNonce(KEY, NOW, random)
  const legacy = { nonce, qop: undefined, nc: undefined, cnonce: undefined }
  assert.equal(judge(answerWith(legacy), account, counts), { ok: true })
  assert.equal(judge(answerWith(legacy), account, counts), { ok: false, cause: 'replay' })
  assert.equal(judge(answerWith({ ...legacy, method: 'INVITE' }), account, counts), { ok: true })
})

test('a full table forgets the oldest and admits no replay of it', () => {
  const counts = new NonceCounts({ max: 2 })
  const nonces = [0, 1, 2].map((i) => makeNonce(KEY, NOW - 1_000 + i, random))
  const take = (nonce: string) => counts.take({ nonce, nc: '00000001', response: '' }, NOW)
  assert.equal(nonces.map(take), ['first', 'first', 'first'])
  assert.is(counts.size, 2)
  assert.is(take(nonces[0]!), 'stale')
})

test('a new home takes no nonce from before its time', () => {
  const counts = new NonceCounts()
  counts.treatAsStaleBefore(NOW + 1)
  assert.equal(judge(answerWith(), account, counts), { ok: false, cause: 'stale' })
})

test('what has outlived its nonce is forgotten', () => {
  const counts = new NonceCounts()
  counts.take({ nonce: makeNonce(KEY, NOW, random), nc: '00000001', response: '' }, NOW)
  const later = NOW + NONCE_LIFETIME_MS + 60_000
  counts.take({ nonce: makeNonce(KEY, later, random), nc: '00000001', response: '' }, later)
  assert.is(counts.size, 1)
})

test('an answer claims the address in its username and realm', () => {
  assert.is(claimedAor({ username: 'alice', realm: 'Example.com' }), 'alice@example.com')
  assert.is(claimedAor({ username: 'alice@Example.com', realm: 'other' }), 'alice@example.com')
  assert.equal(algorithmsOf(hashes), ['SHA-512-256', 'SHA-256', 'MD5'])
  const { ha1Sha512256: _, ha1bSha512256: __, ...older } = hashes
  assert.equal(algorithmsOf(older), ['SHA-256', 'MD5'])
  assert.equal(algorithmsOf({ ha1Md5: '', ha1bMd5: '' }), ['MD5'])
})

test.run()

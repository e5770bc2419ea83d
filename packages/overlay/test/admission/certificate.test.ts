import { systemClock, systemRandom } from '@thor-node/core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Certificate,
  certificateLimits,
  type SignedCertificate,
  signCertificate,
  verifyCertificate,
} from '../../src/admission/certificate.ts'
import { createRingIdentity, decodeRingIdentity, encodeRingIdentity } from '../../src/admission/identity.ts'
import { createIssuer, createRoot, trustOf } from '../../src/admission/issuer.ts'
import { generateNodeKey, nodeIdOf } from '../../src/kad/node-key.ts'

const test = suite('admission: certificates')

const root = createRoot()
const identity = createRingIdentity(systemRandom, trustOf(root))
const doorNode = generateNodeKey()
const issuer = createIssuer(root, nodeIdOf(doorNode), systemClock.wall())

test('the identity of a ring survives its disk, and nothing else is taken for one', () => {
  const bytes = encodeRingIdentity(identity)
  const read = decodeRingIdentity(bytes)
  assert.is(read.ringId, identity.ringId)
  const other = createRoot()
  for (const broken of [
    new Uint8Array(0),
    bytes.subarray(0, 40),
    encodeRingIdentity({ ...identity, ringId: other.ringId }),
    encodeRingIdentity({ ...identity, rootKey: other.publicKey }),
    encodeRingIdentity({ ...identity, secret: new Uint8Array(3) }),
  ]) {
    assert.throws(
      () => decodeRingIdentity(broken),
      (error: { code: string }) => error.code === 'ADMISSION_BAD_IDENTITY',
    )
  }
})

test('only a certificate that an issuer of this ring signed, in its time, is one', () => {
  const now = systemClock.wall()
  const certificate: Certificate = {
    ringId: identity.ringId,
    nodeId: nodeIdOf(generateNodeKey()),
    placementId: '0f'.repeat(16),
    name: 'n1',
    roles: [],
    zone: '',
    notBefore: now,
    notAfter: now + 1e6,
  }
  const signed = signCertificate(issuer, certificate)
  assert.equal(verifyCertificate(identity, signed, now + 5e5), certificate)
  const foreign = createIssuer(createRoot(), certificate.nodeId, now)
  const tampered = Uint8Array.from(signed.body)
  tampered[20] = (tampered[20] as number) ^ 1
  const byRoot = { ...issuer, privateKey: root.privateKey }
  const long = { ...certificate, notAfter: now + certificateLimits.lifetimeMs + 1 }
  const table: [string, SignedCertificate, number][] = [
    ['signed by an issuer of another ring', signCertificate(foreign, certificate), now],
    ['signed by another key than that of the issuer', { ...signed, issuer: foreign.signed }, now],
    ['signed by the root itself', signCertificate(byRoot, certificate), now],
    ['an issuer certificate', { ...issuer.signed, issuer: issuer.signed }, now],
    ['changed', { ...signed, body: tampered }, now],
    ['expired', signed, now + 1e6 + 1],
    ['of the future', signed, now - 2 * 86_400_000],
    ['good for longer than any may be', signCertificate(issuer, long), now],
    ['of another ring', signCertificate(issuer, { ...certificate, ringId: 'x' }), now],
    ['for no node', signCertificate(issuer, { ...certificate, nodeId: 'x' }), now],
    ['not one', {} as SignedCertificate, now],
  ]
  for (const [what, one, when] of table) assert.is(verifyCertificate(identity, one, when), undefined, what)
})

test('a certificate never outlives its issuer', () => {
  const now = systemClock.wall()
  const brief = createIssuer(root, nodeIdOf(doorNode), now, 1_000)
  const grant = { name: 'n1', placementId: '0f'.repeat(16), roles: [], zone: '', ringId: root.ringId }
  const nodeId = nodeIdOf(generateNodeKey())
  const signed = signCertificate(brief, { ...grant, nodeId, notBefore: now, notAfter: now + 60_000 })
  assert.is(verifyCertificate(identity, signed, now)?.notAfter, now + 1_000)
  const claims = signCertificate(
    { ...brief, certificate: { ...brief.certificate, notAfter: now + 60_000 } },
    { ...grant, nodeId, notBefore: now, notAfter: now + 60_000 },
  )
  assert.is(verifyCertificate(identity, claims, now), undefined)
})

test.run()

import { SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Certificate,
  certificateLimits,
  newPlacementId,
  signCertificate,
} from '../../src/admission/certificate.ts'
import { createIssuer, createRoot, type IssuerKey, trustOf } from '../../src/admission/issuer.ts'
import { type Revocation, signRevocation } from '../../src/admission/revocation.ts'
import { generateNodeKey, nodeIdOf } from '../../src/kad/node-key.ts'
import { membershipLimits } from '../../src/limits.ts'
import { Roster, type RosterChange } from '../../src/membership/roster.ts'

const test = suite('membership: roster')

const DAY = 86_400_000
const root = createRoot()
const ring = trustOf(root)
const random = new SimRandom(7)
let clock: SimClock
let issuers: IssuerKey[]

const newId = () => nodeIdOf(generateNodeKey(random))

function certify(issuer: IssuerKey, nodeId = newId(), patch: Partial<Certificate> = {}) {
  const now = clock.wall()
  return signCertificate(issuer, {
    ringId: root.ringId,
    nodeId,
    placementId: newPlacementId(random),
    name: 'n',
    roles: [],
    zone: '',
    notBefore: now,
    notAfter: now + 30 * DAY,
    ...patch,
  })
}

function revoke(issuer: IssuerKey, kind: Revocation['kind'], id: string) {
  return signRevocation(issuer, { ringId: root.ringId, kind, id, name: 'n', at: clock.wall(), by: newId() })
}

function roster(): Roster & { changes: string[] } {
  const made = new Roster({ clock }, { ring })
  const changes: string[] = []
  const textOf = (change: RosterChange): string =>
    change.type === 'gone' ? `${change.nodeId} ${change.why}` : change.type
  made.onChange((change) => void changes.push(textOf(change)))
  return Object.assign(made, { changes })
}

test.before.each(() => {
  clock = new SimClock()
  issuers = [createIssuer(root, newId(), clock.wall()), createIssuer(root, newId(), clock.wall())]
})

test('a certificate that is over is gone, leaves the digest, and is back when it was the clock that was wrong', async () => {
  const [a] = issuers as [IssuerKey]
  const [one, other] = [newId(), newId()]
  const mine = roster()
  mine.add(certify(a, one))
  const digest = mine.digest
  mine.add(certify(a, other, { notAfter: clock.wall() + DAY }))
  assert.is.not(mine.digest, digest)
  await clock.advance(DAY + 1)
  assert.not(mine.has(other), 'at once, without a look around')
  mine.sweep()
  assert.equal(mine.changes, ['issuer', 'certified', 'certified', `${other} expired`])
  assert.is(mine.digest, digest)
  assert.equal(
    mine.list().map(({ nodeId }) => nodeId),
    [one],
  )
  assert.is(mine.contents.certificates.length, 1)
  // Its clock was a day ahead: it starts again, with what it has on disk.
  const { saved } = mine
  assert.is(saved.certificates.length, 2)
  clock = new SimClock()
  const again = roster()
  again.take(saved)
  assert.ok(again.has(other))
})

test('a newer certificate replaces an older one, and of two of one moment everybody keeps the same', async () => {
  const [a, b] = issuers as [IssuerKey, IssuerKey]
  const nodeId = newId()
  const old = certify(a, nodeId, { name: 'old' })
  await clock.advance(1_000)
  const twins = [certify(a, nodeId, { name: 'new' }), certify(b, nodeId, { name: 'new' })]
  const [one, other] = [roster(), roster()]
  for (const signed of [old, ...twins]) one.add(signed)
  for (const signed of [...twins.toReversed(), old]) other.add(signed)
  one.take({ issuers: other.contents.issuers })
  other.take({ issuers: one.contents.issuers })
  assert.is(one.get(nodeId)?.name, 'new')
  assert.is(one.issuerOf(nodeId), other.issuerOf(nodeId))
  assert.is(one.digest, other.digest)
  assert.not(one.add(twins[0]), 'nothing new')
})

test('a revocation puts a node out for ever, in whatever order things come', () => {
  const [a, b] = issuers as [IssuerKey, IssuerKey]
  const nodeId = newId()
  const certificate = certify(a, nodeId)
  const out = revoke(b, 'node', nodeId)
  const [one, other] = [roster(), roster()]
  one.add(certificate)
  assert.ok(one.revoke(out))
  assert.ok(other.revoke(out))
  assert.not(other.add(certificate))
  assert.not(other.add(certify(a, nodeId, { notBefore: clock.wall() + 1 })), 'not even a new one')
  for (const each of [one, other]) {
    assert.not(each.has(nodeId))
    assert.is(each.get(nodeId), undefined)
  }
  assert.equal(one.changes.slice(-2), ['revoked', `${nodeId} revoked`])
  other.take({ issuers: one.contents.issuers })
  one.take({ issuers: other.contents.issuers })
  assert.is(one.digest, other.digest)
  const third = roster()
  third.take(one.saved)
  assert.ok(third.isRevoked(nodeId), 'also from disk')
})

test('with an issuer goes all that it signed, however it is dated, and not what it revoked', () => {
  const [a, b] = issuers as [IssuerKey, IssuerKey]
  const [mine, theirs, bad] = [newId(), newId(), newId()]
  const all = roster()
  all.take({ certificates: [certify(a, mine), certify(b, theirs)] })
  all.revoke(revoke(a, 'node', bad))
  // Its node is revoked, and with it every key of the node.
  all.revoke(revoke(b, 'node', a.certificate.nodeId))
  assert.ok(all.changes.includes(`${mine} issuer-revoked`))
  assert.not(all.has(mine))
  assert.ok(all.has(theirs))
  assert.not(all.add(certify(a, mine, { notBefore: clock.wall() - DAY })), 'dated back')
  assert.ok(all.isRevoked(bad))
  assert.equal(
    all.issuers().map(({ issuerId }) => issuerId),
    [b.certificate.issuerId],
  )
  const late = revoke(a, 'node', newId())
  assert.ok(all.revoke(late), 'what it revokes counts, whoever carries it')
})

test('a new certificate that comes with the revocation of its old issuer saves the member', () => {
  const [a, b] = issuers as [IssuerKey, IssuerKey]
  const nodeId = newId()
  const mine = roster()
  mine.add(certify(a, nodeId))
  mine.take({
    revocations: [revoke(b, 'issuer', a.certificate.issuerId)],
    certificates: [certify(b, nodeId, { notBefore: clock.wall() + 1 })],
  })
  assert.ok(mine.has(nodeId))
  assert.not(mine.changes.some((change) => change.includes('issuer-revoked')))
})

test('nothing that is forged, of another ring or too long is taken', () => {
  const [a] = issuers as [IssuerKey]
  const foreign = createIssuer(createRoot(), newId(), clock.wall())
  const mine = roster()
  const nodeId = newId()
  const good = certify(a, nodeId)
  for (const bad of [
    certify(foreign, nodeId),
    { ...good, issuer: foreign.signed },
    { ...good, signature: certify(a, nodeId, { name: 'x' }).signature },
    { body: good.body, signature: good.signature },
    certify(a, nodeId, { notAfter: clock.wall() + certificateLimits.lifetimeMs + 1 }),
    certify(a, nodeId, { notBefore: clock.wall() + 2 * DAY }),
    null,
    7,
    {},
  ]) {
    assert.not(mine.add(bad))
    assert.not(mine.addIssuer(bad))
  }
  for (const bad of [revoke(foreign, 'node', nodeId), good, null, {}]) assert.not(mine.revoke(bad))
  mine.take({ certificates: 'x', issuers: 5, revocations: { length: 3 } })
  mine.take(undefined)
  assert.equal(mine.changes, [])
})

test('a full roster takes no more, but those that are over give way', async () => {
  const [a] = issuers as [IssuerKey]
  const mine = roster()
  const brief = { notAfter: clock.wall() + 1_000 }
  const first = newId()
  mine.add(certify(a, first, brief))
  for (let i = 1; i < membershipLimits.rosterMax; i++) mine.add(certify(a))
  assert.is(mine.list().length, membershipLimits.rosterMax)
  assert.not(mine.add(certify(a)))
  await clock.advance(2_000)
  mine.sweep()
  const late = certify(a)
  assert.ok(mine.add(late))
  assert.is(mine.list().length, membershipLimits.rosterMax)
  assert.not(mine.has(first))
})

test('issuers and revocations have limits', () => {
  const [a] = issuers as [IssuerKey]
  const mine = roster()
  mine.addIssuer(a.signed)
  const more = Array.from({ length: membershipLimits.issuersMax }, () => createIssuer(root, newId(), clock.wall()))
  for (const { signed } of more) mine.addIssuer(signed)
  assert.is(mine.issuers().length, membershipLimits.issuersMax)
  for (let i = 0; i < membershipLimits.revocationsMax; i++) assert.ok(mine.revoke(revoke(a, 'node', `node ${i}`)))
  assert.not(mine.revoke(revoke(a, 'node', 'one more')))
  assert.is(mine.revocations().length, membershipLimits.revocationsMax)
})

test('a ring that slept too long wakes with the certificates that it had', async () => {
  const [a] = issuers as [IssuerKey]
  const nodeId = newId()
  const signed = certify(a, nodeId)
  await clock.advance(40 * DAY)
  const strict = roster()
  strict.take({ certificates: [signed] })
  assert.not(strict.has(nodeId))
  const lenient = new Roster({ clock }, { ring, lenientUntil: clock.wall() + 3_600_000 })
  lenient.take({ certificates: [signed] })
  assert.ok(lenient.has(nodeId))
  await clock.advance(3_600_001)
  assert.not(lenient.has(nodeId))
})

test.run()

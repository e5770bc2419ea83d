import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { certifyIssuer, createIssuer, createRoot } from '../../src/admission/issuer.ts'
import { renewAt } from '../../src/admission/renewer.ts'
import { type AdmissionNode, AdmissionRing } from './ring.fixture.ts'

const test = suite('admission: renewal and issuers')

const LIFE_MS = 300_000

test('a certificate is renewed at two thirds of its life, and a little later by chance', () => {
  assert.is(renewAt({ notBefore: 1_000, notAfter: 4_000 }, 0), 3_000)
  assert.is(renewAt({ notBefore: 1_000, notAfter: 4_000 }, 1), 3_150)
})

test(
  'members outlive their certificates many times, whichever issuer is there',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(11, LIFE_MS)
    const nodes = await ring.form(4, 2)
    const [a, b] = nodes as [AdmissionNode, AdmissionNode]
    let worst = LIFE_MS
    for (let i = 0; i < 30; i++) {
      await ring.clock.advance(LIFE_MS / 10)
      for (const one of nodes)
        for (const { nodeId, notAfter } of one.overlay.roster.list()) {
          if (nodes.some(({ id }) => id === nodeId)) worst = Math.min(worst, notAfter - ring.clock.wall())
        }
      for (const one of nodes) assert.is(one.overlay.roster.list().length, 4)
    }
    assert.ok(worst > LIFE_MS * 0.2, `${worst} ms were left`)
    // One of the two issuers goes: the other one does it.
    await ring.stop(a)
    await ring.clock.advance(2 * LIFE_MS)
    const rest = nodes.slice(1)
    for (const one of rest) {
      assert.not(one.overlay.roster.has(a.id), 'who is gone is not renewed')
      for (const other of rest) if (one !== other) assert.ok(ring.connected(one, other))
    }
    assert.is(b.out, undefined)
  }),
)

test(
  'a member that hears nothing of the ring is out when its certificate ends, on both sides',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(12, LIFE_MS)
    const nodes = await ring.form(4, 2)
    const [a, b, c, d] = nodes as [AdmissionNode, AdmissionNode, AdmissionNode, AdmissionNode]
    ring.network.partition([[a.id, b.id, c.id], [d.id]])
    await ring.clock.advance(LIFE_MS + 2_000)
    assert.is(d.out?.why, 'expired')
    ring.network.heal()
    const served = ring.servedTo(d.id)
    await ring.clock.advance(30_000)
    assert.is(ring.servedTo(d.id), served)
    for (const one of [a, b, c]) assert.not(one.overlay.roster.has(d.id))
  }),
)

test(
  'without an issuer the ring goes on until certificates end, and an issuer that comes back in time saves it',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(13, LIFE_MS)
    const nodes = await ring.form(3, 1)
    const [a, b, c] = nodes as [AdmissionNode, AdmissionNode, AdmissionNode]
    await ring.stop(a)
    await ring.clock.advance(LIFE_MS * 0.85)
    assert.ok(ring.connected(b, c))
    await ring.boot(a)
    await ring.clock.advance(LIFE_MS)
    for (const one of nodes) assert.is(one.out, undefined)
    for (const one of nodes) assert.is(one.overlay.roster.list().length, 3)
  }),
)

test(
  'a connection is cut when the certificate of the peer ends',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(14, LIFE_MS)
    const [a, b, c] = (await ring.form(3, 1)) as [AdmissionNode, AdmissionNode, AdmissionNode]
    await ring.stop(a)
    await ring.clock.advance(LIFE_MS * 0.9)
    assert.ok(ring.connected(b, c))
    await ring.clock.advance(LIFE_MS * 0.1 + 1_500)
    assert.not(ring.connected(b, c))
    assert.is(b.out?.why, 'expired')
  }),
)

test(
  'a ring that slept for longer than its certificates last wakes when all nodes are told to',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(15, LIFE_MS)
    const nodes = await ring.form(4, 2)
    for (const node of nodes) await ring.stop(node)
    await ring.clock.advance(3 * LIFE_MS)
    for (const node of nodes) await ring.boot(node, { wake: true })
    await ring.until(() => ring.isStable(3), 'the ring to settle')
    const isNew = (node: AdmissionNode): boolean => {
      const { roster } = node.overlay
      return nodes.every(({ id }) => (roster.get(id)?.notAfter ?? 0) > ring.clock.wall())
    }
    await ring.until(() => nodes.every(isNew), 'all certified anew', 60_000)
    for (const one of nodes) assert.is(one.out, undefined)
  }),
)

test(
  'a member with the role gets an issuer key while the root key is at hand, and nobody else does',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(16)
    const [a] = (await ring.form(1, 1)) as [AdmissionNode]
    const b = await ring.add(false, ['issuer'])
    const c = await ring.add(false, [])
    await ring.clock.advance(30_000)
    assert.is(b.overlay.authority.issuer, undefined, 'the root key is away')
    ring.rootAt = a
    await ring.clock.advance(30_000)
    assert.ok(b.overlay.authority.issuer)
    assert.is(c.overlay.authority.issuer, undefined)
    assert.is(await ring.codeOf(c.overlay.authority.becomeIssuer()), 'ADMISSION_NO_ROOT')
    assert.equal([...c.overlay.authority.issuerNodes].sort(), [a.id, b.id].sort())
    assert.ok(b.issuer.issuer, 'on its disk')
    await ring.stop(b)
    await ring.boot(b)
    assert.ok(b.overlay.authority.issuer)
  }),
)

test(
  'a new issuer key replaces the old one, whose members get new certificates',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(17)
    const nodes = await ring.form(3, 1)
    const [a, b] = nodes as [AdmissionNode, AdmissionNode]
    const { authority } = a.overlay
    const old = a.issuer.issuer
    const request = await authority.request()
    assert.equal(await authority.request(), request, 'the same until it is answered')
    const bad = [
      certifyIssuer(createRoot(), request, ring.clock.wall()),
      certifyIssuer(ring.root, { ...request, nodeId: b.id }, ring.clock.wall()),
      certifyIssuer(ring.root, { ...request, publicKey: ring.root.publicKey }, ring.clock.wall()),
    ]
    for (const signed of bad) assert.is(await ring.codeOf(authority.install(signed)), 'ADMISSION_BAD_ISSUER')
    await ring.run(authority.install(certifyIssuer(ring.root, request, ring.clock.wall())))
    const oldId = old?.certificate.issuerId ?? ''
    await ring.until(() => nodes.every(({ overlay }) => overlay.roster.isRevoked(oldId)), 'the old key revoked', 5_000)
    await ring.clock.advance(10_000)
    for (const one of nodes) {
      for (const { id } of nodes) assert.is(one.overlay.roster.issuerOf(id), authority.issuer?.certificate.issuerId)
      assert.is(one.out, undefined)
    }
    for (const one of nodes) for (const other of nodes) if (one !== other) assert.ok(ring.connected(one, other))
    const late = await ring.add(false)
    assert.ok(b.overlay.roster.has(late.id))
  }),
)

test(
  'a change of keys that a crash cut short is finished after the next start',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(18)
    const nodes = await ring.form(3, 1)
    const [a, b] = nodes as [AdmissionNode, AdmissionNode]
    const oldId = a.issuer.issuer?.certificate.issuerId ?? ''
    await ring.stop(a)
    // The new key is on its disk, and nobody has heard of it.
    a.issuer = { issuer: createIssuer(ring.root, a.id, ring.clock.wall()) }
    await ring.boot(a)
    await ring.until(() => nodes.every(({ overlay }) => overlay.roster.isRevoked(oldId)), 'the old key revoked', 30_000)
    await ring.clock.advance(10_000)
    for (const one of nodes) {
      for (const { id } of nodes) assert.is(b.overlay.roster.issuerOf(id), a.issuer.issuer?.certificate.issuerId)
      assert.is(one.out, undefined)
    }
  }),
)

test.run()

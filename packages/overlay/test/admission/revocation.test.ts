import { recordKey } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AdmissionNode, AdmissionRing } from './ring.fixture.ts'

const test = suite('admission: revocation')

const CUT_MS = 5_000
const key = { ...recordKey('test', 'x'), range: 3 }

async function write(ring: AdmissionRing, node: AdmissionNode, text: string): Promise<void> {
  await ring.run(node.overlay.store.reg.change(key, text, () => ({ body: text, result: undefined })))
}

test(
  'a revoked node is cut by all at once, votes nowhere, and the others go on',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(1)
    const nodes = await ring.form(4, 2)
    const [a, b, c, d] = nodes as [AdmissionNode, AdmissionNode, AdmissionNode, AdmissionNode]
    const rest = [a, b, c]
    await write(ring, a, 'before')
    // Asked for at one that is no issuer itself.
    await ring.run(c.overlay.authority.revoke(d.id))
    const ms = await ring.until(() => rest.every((one) => !ring.connected(one, d)), 'cut', CUT_MS)
    assert.ok(ms <= CUT_MS)
    assert.is(d.out?.why, 'revoked')
    assert.is(d.out?.by, c.id)
    for (const one of rest) assert.is(one.overlay.members.get(d.id)?.state, 'left')
    const served = ring.servedTo(d.id)
    // It does not obey, and goes on trying.
    await ring.until(() => !ring.votes(d.id, rest) && ring.isStable(3, rest), 'the ranges to move', 30_000)
    assert.is(ring.servedTo(d.id), served, 'not a byte since')
    await write(ring, b, 'after')
    assert.is(await ring.codeOf(d.overlay.store.reg.read(key, 'strict')), 'STORE_UNAVAILABLE')
  }),
)

test(
  'in a ring of three the two others go on without the third',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(2)
    const [a, b, c] = (await ring.form(3, 3)) as [AdmissionNode, AdmissionNode, AdmissionNode]
    await ring.run(a.overlay.authority.revoke(c.id))
    await ring.until(() => !ring.votes(c.id, [a, b]) && ring.isStable(2, [a, b]), 'two replicas', 30_000)
    await write(ring, b, 'two')
  }),
)

test(
  'a node that was off, or out of sight, when it was revoked stays out; so does one that others revive from an old roster',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(3)
    const [a, b, c, d] = (await ring.form(4, 2)) as [AdmissionNode, AdmissionNode, AdmissionNode, AdmissionNode]
    await ring.stop(d)
    await ring.until(() => a.overlay.members.get(d.id)?.state === 'dead', 'dead')
    // c is away while it happens, and so cannot hear of it.
    ring.network.partition([[a.id, b.id, d.id], [c.id]])
    await ring.run(a.overlay.authority.revoke(d.id))
    await ring.boot(d)
    await ring.clock.advance(20_000)
    const served = ring.servedTo(d.id)
    for (const one of [a, b]) assert.not(ring.connected(one, d))
    ring.network.heal()
    await ring.until(() => c.overlay.roster.isRevoked(d.id), 'c heard of it', CUT_MS + 5_000)
    await ring.until(() => !ring.connected(c, d), 'cut', CUT_MS)
    await ring.clock.advance(20_000)
    assert.ok(ring.servedTo(d.id) - served >= 0)
    const after = ring.servedTo(d.id)
    await ring.clock.advance(20_000)
    assert.is(ring.servedTo(d.id), after)
    // Survivors that start again have it on disk.
    await ring.stop(b)
    await ring.boot(b)
    assert.ok(b.overlay.roster.isRevoked(d.id))
    assert.is(b.overlay.members.get(d.id)?.state, 'left')
  }),
)

test(
  'who is out of sight of the issuer hears of it from those who are not, at once',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(7)
    const [a, b, c, d] = (await ring.form(4, 1)) as [AdmissionNode, AdmissionNode, AdmissionNode, AdmissionNode]
    ring.network.cut(a.id, c.id)
    ring.network.cut(c.id, a.id)
    await ring.until(() => !ring.connected(a, c), 'a and c apart')
    await ring.run(b.overlay.authority.revoke(d.id))
    // Far less than the period of full exchanges.
    await ring.clock.advance(20)
    assert.ok(c.overlay.roster.isRevoked(d.id))
    assert.not(ring.connected(c, d))
  }),
)

test(
  'a stranger is served nothing, whoever dials',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(4)
    const nodes = await ring.form(3, 1)
    const { peers, rpc } = await ring.stranger()
    for (const { id, host } of nodes) {
      assert.is(await ring.codeOf(peers.connect(id, [`${host}:4000`])), 'OVERLAY_REFUSED')
      assert.is(await ring.codeOf(rpc.call(id, 'swim.sync', {})), 'RPC_NOT_CONNECTED')
      const dial = ring.network.peer(id)?.connect(peers.self, [])
      assert.is(await ring.codeOf(dial as Promise<void>), 'OVERLAY_REFUSED')
    }
    await ring.clock.advance(30_000)
    assert.is(ring.servedTo(peers.self), 0)
  }),
)

test(
  'when an issuer is revoked, members that it had certified stay, also one that was away',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(5)
    const nodes = await ring.form(5, 2)
    const [a, b, c, d, e] = nodes as [AdmissionNode, AdmissionNode, AdmissionNode, AdmissionNode, AdmissionNode]
    const ofA = a.issuer.issuer?.certificate.issuerId
    for (const { id } of nodes) assert.is(c.overlay.roster.issuerOf(id), ofA)
    ring.network.partition([[a.id, b.id, c.id, d.id], [e.id]])
    await ring.clock.advance(15_000)
    await ring.run(d.overlay.authority.revoke(a.id))
    await ring.until(() => [b, c, d].every((one) => !ring.connected(one, a)), 'cut', CUT_MS)
    ring.network.heal()
    const ofB = b.issuer.issuer?.certificate.issuerId
    const rest = [b, c, d, e]
    await ring.until(() => rest.every((one) => one.overlay.roster.issuerOf(e.id) === ofB), 'e certified anew', 20_000)
    await ring.until(
      () => rest.every((one) => rest.every((other) => one === other || ring.connected(one, other))),
      'mesh',
    )
    assert.is(e.out, undefined)
    await ring.until(() => ring.isStable(3, rest) && !ring.votes(a.id, rest), 'the ranges to move')
    await write(ring, e, 'after')
    // What a thief makes of the key that he took is void, whatever date it bears.
    const thief = { name: 'thief', placementId: '00'.repeat(16), roles: [], zone: '' }
    const { peers } = await ring.stranger()
    const forged = ring.certify(a.issuer.issuer as NonNullable<typeof a.issuer.issuer>, peers.self, thief)
    for (const one of rest) assert.not(one.overlay.roster.add(forged))
    for (const one of rest) assert.is(await ring.codeOf(peers.connect(one.id, [])), 'OVERLAY_REFUSED')
  }),
)

test(
  'the last issuer is not revoked, and without a live one nobody is',
  deadline(60_000, async () => {
    const ring = new AdmissionRing(6)
    const [a, b, c] = (await ring.form(3, 1)) as [AdmissionNode, AdmissionNode, AdmissionNode]
    assert.is(await ring.codeOf(b.overlay.authority.revoke(a.id)), 'ADMISSION_LAST_ISSUER')
    assert.is(await ring.codeOf(a.overlay.authority.revoke(a.id)), 'ADMISSION_LAST_ISSUER')
    await ring.stop(a)
    await ring.until(() => !b.overlay.members.isLive(a.id), 'a is gone')
    assert.is(await ring.codeOf(b.overlay.authority.revoke(c.id)), 'ADMISSION_NO_ISSUER')
    assert.ok(ring.connected(b, c))
  }),
)

test.run()

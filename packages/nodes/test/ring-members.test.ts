import { silentLogger, type ThorError } from '@thor-node/core'
import { SimClock, SimRandom } from '@thor-node/core/testing'
import {
  type AdmitRequest,
  type AdmitVerdict,
  Authority,
  createInvite,
  createInviteRecord,
  createIssuer,
  createRoot,
  generateNodeKey,
  issuerLimits,
  type Member,
  membershipLimits,
  type NodeId,
  nodeIdOf,
  type RangeConfig,
  Roster,
  signCertificate,
  signRevocation,
  trustOf,
} from '@thor-node/overlay'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Invites } from '../src/invites.ts'
import { putOutError } from '../src/put-out.ts'
import { RingMembers, refuseLastIssuer } from '../src/ring-members.ts'
import { MemoryRing } from './support/memory-ring.ts'

const test = suite('nodes: members and invites')

const DAY = 86_400_000
const root = createRoot()
const [self, two, three] = [1, 2, 3].map(() => nodeIdOf(generateNodeKey())) as [NodeId, NodeId, NodeId]

/** Three members of which the first is asked; who can issue certificates, is said. */
function ringOf(init: { issuers: NodeId[]; configs?: RangeConfig[]; states?: Record<NodeId, Partial<Member>> }) {
  const clock = new SimClock()
  const random = new SimRandom(3)
  const ring = new MemoryRing({ clock })
  ring.nodes.clear()
  const roster = new Roster({ clock }, { ring: trustOf(root) })
  const keys = new Map([self, two, three].map((nodeId) => [nodeId, createIssuer(root, nodeId, clock.wall())]))
  const signer = keys.get(init.issuers[0] as NodeId) as ReturnType<typeof createIssuer>
  for (const nodeId of init.issuers) roster.addIssuer(keys.get(nodeId)?.signed)
  for (const [index, nodeId] of [self, two, three].entries()) {
    const name = `n${index + 1}`
    ring.nodes.set(nodeId, { name, ...init.states?.[nodeId] })
    const times = { notBefore: clock.wall(), notAfter: clock.wall() + 20 * DAY }
    const placementId = 'ab'.repeat(16)
    roster.add(
      signCertificate(signer, { ringId: root.ringId, nodeId, placementId, name, roles: [], zone: 'z', ...times }),
    )
  }
  const members = { ...ring.members, list: ring.members.list, self: ring.members.list()[0] as Member }
  const announced: unknown[] = []
  const authority = new Authority(
    {
      clock,
      random,
      log: silentLogger,
      rpc: ring.rpc,
      roster,
      members,
      async announce(news) {
        announced.push(news)
        roster.take(news)
      },
    },
    { self, ...(init.issuers.includes(self) && { issuer: keys.get(self) }) },
  )
  const configs = { all: () => init.configs ?? [] }
  const parts = { self, roster, members, authority, configs: configs as never }
  let rootFile: string | undefined
  const ringMembers = new RingMembers({ ring: parts, clock, logger: silentLogger, rootFile: async () => rootFile })
  const invites = new Invites(
    { reg: ring.reg, members, roster, authority, rpc: ring.rpc, clock, random },
    { ring: trustOf(root) },
  )
  const atHand = (path: string | undefined): void => {
    rootFile = path
  }
  return { clock, ring, roster, signer, parts, ringMembers, invites, atHand, random, announced }
}

const errorOf = (promise: Promise<unknown>): Promise<ThorError> =>
  promise.then(
    () => assert.unreachable('nothing was thrown'),
    (error: ThorError) => error,
  ) as Promise<ThorError>

test('the list has who is certified, who can issue, and who was put out', async () => {
  const { ringMembers, roster } = ringOf({ issuers: [self, two] })
  await ringMembers.revoke({ node: 'n3' })
  const { members, hints } = await ringMembers.list()
  assert.equal(
    members.map(({ name, state, issuerUntil }) => [name, state, issuerUntil !== null]),
    [
      ['n1', 'alive', true],
      ['n2', 'alive', true],
      ['n3', 'revoked', false],
    ],
  )
  assert.is(members[2]?.revokedBy, 'n1')
  assert.equal(hints, [])
  assert.ok(roster.isRevoked(three))
  assert.is((await errorOf(ringMembers.revoke({ node: 'n3' }))).code, 'NODE_MEMBER_UNKNOWN')
})

test('what should not be revoked is refused with what to do', async () => {
  const { ringMembers, roster } = ringOf({ issuers: [two] })
  assert.match((await errorOf(ringMembers.revoke({ node: 'n1' }))).message, /thor-node leave/)
  const last = await errorOf(ringMembers.revoke({ node: two }))
  assert.is(last.code, 'ADMISSION_LAST_ISSUER')
  assert.match(last.message, /thor-node rotate --root FILE/)
  assert.is((await errorOf(ringMembers.revoke({ node: 'n9' }))).code, 'NODE_MEMBER_UNKNOWN')
  assert.equal(roster.revocations(), [])
})

test('the last issuer does not leave the others behind', () => {
  assert.throws(() => refuseLastIssuer(ringOf({ issuers: [self] }).parts), /thor-node rotate/)
  refuseLastIssuer(ringOf({ issuers: [self, two] }).parts)
  refuseLastIssuer(ringOf({ issuers: [two] }).parts)
  const gone = { [two]: { state: 'left' }, [three]: { state: 'dead' } } as const
  refuseLastIssuer(ringOf({ issuers: [self], states: gone }).parts)
  assert.throws(() => refuseLastIssuer(ringOf({ issuers: [self, two], states: { [two]: { state: 'left' } } }).parts))
})

test('a node without which ranges have no majority is revoked by force only', async () => {
  const entry = (nodeId: NodeId) => ({ nodeId, since: 1 })
  const configs = [{ range: 0, epoch: 1, old: [entry(self), entry(two), entry(three)] }]
  const { ringMembers, roster } = ringOf({ issuers: [self], configs, states: { [three]: { state: 'dead' } } })
  const refused = await errorOf(ringMembers.revoke({ node: 'n2' }))
  assert.is(refused.code, 'NODE_REVOKE_QUORUM')
  assert.match(refused.message, /1 ranges/)
  await ringMembers.revoke({ node: 'n3' })
  assert.ok(roster.isRevoked(three), 'who is dead already is missed by nobody')
  await ringMembers.revoke({ node: 'n2', force: true })
  assert.ok(roster.isRevoked(two))
})

test('hints tell of a lonely issuer, of keys that end, and of a root key that lies about', async () => {
  const alone = ringOf({ issuers: [self] })
  assert.match((await alone.ringMembers.list()).hints.join(), /Only one node can issue/)
  const { ringMembers, clock, atHand } = ringOf({ issuers: [self, two, three] })
  assert.equal((await ringMembers.list()).hints, [])
  atHand('/data/ring-root.key')
  assert.match((await ringMembers.list()).hints.join(), /\/data\/ring-root\.key: move it/)
  atHand(undefined)
  await clock.advance(issuerLimits.lifetimeMs - 80 * DAY)
  assert.match((await ringMembers.list()).hints.join(), /n1, n2, n3 ends within 90 days/)
})

test('a node that is no issuer passes an invite on, to the next one when the first fails', async () => {
  const { invites, ring } = ringOf({ issuers: [two, three] })
  const request = { inviteId: 'ab', secret: new Uint8Array(16), nodeId: nodeIdOf(generateNodeKey()) } as AdmitRequest
  const seen: string[] = []
  for (const nodeId of [two, three]) {
    ring.remote.set(`${nodeId} admission.redeem`, () => {
      seen.push(nodeId)
      if (seen.length === 1) throw new Error('no')
      return { verdict: 'used' } satisfies AdmitVerdict
    })
  }
  assert.equal(await invites.admit(request), { verdict: 'used' })
  assert.is(new Set(seen).size, 2)
  const none = ringOf({ issuers: [two], states: { [two]: { state: 'dead' } } })
  assert.is((await errorOf(none.invites.admit(request))).code, 'ADMISSION_NO_ISSUER')
})

test('a ring that keeps all the revocations that it may revokes no more', async () => {
  const { ringMembers, roster, signer } = ringOf({ issuers: [self] })
  for (let i = 0; i < membershipLimits.revocationsMax; i++) {
    const body = { ringId: root.ringId, kind: 'node', id: `node ${i}`, name: '', at: 0, by: self } as const
    roster.revoke(signRevocation(signer, body))
  }
  assert.is((await errorOf(ringMembers.revoke({ node: 'n2' }))).code, 'ADMISSION_TOO_MANY_REVOCATIONS')
})

test('a certificate that should have been renewed is told of', async () => {
  const { ringMembers, clock } = ringOf({ issuers: [self, two, three] })
  await clock.advance(15 * DAY)
  assert.equal((await ringMembers.list()).hints, [])
  await clock.advance(2 * DAY)
  assert.match((await ringMembers.list()).hints.join(), /n1, n2, n3 should have been renewed/)
})

test('the first three nodes become issuers, later ones do not, and an invite can say otherwise', async () => {
  const roles = async (issuers: NodeId[], wished?: string[]): Promise<readonly string[]> => {
    const { invites, ring, random, clock, roster } = ringOf({ issuers })
    const invite = createInvite(random, new Uint8Array(32), [])
    const record = createInviteRecord(invite, clock.wall(), undefined, { ...(wished && { roles: wished }) })
    ring.reg.put({ range: 0, name: `invite/${invite.id}` }, record)
    const nodeId = nodeIdOf(generateNodeKey())
    const verdict = await invites.admit({ inviteId: invite.id, secret: invite.secret, nodeId })
    assert.is(verdict.verdict, 'accepted')
    assert.is(roster.get(nodeId)?.name, 'n4', 'everybody knows it before the node does')
    return roster.get(nodeId)?.roles ?? []
  }
  assert.ok((await roles([self, two])).includes('issuer'))
  assert.not((await roles([self, two, three])).includes('issuer'))
  assert.equal(await roles([self], ['media_relay']), ['media_relay'])
})

test('a node that is out says why, and what to do', () => {
  const where = { data: '/data', now: Date.UTC(2026, 11, 1) }
  const revoked = putOutError({ why: 'revoked', at: Date.UTC(2026, 10, 28), by: 'n1' }, where)
  assert.is(revoked.code, 'NODE_REVOKED')
  assert.match(revoked.message, /on 2026-11-28 00:00:00 UTC, at n1: it stays out; empty \/data and join/)
  for (const why of ['expired', 'issuer-revoked'] as const) {
    assert.match(putOutError({ why }, where).message, /is it really 2026-12-01 .* --wake/)
  }
})

test.run()

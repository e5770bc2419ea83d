import { once } from 'node:events'
import { createServer, connect as tcpConnect } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { type Clock, silentLogger, systemClock, systemRandom } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Certificate, type SignedCertificate, signCertificate } from '../../src/admission/certificate.ts'
import { Door } from '../../src/admission/door.ts'
import { createRingIdentity, fingerprintOf } from '../../src/admission/identity.ts'
import {
  chooseZone,
  createInvite,
  createInviteRecord,
  doorKeyOf,
  type InviteRecord,
  redeemInvite,
} from '../../src/admission/invite.ts'
import { createIssuer, createRoot, trustOf } from '../../src/admission/issuer.ts'
import { askStanding, joinRing } from '../../src/admission/join.ts'
import { signRevocation } from '../../src/admission/revocation.ts'
import { generateNodeKey, nodeIdOf } from '../../src/kad/node-key.ts'
import { admissionLimits } from '../../src/limits.ts'
import type { Member } from '../../src/membership/contract.ts'
import { Roster } from '../../src/membership/roster.ts'

const test = suite('admission: the door')

const root = createRoot()
const identity = createRingIdentity(systemRandom, trustOf(root))
const doorNode = generateNodeKey()
const issuer = createIssuer(root, nodeIdOf(doorNode), systemClock.wall())
const records = new Map<string, InviteRecord>()
let roster = new Roster({ clock: systemClock }, { ring: identity })
let fault: Error | undefined
let members: Member[] = []
const open: Door[] = []

function certify(
  nodeId: string,
  grant: Pick<Certificate, 'name' | 'placementId' | 'roles' | 'zone'>,
): SignedCertificate {
  const now = systemClock.wall()
  return signCertificate(issuer, { ...grant, ringId: root.ringId, nodeId, notBefore: now, notAfter: now + 60_000 })
}

async function openDoor(key = doorNode, clock: Clock = systemClock): Promise<Door> {
  const door = new Door(
    {
      clock,
      log: silentLogger,
      async admit({ inviteId, secret, nodeId, name, zone }) {
        if (fault) throw fault
        const grant = {
          name: name ?? 'n2',
          placementId: 'ab'.repeat(16),
          roles: ['dns_server'],
          zone: chooseZone(zone),
        }
        const redemption = redeemInvite(records.get(inviteId), { secret, nodeId }, grant, systemClock.wall())
        if (redemption.verdict !== 'accepted') return redemption
        records.set(inviteId, redemption.record)
        const certificate = certify(nodeId, redemption.grant)
        roster.add(certificate)
        return { verdict: 'accepted', certificate }
      },
      roster,
      members: () => members,
    },
    { listen: { host: '127.1.2.1', port: 0 }, identity, key },
  )
  await door.start()
  open.push(door)
  return door
}

const at = (door: Door) => ({ ...door.local, key: doorKeyOf(nodeIdOf(doorNode)) })

function invite(door: Door, lifetimeMs?: number) {
  const made = createInvite(systemRandom, fingerprintOf(identity), [at(door)])
  records.set(made.id, createInviteRecord(made, systemClock.wall(), lifetimeMs))
  return made
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: { code: string }) => error.code,
  )

test.after.each(async () => {
  await Promise.all(open.splice(0).map((door) => door.stop()))
  roster = new Roster({ clock: systemClock }, { ring: identity })
  records.clear()
  fault = undefined
  members = []
})

test(
  'an invite makes a member, and the members know it before it does',
  deadline(10_000, async () => {
    const door = await openDoor()
    const key = generateNodeKey()
    const admission = await joinRing(
      { clock: systemClock },
      {
        invite: invite(door),
        key,
        name: 'berlin',
        zone: 'Site-2',
      },
    )
    assert.is(admission.certificate.nodeId, nodeIdOf(key))
    assert.is(admission.certificate.name, 'berlin')
    assert.equal(admission.certificate.roles, ['dns_server'])
    assert.is(admission.certificate.zone, 'site-2')
    assert.equal(Buffer.from(admission.identity.secret), Buffer.from(identity.secret))
    assert.ok(roster.has(nodeIdOf(key)))
    assert.is(admission.roster.certificates.length, 1)
  }),
)

test(
  'a used invite is refused, except to the node that used it',
  deadline(10_000, async () => {
    const door = await openDoor()
    const one = invite(door)
    const key = generateNodeKey()
    const first = await joinRing({ clock: systemClock }, { invite: one, key })
    const other = codeOf(joinRing({ clock: systemClock }, { invite: one, key: generateNodeKey() }))
    assert.is(await other, 'ADMISSION_INVITE_USED')
    const again = await joinRing({ clock: systemClock }, { invite: one, key })
    assert.is(again.certificate.placementId, first.certificate.placementId)
  }),
)

test(
  'unknown, expired and wrong secrets are refused',
  deadline(10_000, async () => {
    const door = await openDoor()
    const join = (of: ReturnType<typeof invite>) =>
      codeOf(joinRing({ clock: systemClock }, { invite: of, key: generateNodeKey() }))
    const unknown = createInvite(systemRandom, fingerprintOf(identity), [at(door)])
    assert.is(await join(unknown), 'ADMISSION_INVITE_INVALID')
    assert.is(await join(invite(door, -1)), 'ADMISSION_INVITE_EXPIRED')
    assert.is(await join({ ...invite(door), secret: systemRandom.bytes(16) }), 'ADMISSION_INVITE_INVALID')
    assert.is(roster.list().length, 0)
  }),
)

test(
  'another node at the address gets no secret',
  deadline(10_000, async () => {
    const door = await openDoor(generateNodeKey())
    const one = invite(door)
    assert.is(
      await codeOf(joinRing({ clock: systemClock }, { invite: one, key: generateNodeKey() })),
      'ADMISSION_WRONG_RING',
    )
    assert.is(records.get(one.id)?.usedBy, undefined)
  }),
)

test(
  'doors that do not answer are passed over; when none does, that is said',
  deadline(10_000, async () => {
    const door = await openDoor()
    const one = invite(door)
    const dead = { host: '127.1.2.9', port: 9, key: 'ab'.repeat(16) }
    const joined = await joinRing(
      { clock: systemClock },
      { invite: { ...one, addresses: [dead, at(door)] }, key: generateNodeKey() },
    )
    assert.ok(joined.certificate)
    const nobody = { ...one, addresses: [dead] }
    const code = await codeOf(joinRing({ clock: systemClock }, { invite: nobody, key: generateNodeKey() }))
    assert.is(code, 'ADMISSION_UNREACHABLE')
  }),
)

test(
  'a program that is no door is not waited for longer than asked',
  deadline(10_000, async () => {
    const mute = createServer().listen(0, '127.1.2.2')
    await once(mute, 'listening')
    const address = { host: '127.1.2.2', port: (mute.address() as { port: number }).port, key: 'ab'.repeat(16) }
    const door = await openDoor()
    const one = { ...invite(door), addresses: [address] }
    const join = joinRing({ clock: systemClock }, { invite: one, key: generateNodeKey(), timeoutMs: 200 })
    assert.is(await codeOf(join), 'ADMISSION_UNREACHABLE')
    mute.close()
  }),
)

test(
  'a ring that cannot decide says so, and the invite is good for another try',
  deadline(10_000, async () => {
    const door = await openDoor()
    const one = invite(door)
    const key = generateNodeKey()
    fault = new Error('secret detail')
    const error = await joinRing({ clock: systemClock }, { invite: one, key }).catch((caught: unknown) => caught)
    assert.is((error as { code: string }).code, 'ADMISSION_FAILED')
    assert.not((error as Error).message.includes('secret detail'))
    fault = undefined
    assert.ok(await joinRing({ clock: systemClock }, { invite: one, key }))
  }),
)

test(
  'a ring of 64 members takes no more, and the invite stays unused',
  deadline(10_000, async () => {
    const door = await openDoor()
    const one = invite(door)
    members = Array.from({ length: 64 }, (_, i) => ({
      nodeId: `node${i}`,
      name: `n${i}`,
      placementId: '',
      zone: '',
      weight: 1,
      roles: [],
      version: '',
      services: { host: '127.1.2.1', cluster: 1 },
      state: 'alive',
      incarnation: 1,
      serving: true,
      startedAt: 0,
    }))
    const join = () => codeOf(joinRing({ clock: systemClock }, { invite: one, key: generateNodeKey() }))
    assert.is(await join(), 'ADMISSION_RING_FULL')
    members = members.slice(1)
    assert.is(await join(), 'no error')
  }),
)

test(
  'garbage, long messages and half connections do no harm',
  deadline(10_000, async () => {
    const door = await openDoor()
    const { host, port } = door.local
    const plain = tcpConnect(port, host)
    plain.on('error', () => undefined)
    plain.write('GET / HTTP/1.0\r\n\r\n')
    for (const bytes of [
      Buffer.from([0, 0, 0, 3, 1, 2, 3]),
      Buffer.from([0xff, 0xff, 0xff, 0xff]),
      Buffer.from([0, 0, 0, 0]),
    ]) {
      const socket = tlsConnect({ host, port, rejectUnauthorized: false })
      socket.on('error', () => undefined)
      socket.write(bytes)
      socket.resume()
      await once(socket, 'close')
    }
    assert.ok(await joinRing({ clock: systemClock }, { invite: invite(door), key: generateNodeKey() }))
    plain.destroy()
  }),
)

test(
  'more handshakes in a second than the door takes are cut off',
  deadline(10_000, async () => {
    // It stays within one second, however slow the machine is.
    const standing: Clock = { ...systemClock, now: () => 5_000 }
    const door = await openDoor(doorNode, standing)
    const { host, port } = door.local
    const sockets = Array.from({ length: 200 }, () => tcpConnect(port, host))
    let cut = 0
    for (const socket of sockets) {
      socket.on('error', () => undefined)
      socket.on('close', () => cut++)
    }
    await eventually(() => cut === 200 - admissionLimits.handshakesPerSecond)
    for (const socket of sockets) socket.destroy()
  }),
)

test(
  'a member that was away for long is told who is a member now, and nobody else is',
  deadline(10_000, async () => {
    const door = await openDoor()
    const [key, friend] = [generateNodeKey(), generateNodeKey()]
    const grant = { name: 'n2', placementId: '0f'.repeat(16), roles: [], zone: '' }
    roster.add(certify(nodeIdOf(key), grant))
    roster.add(certify(nodeIdOf(friend), { ...grant, name: 'n3' }))
    const ask = (as: Uint8Array) =>
      askStanding(
        { clock: systemClock },
        { door: { ...door.local, nodeId: nodeIdOf(doorNode) }, key: as, ring: identity },
      )
    const told = await ask(key)
    const mine = new Roster({ clock: systemClock }, { ring: identity })
    if (told.type === 'member') mine.take(told.roster)
    assert.ok(mine.has(nodeIdOf(friend)))
    assert.equal(await ask(generateNodeKey()), { type: 'unknown' })
  }),
)

test(
  'a revoked node is told so, with the proof, and its key is never admitted again',
  deadline(10_000, async () => {
    const door = await openDoor()
    const key = generateNodeKey()
    const ask = () =>
      askStanding({ clock: systemClock }, { door: { ...door.local, nodeId: nodeIdOf(doorNode) }, key, ring: identity })
    assert.is((await ask()).type, 'unknown')
    const id = nodeIdOf(key)
    const by = nodeIdOf(doorNode)
    roster.revoke(signRevocation(issuer, { ringId: root.ringId, kind: 'node', id, name: 'n9', at: 5, by }))
    const told = await ask()
    const other = new Roster({ clock: systemClock }, { ring: identity })
    assert.ok(told.type === 'revoked' && other.revoke(told.revocation))
    assert.ok(other.isRevoked(id))
    const joining = codeOf(joinRing({ clock: systemClock }, { invite: invite(door), key }))
    assert.is(await joining, 'ADMISSION_REVOKED')
  }),
)

test.run()

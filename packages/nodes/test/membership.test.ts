import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger, systemClock, systemRandom } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import {
  createIssuer,
  createRingIdentity,
  createRoot,
  Door,
  generateNodeKey,
  type Member,
  nodeIdOf,
  Roster,
  type SignedCertificate,
  signCertificate,
  signRevocation,
  trustOf,
} from '@thor-node/overlay'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Config } from '../src/config.ts'
import { IdentityFiles } from '../src/identity.ts'
import { becomeMember, otherName, otherZone } from '../src/membership.ts'

const membership = suite('nodes: membership')
const DAY = 86_400_000

membership('a node that did not get the name it asked for says so', () => {
  assert.equal(otherName(undefined, 'n2'), [])
  assert.equal(otherName('Edge', 'edge'), [])
  const note = otherName('n1', 'n4').join()
  assert.match(note, /^This node is n4, not n1: /)
})

membership('a node whose zone was set too late says so', () => {
  assert.equal(otherZone('default', 'west'), [], 'nothing was set: the invite may have said it')
  assert.equal(otherZone('west', 'west'), [])
  assert.match(otherZone('east', 'default').join(), /^This node is in zone default, not east: .*thor-node leave/)
})

membership(
  'a node that was off for weeks asks a door for the certificates of now, and hears there that it was revoked',
  deadline(20_000, async () => {
    const root = createRoot()
    const ring = createRingIdentity(systemRandom, trustOf(root))
    const [key, other] = [generateNodeKey(), generateNodeKey()]
    const [self, friend] = [nodeIdOf(key), nodeIdOf(other)]
    const now = systemClock.wall()
    const issuer = createIssuer(root, friend, now - 40 * DAY)
    const certify = (nodeId: string, notBefore: number): SignedCertificate => {
      const grant = { name: nodeId === self ? 'n2' : 'n1', placementId: 'ab'.repeat(16), roles: [], zone: 'z' }
      return signCertificate(issuer, {
        ringId: root.ringId,
        nodeId,
        ...grant,
        notBefore,
        notAfter: notBefore + 30 * DAY,
      })
    }
    const certificate = certify(self, now - 20 * DAY)
    const roster = new Roster({ clock: systemClock }, { ring })
    for (const signed of [certificate, certify(friend, now - DAY)]) roster.add(signed)
    const door = new Door(
      {
        clock: systemClock,
        log: silentLogger,
        admit: async () => ({ verdict: 'invalid' }),
        roster,
        members: () => [{ nodeId: friend } as Member],
      },
      { listen: { host: '127.1.6.1', port: 0 }, identity: ring, key: other },
    )
    await door.start()
    const data = mkdtempSync(join(tmpdir(), 'thor-away-'))
    try {
      const files = new IdentityFiles({ data })
      await files.save({ key, ring, certificate, boots: 1, genesis: false })
      const services = { host: '127.1.6.1', cluster: 1, admission: door.local.port }
      await files.saveRoster({
        certificates: [certify(friend, now - 35 * DAY)],
        issuers: [],
        revocations: [],
        members: [{ nodeId: friend, state: 'dead', services } as Member],
      })
      const around = { clock: systemClock, random: systemRandom, logger: silentLogger, files }
      const start = async (): Promise<Roster> => {
        const mine = new Roster({ clock: systemClock }, { ring })
        mine.take((await becomeMember(around, { data } as Config, undefined)).roster)
        return mine
      }
      assert.ok((await start()).has(friend))
      const revocation = { ringId: root.ringId, kind: 'node', id: self, name: 'n2', at: now, by: friend } as const
      roster.revoke(signRevocation(issuer, revocation))
      assert.ok((await start()).isRevoked(self))
    } finally {
      await door.stop()
      rmSync(data, { recursive: true, force: true })
    }
  }),
)

membership.run()

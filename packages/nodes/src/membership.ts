import { type Clock, type Logger, type Random, ThorError } from '@thor-node/core'
import {
  chooseName,
  createRingIdentity,
  fingerprintOf,
  generateNodeKey,
  joinRing,
  newPlacementId,
  nodeIdOf,
  parseInvite,
  type SavedRoster,
  signCertificate,
} from '@thor-node/overlay'
import type { Config } from './config.ts'
import type { Identity, IdentityFiles } from './identity.ts'

/** What every node does unless told otherwise. */
export const ROLES = ['sip_proxy', 'media_relay', 'provisioning_server', 'thor_dnsmanager'] as const

const CERTIFICATE_LIFE_MS = 10 * 365 * 86_400_000

interface Surroundings {
  clock: Clock
  random: Random
  logger: Logger
  files: IdentityFiles
}

/**
 * Who this node is at this start: as before; or, on an empty disk, the first of a new ring, or a new member of an invited one.
 * The counter of starts has grown, durably, when this resolves.
 */
export async function becomeMember(
  around: Surroundings,
  config: Config,
  invite: string | undefined,
): Promise<{ identity: Identity; roster: SavedRoster; isNew: boolean }> {
  const { files } = around
  await files.prepare()
  const known = await files.load()
  if (known) {
    if (invite !== undefined) refuseForeign(known, invite, config)
    const identity = { ...known, boots: known.boots + 1 }
    await files.save(identity)
    return { identity, roster: await files.loadRoster(), isNew: false }
  }
  if (await files.hasLeft()) {
    if (invite === undefined) {
      const remedy = 'join with an invite, or choose another directory to make a new ring'
      throw new ThorError('NODE_LEFT', `the node of ${config.data} has left its ring; ${remedy}`)
    }
    await files.clear()
  }
  const fresh = invite === undefined ? found(around, config) : await join(around, config, invite)
  await files.saveRoster(fresh.roster)
  await files.save(fresh.identity)
  return { ...fresh, isNew: true }
}

/** The first node: makes the ring, and certifies itself. */
function found({ clock, random }: Surroundings, config: Config): { identity: Identity; roster: SavedRoster } {
  const key = generateNodeKey(random)
  const ring = createRingIdentity(random)
  const certificate = signCertificate(ring.privateKey, {
    ringId: ring.ringId,
    nodeId: nodeIdOf(key),
    placementId: newPlacementId(random),
    name: chooseName(config.name, []),
    roles: ROLES,
    zone: config.zone,
    notBefore: clock.wall(),
    notAfter: clock.wall() + CERTIFICATE_LIFE_MS,
  })
  return {
    identity: { key, ring, certificate, boots: 1, genesis: true },
    roster: { certificates: [certificate], members: [] },
  }
}

async function join(
  { clock, random }: Surroundings,
  config: Config,
  text: string,
): Promise<{ identity: Identity; roster: SavedRoster }> {
  const key = generateNodeKey(random)
  const {
    identity: ring,
    signed,
    certificates,
    members,
  } = await joinRing(
    { clock },
    { invite: parseInvite(text), key, zone: config.zone, ...(config.name && { name: config.name }) },
  )
  return {
    identity: { key, ring, certificate: signed, boots: 1, genesis: false },
    roster: { certificates, members },
  }
}

function refuseForeign({ ring }: Identity, text: string, config: Config): void {
  const invite = parseInvite(text)
  if (Buffer.compare(invite.fingerprint, fingerprintOf(ring.tlsCertificate)) === 0) return
  throw new ThorError(
    'NODE_OTHER_RING',
    `${config.data} belongs to a node of another ring than the invite; give this node a directory of its own with --data`,
  )
}

/** A wish that was not fulfilled is told: host names and records bear the name. */
export function otherName(wish: string | undefined, name: string): string[] {
  if (wish === undefined || wish.toLowerCase() === name) return []
  return [
    `This node is ${name}, not ${wish}: names are unique in a ring and stay as they were given at the first start.`,
  ]
}

import { type Clock, type Logger, type Random, ThorError } from '@thor-node/core'
import {
  askStanding,
  chooseName,
  createIssuer,
  createRingIdentity,
  createRoot,
  fingerprintOf,
  generateNodeKey,
  joinRing,
  newPlacementId,
  nodeIdOf,
  parseInvite,
  Roster,
  type SavedRoster,
  signCertificate,
  trustOf,
} from '@thor-node/overlay'
import type { Config } from './config.ts'
import type { Identity, IdentityFiles } from './identity.ts'
import { ISSUER_ROLE, ROLES } from './roles.ts'

/** So many nodes can issue certificates, unless invites say otherwise: any one may be lost. */
export const ISSUERS_DEFAULT = 3

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
  acceptOldCopy = false,
): Promise<{ identity: Identity; roster: SavedRoster }> {
  const { files } = around
  await files.prepare()
  if (acceptOldCopy && (await files.isStale())) await files.takeBack()
  const known = await files.load()
  if (known) {
    if (invite !== undefined) refuseForeign(known, invite, config)
    const identity = { ...known, boots: known.boots + 1 }
    await files.save(identity)
    return { identity, roster: await meetAgain(around, identity, await files.loadRoster()) }
  }
  if (invite === undefined && (await files.isStale())) throw staleCopy(config.data)
  if (invite === undefined && (await files.hasLeft())) {
    const remedy = 'join with an invite, or choose another directory to make a new ring'
    throw new ThorError('NODE_LEFT', `the node of ${config.data} has left its ring; ${remedy}`)
  }
  const fresh = invite === undefined ? await found(around, config) : await join(around, config, invite)
  // Not before the ring has taken it.
  if (invite !== undefined) await files.clear()
  await files.saveRoster(fresh.roster)
  await files.save(fresh.identity)
  return fresh
}

/**
 * A node that was off for weeks knows no certificate of the others that is in force, and would refuse them all: it asks the
 * doors that it knows for those of now. Its own certificate must still be good.
 */
async function meetAgain(
  { clock, logger }: Surroundings,
  { key, ring, certificate }: Identity,
  saved: SavedRoster,
): Promise<SavedRoster> {
  const roster = new Roster({ clock }, { ring })
  roster.add(certificate)
  roster.take(saved)
  const self = nodeIdOf(key)
  const others = saved.members.filter(({ nodeId, state }) => nodeId !== self && state !== 'left')
  if (!roster.has(self) || others.length === 0 || others.some(({ nodeId }) => roster.has(nodeId))) return saved
  for (const { nodeId, services } of others) {
    if (services.admission === undefined) continue
    const door = { host: services.host, port: services.admission, nodeId }
    const standing = await askStanding({ clock }, { door, key, ring }).catch(() => undefined)
    if (standing?.type === 'revoked') roster.revoke(standing.revocation)
    if (standing?.type !== 'member') continue
    roster.take(standing.roster)
    return { ...roster.saved, members: standing.members.filter((member) => roster.has(member.nodeId)) }
  }
  const hint = 'if the whole ring was off for weeks, start all nodes once with --wake'
  logger.warn(`no certificate of another member is in force here, and no door answers: ${hint}`)
  return { ...roster.saved, members: saved.members }
}

/** The disk is behind what the others remember of this node: somebody put it back to an earlier state, or copied it. */
export function staleCopy(data: string, cause?: unknown): ThorError {
  const what = `${data} is an old copy: the other nodes remember a later state of this node, so it must not vote any more`
  const remedy = 'make an invite on another node ("thor-node invite") and start here with "thor-node join <invite>"'
  return new ThorError(
    'NODE_STALE_COPY',
    `${what}; ${remedy}: it joins as a new node and gets its data from the others`,
    {
      cause,
    },
  )
}

/**
 * The first node: makes the ring's root key, an issuer key of its own, and certifies itself. Nothing needs the root key file in
 * daily life but the making of issuers.
 */
async function found(
  { clock, random, files }: Surroundings,
  config: Config,
): Promise<{ identity: Identity; roster: SavedRoster }> {
  const key = generateNodeKey(random)
  const nodeId = nodeIdOf(key)
  const now = clock.wall()
  const root = createRoot()
  const issuer = createIssuer(root, nodeId, now)
  const certificate = signCertificate(issuer, {
    ringId: root.ringId,
    nodeId,
    placementId: newPlacementId(random),
    name: chooseName(config.name, []),
    roles: [...ROLES, ISSUER_ROLE],
    zone: config.zone,
    notBefore: now,
    notAfter: now + config.admission.certificateTtl,
  })
  await files.saveRoot(root)
  await files.saveIssuer({ issuer })
  return {
    identity: { key, ring: createRingIdentity(random, trustOf(root)), certificate, boots: 1, genesis: true },
    roster: { certificates: [certificate], issuers: [issuer.signed], revocations: [], members: [] },
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
    roster,
    members,
  } = await joinRing(
    { clock },
    { invite: parseInvite(text), key, zone: config.zone, ...(config.name && { name: config.name }) },
  )
  return {
    identity: { key, ring, certificate: signed, boots: 1, genesis: false },
    roster: { ...roster, members },
  }
}

function refuseForeign({ ring }: Identity, text: string, config: Config): void {
  const invite = parseInvite(text)
  if (Buffer.compare(invite.fingerprint, fingerprintOf(ring)) === 0) return
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

/** The zone is part of the certificate: what is set later does not count. `default` is what is set when nothing is. */
export function otherZone(wish: string, zone: string): string[] {
  if (wish === zone || wish === 'default') return []
  return [
    `This node is in zone ${zone}, not ${wish}: the zone stays as it was at the first start, or as the invite said. ` +
      'For another one take the node out ("thor-node leave") and join it anew.',
  ]
}

/** Said at each start while the key is there. */
export function rootNote(path: string | undefined): string[] {
  if (path === undefined) return []
  return [
    `The root key of the ring is in ${path}. When three nodes have joined, move it to a safe place off this machine.`,
  ]
}

import { join } from 'node:path'
import { type CallClosed, mergeClosed } from '@thor-node/accounting'
import { errorMessage, ThorError } from '@thor-node/core'
import {
  CachedDisk,
  GroupCommit,
  type IssuerState,
  LevelDisk,
  Libp2pPeerNet,
  nodeIdOf,
  Overlay,
  type PutOut,
  Roster,
  type SavedRoster,
  type ServiceAddresses,
  StandingCheck,
} from '@thor-node/overlay'
import { packageVersion } from '../cli/version.ts'
import type { Identity, IdentityFiles } from '../identity.ts'
import { staleCopy } from '../membership.ts'
import { putOutError } from '../put-out.ts'
import type { Context } from './context.ts'

export interface RingParts {
  disk: GroupCommit
  roster: Roster
  peers: Libp2pPeerNet
  overlay: Overlay
  /** Finds out why nobody takes this node's connections. */
  standing: StandingCheck
}

interface RingSurroundings {
  identity: Identity
  known: SavedRoster
  issuer: IssuerState
  files: IdentityFiles
  /** Certificates that expired while the whole ring slept count for an hour. */
  wake: boolean
  acceptOldCopy: boolean
}

const WAKE_MS = 3_600_000

/**
 * The ring's part of a node: disk, network, membership, records. Nothing is opened yet. `onFatal` is told when the node cannot
 * go on. Throws `NODE_REVOKED` or `NODE_EXPIRED` for a node that is no member any more.
 */
export function composeRing(
  { clock, random, logger, config }: Context,
  { identity, known, issuer, files, wake, acceptOldCopy }: RingSurroundings,
  onFatal: (error: Error) => void,
): RingParts {
  const level = new LevelDisk({ directory: join(config.data, 'records') })
  const disk = new GroupCommit(
    { disk: new CachedDisk({ disk: level }) },
    {
      onFatal: (cause) =>
        onFatal(new ThorError('NODE_DISK_FAILED', `the disk failed: ${errorMessage(cause)}`, { cause })),
    },
  )
  const roster = new Roster({ clock }, { ring: identity.ring, lenientUntil: wake ? clock.wall() + WAKE_MS : 0 })
  roster.add(identity.certificate)
  roster.take(known)
  const self = nodeIdOf(identity.key)
  const name = (nodeId: string): string => roster.get(nodeId)?.name ?? nodeId
  const putOut = ({ by, ...out }: PutOut): ThorError =>
    putOutError({ ...out, by: by && name(by) }, { data: config.data, now: clock.wall() })
  const revocation = roster.revocationOf(self)?.revocation
  if (revocation) throw putOut({ ...revocation, why: 'revoked' })
  if (!roster.has(self)) throw putOut({ why: 'expired' })
  const peers = new Libp2pPeerNet(
    { clock, random, log: logger },
    {
      key: identity.key,
      listen: { host: config.address, port: config.cluster.port },
      isMember: (nodeId) => roster.has(nodeId),
    },
  )
  const services: ServiceAddresses = { host: config.address, cluster: config.cluster.port }
  const overlay = new Overlay(
    {
      clock,
      random,
      logger,
      disk,
      peers,
      roster,
      findAddresses: (nodeId) => peers.findAddresses(nodeId),
      saveRoster: (saved) => files.saveRoster(saved),
      space: () => level.space(),
      onStale: (by) => {
        const fail = (cause?: unknown): void => onFatal(staleCopy(config.data, cause ?? name(by)))
        files.markStale().then(() => fail(), fail)
      },
      root: () => files.loadRoot(),
      saveIssuer: (state) => files.saveIssuer(state),
      onPutOut: (out) => onFatal(putOut(out)),
    },
    {
      genesis: identity.genesis,
      bootCounter: identity.boots,
      acceptOldCopy,
      version: packageVersion(),
      weight: config.weight,
      profile: config.cluster.profile,
      services,
      known: known.members,
      issuer,
      certificateMs: config.admission.certificateTtl,
      choose: chooseRecord,
      copyBytesPerSecond: config.cluster.copyRate * 1_000_000,
    },
  )
  const standing = new StandingCheck(
    { clock, random, log: logger, peers, members: overlay.members, roster },
    { key: identity.key },
  )
  return { disk, roster, peers, overlay, standing }
}

/** Of several ends of one call the best informed one counts; other records have one body only. */
function chooseRecord(name: string, bodies: readonly unknown[]): unknown {
  return name.endsWith('/stop') ? mergeClosed(bodies as CallClosed[]) : bodies[0]
}

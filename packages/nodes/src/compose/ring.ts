import { join } from 'node:path'
import { type CallClosed, mergeClosed } from '@thor-node/accounting'
import { errorMessage, ThorError } from '@thor-node/core'
import {
  GroupCommit,
  LevelDisk,
  Libp2pPeerNet,
  Overlay,
  Roster,
  type SavedRoster,
  type ServiceAddresses,
  verifyCertificate,
} from '@thor-node/overlay'
import { packageVersion } from '../cli/version.ts'
import type { Identity, IdentityFiles } from '../identity.ts'
import type { Context } from './context.ts'

export interface RingParts {
  disk: GroupCommit
  roster: Roster
  peers: Libp2pPeerNet
  overlay: Overlay
}

/** The ring's part of a node: disk, network, membership, records. Nothing is opened yet. */
export function composeRing(
  { clock, random, logger, config }: Context,
  { identity, known, files }: { identity: Identity; known: SavedRoster; files: IdentityFiles },
  onDiskFailure: (error: Error) => void,
): RingParts {
  const disk = new GroupCommit(
    { disk: new LevelDisk({ directory: join(config.data, 'records') }) },
    {
      onFatal: (cause) =>
        onDiskFailure(new ThorError('NODE_DISK_FAILED', `the disk failed: ${errorMessage(cause)}`, { cause })),
    },
  )
  const roster = new Roster((signed) => verifyCertificate(identity.ring, signed, clock.wall()))
  for (const certificate of [identity.certificate, ...known.certificates]) roster.add(certificate)
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
    },
    {
      genesis: identity.genesis,
      bootCounter: identity.boots,
      version: packageVersion(),
      weight: config.weight,
      services,
      known: known.members,
      choose: chooseRecord,
      copyBytesPerSecond: config.cluster.copyRate * 1_000_000,
    },
  )
  return { disk, roster, peers, overlay }
}

/** Of several ends of one call the best informed one counts; other records have one body only. */
function chooseRecord(name: string, bodies: readonly unknown[]): unknown {
  return name.endsWith('/stop') ? mergeClosed(bodies as CallClosed[]) : bodies[0]
}

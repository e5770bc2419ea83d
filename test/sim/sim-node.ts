import type { Disk, DiskOperation } from '@thor-node/core'
import type { SimDisk } from '@thor-node/core/testing'
import type { Certificate, GroupCommit, Member, Overlay, SavedRoster } from '@thor-node/overlay'
import type { NodeClock } from './node-clock.ts'

export interface SimNode {
  readonly index: number
  readonly certificate: Certificate
  readonly disk: SimDisk
  boots: number
  /** Certificates and revocations, as its disk has them. */
  saved: SavedRoster | undefined
  clock: NodeClock
  overlay: Overlay | undefined
  /** What its overlay writes through. */
  commit?: GroupCommit
  /** Started and not crashed. */
  up: boolean
  /** Its place in the ring; `lost` with its disk, `revoked` by an issuer. */
  state: 'spare' | 'member' | 'left' | 'lost' | 'revoked'
  leaving: boolean
  pauses: number
}

/** A disk that tells what it is asked to write, and what it has acknowledged. */
export function watched(
  disk: Disk,
  onWriting: (operations: readonly DiskOperation[]) => void,
  onWritten: (operations: readonly DiskOperation[]) => void,
): Disk {
  return {
    ...disk,
    batch: async (operations, options) => {
      onWriting(operations)
      await disk.batch(operations, options)
      onWritten(operations)
    },
  }
}

export function memberOf({ index, certificate }: SimNode): Member {
  const { nodeId, name, placementId, zone, roles } = certificate
  return {
    nodeId,
    name,
    placementId,
    zone,
    roles,
    weight: 1,
    version: '0',
    services: { host: `127.9.0.${index + 1}`, cluster: 4000 },
    state: 'alive',
    incarnation: 0,
    serving: false,
    startedAt: 0,
  }
}

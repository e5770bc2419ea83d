/** What `Membership` works with, and what it is told at its start. */
import type { Clock, Logger, Random } from '@thor-node/core'
import type { Certificate } from '../admission/certificate.ts'
import type { NodeId, PeerNet } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import type { PeerEvents } from '../rpc/rpc.ts'
import type { Member, ServiceAddresses } from './contract.ts'
import type { Roster } from './roster.ts'
import type { SavedRoster } from './roster-keeper.ts'
import type { MembershipSettings } from './settings.ts'

export interface MembershipComponents {
  peers: PeerNet
  /** Over `peers`. */
  rpc: Rpc & PeerEvents
  roster: Roster
  clock: Clock
  random: Random
  log: Logger
  /** See `Mesh`; `Libp2pPeerNet` has it. */
  findAddresses?(nodeId: NodeId): Promise<string[]>
  /** Called, soon, after certificates or members' addresses changed: to be kept on disk for the next start. */
  saveRoster?(saved: SavedRoster): void | Promise<void>
}

export interface MembershipInit {
  /** The certificate of this node; it must be in the roster. */
  certificate: Certificate
  /** Above all that this node ever used: boot counter × 2^20. */
  incarnation: number
  version: string
  weight?: number
  services: ServiceAddresses
  /** Members as they were before the restart, or as the door handed them out. */
  known?: readonly Member[]
  /** @default false */
  serving?: boolean
  settings?: Partial<MembershipSettings>
}

/** The member that a node is at its start. */
export function selfOf(init: MembershipInit, startedAt: number): Member {
  const { nodeId, name, placementId, zone, roles } = init.certificate
  return {
    nodeId,
    name,
    placementId,
    zone,
    roles,
    weight: init.weight ?? 1,
    version: init.version,
    services: init.services,
    state: 'alive',
    incarnation: init.incarnation,
    serving: init.serving ?? false,
    startedAt,
  }
}

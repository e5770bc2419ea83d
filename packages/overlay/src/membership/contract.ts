import type { NodeId } from '../peers.ts'

/** `alive` and `suspect` nodes are live: they keep their ranges; a suspect gets no new work while others can do it. */
export type MemberState = 'alive' | 'suspect' | 'dead' | 'left'

/** Where a node serves its users: what DNS, SIP and status need to know of it. Absent = not served there. */
export interface ServiceAddresses {
  /** The address that others use to reach the node, a literal IP. */
  host: string
  /** A second one, IPv6. */
  host6?: string
  sipUdp?: number
  sipTcp?: number
  sipTls?: number
  sipWs?: number
  sipWss?: number
  dns?: number
  soap?: number
  /** libp2p */
  cluster: number
  /** The door for new members. */
  admission?: number
}

/** What is wrong with a node, as it says of itself. It goes on, but ranks after healthy ones for home. */
export const TROUBLES = ['slow-disk', 'full-disk', 'wrong-clock'] as const
export type Trouble = (typeof TROUBLES)[number]

export interface Member {
  nodeId: NodeId
  /** Short, readable and unique in the ring (`n1`): for status, logs and host names in DNS. */
  name: string
  /** 128 random bits (hex) that the ring drew for this node: its virtual ids on the ring follow from it. */
  placementId: string
  zone: string
  weight: number
  roles: readonly string[]
  version: string
  services: ServiceAddresses
  state: MemberState
  /** Grows with each restart and each refutation; the higher is the newer news. */
  incarnation: number
  /** False until it has caught up and while it drains: gets no new work and is not in DNS answers. */
  serving: boolean
  /** Absent: none. */
  troubles?: readonly Trouble[]
  /** Epoch milliseconds. */
  startedAt: number
}

export interface MemberChange {
  member: Member
  /** Undefined when the node was unknown. */
  previous: Member | undefined
}

/** Everybody's view of everybody, by gossip. Never the basis of a quorum. */
export interface Members {
  readonly self: Member
  list(): readonly Member[]
  get(nodeId: NodeId): Member | undefined
  /** alive, or suspect. Self is always live. */
  isLive(nodeId: NodeId): boolean
  /** Returns a function that ends the subscription. */
  onChange(listener: (change: MemberChange) => void): () => void
}

/** What can be asked of a node about who is refused and who is trusted. Part of `NodeOperations`. */
import type { Peer } from '@thor-node/sip'

export interface BlockView {
  /** An IP address, the /64 of an IPv6 address, or an account. */
  name: string
  cause: 'failed-logins' | 'scanner' | 'operator'
  /** Epoch milliseconds. */
  since: number
  secondsLeft: number
  /** It gets no answers. */
  silent: boolean
  /** Requests of it that this node refused. */
  refused: number
}

export interface PeerAddQuery {
  name: string
  /** `192.0.2.7`, `198.51.100.0/24`, `2001:db8::/32` */
  prefixes: string[]
  /** Domains of verified TLS certificates. */
  tlsNames: string[]
  /** 0: any number. */
  callsMax: number
  callsPerSecond: number
  relay: boolean
  domain?: string
  account?: string
}

export interface PeerView extends Peer {
  /** Epoch milliseconds. */
  changedAt: number
  /** Of the whole ring, now. */
  calls: number
}

export interface GuardContract {
  peerList(): Promise<{ peers: PeerView[] }>
  /** Adds a trusted peer, or replaces the one of that name. Rejects with `NODE_PEERS_FULL`. */
  peerAdd(query: PeerAddQuery): Promise<{ peer: string }>
  /** Rejects with `NODE_PEER_UNKNOWN`. */
  peerRemove(query: { name: string }): Promise<{ removed: string }>
  /** Blocks of the whole ring; counts are of the node that was asked. */
  guardList(): Promise<{ blocks: BlockView[] }>
  /** Ends a block on all nodes. Rejects with `NODE_NOT_BLOCKED`. */
  guardUnblock(query: { name: string }): Promise<{ unblocked: string }>
  /** Blocks a source or an account on all nodes, for the time of a first block. */
  guardBlock(query: { name: string }): Promise<{ blocked: string }>
}

import type { Lifecycle } from '@thor-node/core'

/** The public key of a node as libp2p writes it (`12D3KooW…`): its name for the cluster, kept on its disk. */
export type NodeId = string

/**
 * What the ring needs from a network: authenticated, encrypted frames between members, and news of who is connected.
 * `kad/` implements it with libp2p, `core/testing` and `test/sim` with an in-memory twin. Frames of one pair arrive in order
 * while a connection lasts; what was in flight when it breaks is lost.
 */
export interface PeerNet extends Lifecycle {
  readonly self: NodeId
  /** Connects, or does nothing when connected. Throws `OVERLAY_UNREACHABLE` (nobody answers), `OVERLAY_REFUSED` (somebody refuses). */
  connect(peer: NodeId, addresses: readonly string[]): Promise<void>
  disconnect(peer: NodeId): Promise<void>
  isConnected(peer: NodeId): boolean
  /** False when there is no connection or too much waits to be sent to that peer; the frame is then dropped. */
  send(to: NodeId, frame: Uint8Array): boolean
  /** Bytes that wait to be sent to that peer, as far as this is known; 0 without a connection. */
  backlogBytes?(to: NodeId): number
  /** Set once, before `start`. */
  listener: PeerListener | undefined
}

export interface PeerListener {
  onFrame(from: NodeId, frame: Uint8Array): void
  onConnected(peer: NodeId): void
  onDisconnected(peer: NodeId): void
}

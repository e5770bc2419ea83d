import type { Address, TlsContext, TlsServerInit } from '@thor-node/core'
import type { SipMessage } from '../message/contract.ts'

export type TransportName = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'
/** Transports that have connections. */
export type StreamName = Exclude<TransportName, 'udp'>

/**
 * Names the path on which a peer can be reached from this node: for UDP the two addresses, for streams the connection.
 * Opaque text of ≤ 80 URI-safe characters; only the node that made it can use it (another node may, for UDP, try the remote address).
 */
export type FlowToken = string

/** Where a message came from, and so where its answer goes. */
export interface Source {
  transport: TransportName
  remote: Address
  local: Address
  flow: FlowToken
  /** Of a datagram: the listen point that it reached. */
  point?: number
  /** Domains for which the certificate of the peer stands, checked against the authorities trusted here (RFC 5922 §7.1). */
  peerDomains?: readonly string[]
}

/**
 * Where to send: an existing flow, or an address to send to or connect to. Over TLS the peer must show a certificate of
 * `domain`, the one that was looked up (RFC 5922 §7.3); of its address where there is none. Nobody is connected to over WebSocket.
 * Datagrams leave from the listen `point`, else from one that reaches the address.
 */
export type Destination =
  | { flow: FlowToken }
  | { transport: TransportName; remote: Address; domain?: string; point?: number }

/** Certificates as the transports use them. They are asked for at each handshake, so they may change at any time. */
export interface TlsCredentials {
  readonly server: TlsServerInit
  client(): {
    context: TlsContext
    /** False: connections are made to peers with any certificate. */
    verify: boolean
  }
}

/**
 * All sockets of SIP. Receives bytes, frames, parses, answers what is no SIP itself (keep-alives: CRLF CRLF on streams and
 * datagrams), stamps `received` and `rport` on requests (RFC 3261 §18.2.1, RFC 3581), sends. Oversized, unframeable and
 * unparseable input is counted and dropped, or answered 400 where a response can be made.
 */
export interface TransportLayer {
  start(): Promise<void>
  stop(): Promise<void>
  /** Bound addresses with the host name to put into Via and Contact. */
  readonly listening: readonly { transport: TransportName; local: Address }[]
  /** Rejects with `SIP_FLOW_GONE` when the flow is closed or not of this node, else with `SIP_TRANSPORT_FAILED`. */
  send(message: SipMessage, to: Destination): Promise<void>
  /** A message that is bytes already, as another node composed it, say. Rejects as `send` does. */
  sendBytes(bytes: Uint8Array, to: Destination): Promise<void>
  /** The remote address of a flow token, readable by any node. */
  remoteOf(flow: FlowToken): { transport: TransportName; remote: Address } | undefined
  isOpen(flow: FlowToken): boolean
  onMessage: ((message: SipMessage, source: Source) => void) | undefined
  onFlowClosed: ((flow: FlowToken) => void) | undefined
  snapshot(): Record<string, unknown>
}

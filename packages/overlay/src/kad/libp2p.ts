import { noise } from '@chainsafe/libp2p-noise'
import { identify } from '@libp2p/identify'
import type { ConnectionGater, Libp2p, Listener, PeerId } from '@libp2p/interface'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { type Address, formatAddress } from '@thor-node/core'
import { createLibp2p } from 'libp2p'
import { netLimits } from '../limits.ts'
import type { InboundLimit } from './inbound.ts'
import { libp2pKey, type NodeKey } from './node-key.ts'

export const RING_PROTOCOL = '/thor/ring/1.0.0'
const KAD_PROTOCOL = '/thor/kad/1.0.0'
/** Sockets of the mesh are quiet only when the peer is gone, and then the failure detector knows first. */
const SOCKET_IDLE_MS = 24 * 3600 * 1000

export interface Libp2pInit {
  key: NodeKey
  listen: Address
  /** What others are told to dial, when it is not what this node binds. */
  announce?: Address
  isMember(nodeId: string): boolean
  /** @default netLimits.handshakeTimeoutMs */
  handshakeTimeoutMs?: number
}

export function toMultiaddr(address: Address): string {
  return `/${address.host.includes(':') ? 'ip6' : 'ip4'}/${address.host}/tcp/${address.port}`
}

/** `host:port` of a multiaddr with an IP address and a TCP port, else undefined. */
export function fromMultiaddr(text: string): string | undefined {
  const match = /^\/ip[46]\/([^/]+)\/tcp\/(\d+)/.exec(text)
  return match ? formatAddress({ host: match[1] as string, port: Number(match[2]) }) : undefined
}

/**
 * libp2p with TCP, Noise, yamux, and kad-dht as a server under a protocol id of our own. Strangers are cut right after the
 * Noise handshake, before any muxer runs. Its own liveness monitor is off: membership decides who is alive.
 */
export function createNode(init: Libp2pInit, inbound: InboundLimit): Promise<Libp2p> {
  const denyStranger = (peer: PeerId): boolean => !init.isMember(peer.toString())
  const connectionGater: ConnectionGater = {
    denyInboundConnection: ({ remoteAddr }) => inbound.isTooMany(fromMultiaddr(remoteAddr.toString())),
    denyDialPeer: denyStranger,
    denyInboundEncryptedConnection: denyStranger,
    denyOutboundEncryptedConnection: denyStranger,
  }
  return createLibp2p({
    start: false,
    privateKey: libp2pKey(init.key),
    addresses: {
      listen: [toMultiaddr(init.listen)],
      ...(init.announce ? { announce: [toMultiaddr(init.announce)] } : {}),
    },
    transports: [
      tcp({ inboundSocketInactivityTimeout: SOCKET_IDLE_MS, outboundSocketInactivityTimeout: SOCKET_IDLE_MS }),
    ],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { inactivityTimeout: SOCKET_IDLE_MS } })],
    connectionGater,
    connectionManager: {
      inboundConnectionThreshold: 1000,
      maxIncomingPendingConnections: netLimits.handshakesMax,
      dialTimeout: netLimits.dialTimeoutMs,
      inboundUpgradeTimeout: init.handshakeTimeoutMs ?? netLimits.handshakeTimeoutMs,
      reconnectRetries: 0,
    },
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      ping: ping(),
      dht: kadDHT({
        protocol: KAD_PROTOCOL,
        clientMode: false,
        peerInfoMapper: passthroughMapper,
        allowQueryWithZeroPeers: false,
        initialQuerySelfInterval: 500,
        querySelfInterval: 60_000,
        // No platform data is kept in the DHT: every record is refused.
        validators: {
          thor: () => {
            throw new Error('this ring keeps no records in its DHT')
          },
        },
        selectors: { thor: () => 0 },
      }),
    },
  })
}

interface Listening {
  transportManager: { listen(addresses: Multiaddr[]): Promise<void>; getListeners(): Listener[] }
}

/** Listens at another address; the old one is closed, with what came in through it. Throws what listening throws. */
export async function listenElsewhere(node: Libp2p, address: Address): Promise<void> {
  const { transportManager } = (node as Libp2p & { components: Listening }).components
  const old = transportManager.getListeners()
  await transportManager.listen([multiaddr(toMultiaddr(address))])
  await Promise.allSettled(old.map((listener) => listener.close()))
}

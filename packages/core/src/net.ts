import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { ThorError } from './errors.ts'
import { batchedUdp } from './net-batch.ts'
import { bindError } from './net-error.ts'
import { streamConnect, streamListen } from './net-stream.ts'
import type { TlsClientInit, TlsPeer, TlsServerInit } from './net-tls.ts'
import type { WebInit } from './net-web.ts'

/** An IP address and a port number. `host` is a literal address, never a name. */
export interface Address {
  host: string
  port: number
}

export const formatAddress = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`

export interface UdpSocket {
  readonly local: Address
  /** Fire and forget; errors of the network are dropped as the network would. */
  send(bytes: Uint8Array, to: Address): void
  close(): Promise<void>
}

export type UdpListener = (bytes: Buffer, from: Address) => void

export interface TcpConnection {
  readonly local: Address
  readonly remote: Address
  /** The certificate that the peer showed, where it did (TLS). */
  readonly peer?: TlsPeer
  /** False when more than `highWaterBytes` wait to be sent; the caller then stops or drops. */
  write(bytes: Uint8Array): boolean
  /** Stops and restarts reading: back-pressure towards the peer. */
  pause(): void
  resume(): void
  /** Sends what waits, then closes. */
  end(): void
  /** Closes at once. */
  destroy(): void
  onData(fn: (bytes: Buffer) => void): void
  /** Exactly once, whoever closed. */
  onClose(fn: (error?: Error) => void): void
  onDrain(fn: () => void): void
  /** WebSocket alone: asks the peer for a sign of life; `onPong` is told when it comes. */
  ping?(): void
  onPong?(fn: () => void): void
}

export interface TcpListener {
  readonly local: Address
  close(): Promise<void>
}

export interface ListenOptions {
  /** TLS on each connection; `onConnection` is called when the handshake is done. */
  tls?: TlsServerInit
  /** WebSocket on each connection (over TLS, where that is given too): `write` and `onData` carry whole messages then. */
  web?: WebInit
  /**
   * Asked for every peer that connects, before any handshake: undefined closes the connection at once, else what is returned is
   * called when it has closed.
   */
  admit?(remote: Address): (() => void) | undefined
  /** A connection whose handshakes (TLS, WebSocket) take longer is closed. @default 10,000 */
  handshakeMs?: number
}

export interface ConnectOptions {
  localHost?: string
  /** With the TLS handshake. @default 5,000 */
  timeoutMs?: number
  tls?: TlsClientInit
}

export interface UdpOptions {
  /** What comes may wait a millisecond while much comes: it then costs less. @default false */
  patient?: boolean
  /**
   * Of what waits, about so many datagrams are taken in one turn of the event loop; others of the thread have theirs then. Less is for
   * who is to give way to them.
   *
   * @default 512
   */
  perTurn?: number
}

/** Sockets as an argument. All binds throw ThorError `NET_ADDRESS_IN_USE`, `NET_PERMISSION`, `NET_ADDRESS_UNKNOWN`. */
export interface Net {
  udp(bind: Address, onMessage: UdpListener, options?: UdpOptions): Promise<UdpSocket>
  listen(
    bind: Address,
    onConnection: (connection: TcpConnection) => void,
    options?: ListenOptions,
  ): Promise<TcpListener>
  /** Rejects with `NET_UNREACHABLE`, or `NET_TLS_UNTRUSTED` when the peer is not who it should be. */
  connect(to: Address, options?: ConnectOptions): Promise<TcpConnection>
}

const UDP_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

/** One system call for each datagram: where `batchedUdp` cannot be had. */
export function plainUdp(bind: Address, onMessage: UdpListener): Promise<UdpSocket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: bind.host.includes(':') ? 'udp6' : 'udp4',
      recvBufferSize: UDP_RECEIVE_BUFFER_BYTES,
      // Addresses are literal, so each datagram is spared its way through the resolver.
      lookup: (host, _options, callback) => callback(null, host, isIPv6(host) ? 6 : 4),
    })
    let closed: Promise<void> | undefined
    socket.once('error', (error) => reject(bindError(error, 'udp', bind)))
    socket.bind(bind.port, bind.host, () => {
      socket.removeAllListeners('error')
      socket.on('error', () => undefined)
      socket.on('message', (bytes, from) => onMessage(bytes, { host: from.address, port: from.port }))
      const bound = socket.address()
      resolve({
        local: { host: bound.address, port: bound.port },
        send(bytes, to) {
          // Node throws at ports that no datagram can go to; they come from outside.
          if (!closed && to.port > 0 && to.port < 65_536) socket.send(bytes, to.port, to.host, () => undefined)
        },
        close() {
          closed ??= new Promise((done) => socket.close(() => done()))
          return closed
        },
      })
    })
  })
}

async function systemUdp(bind: Address, onMessage: UdpListener, options?: UdpOptions): Promise<UdpSocket> {
  try {
    return (await batchedUdp(bind, onMessage, UDP_RECEIVE_BUFFER_BYTES, options)) ?? (await plainUdp(bind, onMessage))
  } catch (error) {
    throw error instanceof ThorError ? error : bindError(error as NodeJS.ErrnoException, 'udp', bind)
  }
}

export const systemNet: Net = { udp: systemUdp, listen: streamListen, connect: streamConnect }

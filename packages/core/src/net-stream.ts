/** Streams over the sockets of the system: TCP, TLS on it, WebSocket on either. */
import { createServer, type Server, type Socket, connect as tcpConnect } from 'node:net'
import { systemClock, type Timer } from './clock.ts'
import { ThorError } from './errors.ts'
import type { Address, ConnectOptions, ListenOptions, TcpConnection, TcpListener } from './net.ts'
import { formatAddress } from './net.ts'
import { bindError } from './net-error.ts'
import { peerOf, type TlsPeer, tlsAcceptor, tlsConnect, trustFailure } from './net-tls.ts'
import { webAcceptor } from './net-web.ts'

const HANDSHAKE_MS = 10_000
const CONNECT_MS = 5_000

/** Bytes of a socket as they come and go. Nodes have tens of thousands: methods that all share, no functions of its own. */
export class StreamConnection implements TcpConnection {
  readonly local: Address
  readonly remote: Address
  readonly peer?: TlsPeer
  readonly #socket: Socket
  #failure: Error | undefined

  constructor(socket: Socket, peer?: TlsPeer) {
    this.#socket = socket
    this.local = { host: socket.localAddress ?? '', port: socket.localPort ?? 0 }
    this.remote = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
    if (peer) this.peer = peer
    socket.setNoDelay(true)
    socket.on('error', (error) => {
      this.#failure = error
    })
  }

  write(bytes: Uint8Array): boolean {
    return !this.#socket.destroyed && this.#socket.write(bytes)
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  onData(fn: (bytes: Buffer) => void): void {
    this.#socket.on('data', fn)
  }

  onClose(fn: (error?: Error) => void): void {
    if (this.#socket.destroyed) queueMicrotask(() => fn(this.#failure))
    else this.#socket.once('close', () => fn(this.#failure))
  }

  onDrain(fn: () => void): void {
    this.#socket.on('drain', fn)
  }
}

/** What is done with a socket that was accepted, until it is a connection: `done` stops the clock of the handshakes. */
function acceptorOf(
  onConnection: (connection: TcpConnection) => void,
  { tls, web }: ListenOptions,
  done: (socket: Socket) => void,
): (socket: Socket) => void {
  const finished = (connection: TcpConnection, socket: Socket): void => {
    done(socket)
    onConnection(connection)
  }
  if (web) {
    const upgrade = webAcceptor(web, finished)
    return tls ? onceItSpeaks(tlsAcceptor(tls, false, upgrade)) : upgrade
  }
  if (!tls) return (socket) => finished(new StreamConnection(socket), socket)
  return onceItSpeaks(
    tlsAcceptor(tls, true, (secure) => finished(new StreamConnection(secure, peerOf(secure)), secure)),
  )
}

/**
 * TLS takes over a socket together with what came first, its ClientHello. Node.js keeps what it reads for TLS in a buffer for each
 * connection that is made for the first bytes and stays: as large as those that it was handed, 1 KiB at least, or 64 KiB where it
 * read them itself (`NodeBIO`). What is longer than it adds one of 16 KiB.
 */
function onceItSpeaks(accept: (socket: Socket) => void): (socket: Socket) => void {
  return (socket) =>
    void socket.once('data', (first: Buffer) => {
      socket.pause()
      socket.unshift(first)
      accept(socket)
    })
}

export function streamListen(
  bind: Address,
  onConnection: (connection: TcpConnection) => void,
  options: ListenOptions = {},
): Promise<TcpListener> {
  const { admit, handshakeMs = HANDSHAKE_MS } = options
  return new Promise((resolve, reject) => {
    const open = new Set<Socket>()
    // By port pairs: TLS wraps the socket that was accepted in another object.
    const waiting = new Map<string, Timer>()
    const keyOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`
    const done = (socket: Socket): void => {
      const key = keyOf(socket)
      waiting.get(key)?.cancel()
      waiting.delete(key)
    }
    const accept = acceptorOf(onConnection, options, done)
    const server: Server = createServer((socket) => {
      const release = admit?.({ host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 })
      if (admit && !release) {
        socket.destroy()
        return
      }
      open.add(socket)
      const key = keyOf(socket)
      if (options.tls || options.web)
        waiting.set(
          key,
          systemClock.after(handshakeMs, () => socket.destroy()),
        )
      socket.on('error', () => undefined)
      socket.once('close', () => {
        open.delete(socket)
        waiting.get(key)?.cancel()
        waiting.delete(key)
        release?.()
      })
      accept(socket)
    })
    server.once('error', (error) => reject(bindError(error, 'tcp', bind)))
    server.listen(bind.port, bind.host, () => {
      server.removeAllListeners('error')
      server.on('error', () => undefined)
      const bound = server.address() as { address: string; port: number }
      let closed: Promise<void> | undefined
      resolve({
        local: { host: bound.address, port: bound.port },
        close() {
          closed ??= new Promise((closing) => {
            server.close(() => closing())
            for (const socket of open) socket.destroy()
          })
          return closed
        },
      })
    })
  })
}

export function streamConnect(to: Address, options: ConnectOptions = {}): Promise<TcpConnection> {
  const { localHost, timeoutMs = CONNECT_MS, tls } = options
  return new Promise((resolve, reject) => {
    const target = { host: to.host, port: to.port, localAddress: localHost }
    const socket = tls ? tlsConnect(target, tls) : tcpConnect(target)
    const fail = (error: Error, code = 'NET_UNREACHABLE'): void => {
      socket.destroy()
      const what = `cannot connect to ${tls ? 'tls' : 'tcp'} ${formatAddress(to)}: ${error.message}`
      reject(new ThorError(code, what, { cause: error }))
    }
    // A clock of our own: that of the socket begins anew with each byte of the handshake.
    const limit = systemClock.after(timeoutMs, () => fail(new Error(`no answer in ${timeoutMs} ms`)))
    const failed = (error: Error): void => {
      limit.cancel()
      fail(error)
    }
    socket.once('error', failed)
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      limit.cancel()
      socket.removeListener('error', failed)
      const peer = tls && peerOf(socket)
      const untrusted = tls && trustFailure(tls, peer)
      if (untrusted) {
        socket.on('error', () => undefined)
        fail(new Error(untrusted), 'NET_TLS_UNTRUSTED')
      } else resolve(new StreamConnection(socket, peer))
    })
  })
}

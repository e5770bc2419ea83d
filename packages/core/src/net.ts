import { createSocket } from 'node:dgram'
import { createServer, isIPv6, type Server, type Socket, connect as tcpConnect } from 'node:net'
import { ThorError } from './errors.ts'

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
}

export interface TcpListener {
  readonly local: Address
  close(): Promise<void>
}

/** Sockets as an argument. All binds throw ThorError `NET_ADDRESS_IN_USE`, `NET_PERMISSION`, `NET_ADDRESS_UNKNOWN`. */
export interface Net {
  udp(bind: Address, onMessage: UdpListener): Promise<UdpSocket>
  listen(bind: Address, onConnection: (connection: TcpConnection) => void): Promise<TcpListener>
  connect(to: Address, options?: { localHost?: string; timeoutMs?: number }): Promise<TcpConnection>
}

const bindErrors: Record<string, [code: string, remedy: string]> = {
  EADDRINUSE: ['NET_ADDRESS_IN_USE', 'another program uses it; stop that program or choose another port'],
  EACCES: ['NET_PERMISSION', 'ports below 1024 need root or CAP_NET_BIND_SERVICE'],
  EADDRNOTAVAIL: ['NET_ADDRESS_UNKNOWN', 'this machine does not have that address'],
}

/** What a failed bind becomes: a ThorError that says what to do. */
export function bindError(error: NodeJS.ErrnoException, protocol: 'udp' | 'tcp', bind: Address): ThorError {
  const [code, remedy] = bindErrors[error.code ?? ''] ?? ['NET_FAILED', error.message]
  return new ThorError(code, `cannot bind ${protocol} ${formatAddress(bind)}: ${remedy}`, { cause: error })
}

const UDP_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

function systemUdp(bind: Address, onMessage: UdpListener): Promise<UdpSocket> {
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
          if (!closed) socket.send(bytes, to.port, to.host, () => undefined)
        },
        close() {
          closed ??= new Promise((done) => socket.close(() => done()))
          return closed
        },
      })
    })
  })
}

function systemConnection(socket: Socket): TcpConnection {
  socket.setNoDelay(true)
  let failure: Error | undefined
  socket.on('error', (error) => {
    failure = error
  })
  return {
    local: { host: socket.localAddress ?? '', port: socket.localPort ?? 0 },
    remote: { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    write: (bytes) => !socket.destroyed && socket.write(bytes),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    onData: (fn) => void socket.on('data', fn),
    onClose: (fn) =>
      void (socket.destroyed ? queueMicrotask(() => fn(failure)) : socket.once('close', () => fn(failure))),
    onDrain: (fn) => void socket.on('drain', fn),
  }
}

function systemListen(bind: Address, onConnection: (connection: TcpConnection) => void): Promise<TcpListener> {
  return new Promise((resolve, reject) => {
    const open = new Set<Socket>()
    const server: Server = createServer((socket) => {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
      onConnection(systemConnection(socket))
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
          closed ??= new Promise((done) => {
            server.close(() => done())
            for (const socket of open) socket.destroy()
          })
          return closed
        },
      })
    })
  })
}

function systemConnect(to: Address, options: { localHost?: string; timeoutMs?: number } = {}): Promise<TcpConnection> {
  const { localHost, timeoutMs = 5_000 } = options
  return new Promise((resolve, reject) => {
    const socket = tcpConnect({ host: to.host, port: to.port, localAddress: localHost })
    const fail = (error: Error): void => {
      socket.destroy()
      reject(
        new ThorError('NET_UNREACHABLE', `cannot connect to tcp ${formatAddress(to)}: ${error.message}`, {
          cause: error,
        }),
      )
    }
    socket.setTimeout(timeoutMs, () => fail(new Error(`no answer in ${timeoutMs} ms`)))
    socket.once('error', fail)
    socket.once('connect', () => {
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      socket.removeListener('error', fail)
      resolve(systemConnection(socket))
    })
  })
}

export const systemNet: Net = { udp: systemUdp, listen: systemListen, connect: systemConnect }

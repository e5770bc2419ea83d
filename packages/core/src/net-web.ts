/** WebSocket (RFC 6455) on sockets of the system, through `ws`: a message is what `write` was given and `onData` gives. */
import { isUtf8 } from 'node:buffer'
import { createServer, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import type { TcpConnection } from './net.ts'

export interface WebInit {
  /** The subprotocol that a client must offer, and gets. */
  protocol: string
  /** May a page of that origin connect? Clients that are no browsers name none. */
  acceptsOrigin(origin: string | undefined): boolean
  /** A longer message ends the connection (1009). */
  messageBytesMax: number
}

type OnWeb = (connection: TcpConnection, socket: Socket) => void

/** Heads of upgrade requests; longer ones are answered 431. */
const HEADER_BYTES_MAX = 8 * 1024

/** Gives each socket an upgrade; what does not ask for one, or for another protocol or from a strange page, is refused. */
export function webAcceptor(init: WebInit, onWeb: OnWeb): (socket: Socket) => void {
  const { protocol, messageBytesMax } = init
  const upgrades = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: messageBytesMax,
    handleProtocols: () => protocol,
  })
  const server = createServer({ maxHeaderSize: HEADER_BYTES_MAX }, (_, response) => {
    response.writeHead(426, { Connection: 'close', Upgrade: 'websocket' }).end()
  })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const status = refusal(request, init)
    if (status) {
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    upgrades.handleUpgrade(request, socket, head, (web) => onWeb(webConnection(web, socket), socket))
  })
  server.on('clientError', (_, socket) => void socket.destroy())
  return (socket) => void server.emit('connection', socket)
}

function refusal({ headers }: IncomingMessage, { protocol, acceptsOrigin }: WebInit): string | undefined {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim().toLowerCase())
  if (!offered.includes(protocol)) return '400 Bad Request'
  return acceptsOrigin(headers.origin) ? undefined : '403 Forbidden'
}

function webConnection(web: WebSocket, socket: Socket): TcpConnection {
  socket.setNoDelay(true)
  let failure: Error | undefined
  web.on('error', (error) => {
    failure = error
  })
  return {
    local: { host: socket.localAddress ?? '', port: socket.localPort ?? 0 },
    remote: { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    write(bytes) {
      if (web.readyState !== web.OPEN) return false
      // Text is what browsers' libraries know best; a body that is no text may not travel as text (RFC 6455 §8.1).
      web.send(bytes, { binary: !isUtf8(bytes) })
      return !socket.writableNeedDrain
    },
    pause: () => web.pause(),
    resume: () => web.resume(),
    end: () => web.close(1000),
    destroy: () => web.terminate(),
    onData: (fn) => void web.on('message', (data) => fn(data as Buffer)),
    onClose: (fn) =>
      void (web.readyState === web.CLOSED ? queueMicrotask(() => fn(failure)) : web.once('close', () => fn(failure))),
    onDrain: (fn) => void socket.on('drain', fn),
    ping: () => web.ping(),
    onPong: (fn) => void web.on('pong', fn),
  }
}

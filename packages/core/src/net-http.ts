/** HTTP and HTTPS on one port: what a client sends first tells which it speaks. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from './clock.ts'
import { type TlsServerInit, tlsAcceptor } from './net-tls.ts'

/** First octet of a TLS record that begins a handshake (RFC 8446 §5.1). No HTTP request begins with it. */
const TLS_HANDSHAKE = 0x16

/**
 * Lets a server that is made with `node:http` speak TLS too. Connections that say nothing for `firstByteMs`, or do not end their
 * handshake in that time, are ended, so that silent ones do not hold places; what comes afterwards is under the server's own limits.
 *
 * Returns what ends those that have not got so far, for when the server stops: it does not know them.
 */
export function alsoOverTls(
  { server, clock }: { server: Server; clock: Clock },
  init: TlsServerInit,
  firstByteMs: number,
): () => void {
  const listeners = server.listeners('connection') as ((socket: Socket) => void)[]
  const accept = (socket: Socket): void => {
    for (const listener of listeners) listener.call(server, socket)
  }
  const early = new Set<Socket>()
  const secure = tlsAcceptor(init, false, accept, firstByteMs)
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) => {
    const end = (): void => void socket.destroy()
    const timer = clock.after(firstByteMs, end)
    socket.on('error', end)
    early.add(socket)
    socket.once('close', () => {
      timer.cancel()
      early.delete(socket)
    })
    socket.once('data', (first: Buffer) => {
      timer.cancel()
      socket.removeListener('error', end)
      socket.pause()
      socket.unshift(first)
      // Reads what was given back by itself.
      if (first[0] === TLS_HANDSHAKE) return secure(socket)
      early.delete(socket)
      accept(socket)
      socket.resume()
    })
  })
  return () => {
    for (const socket of early) socket.destroy()
  }
}

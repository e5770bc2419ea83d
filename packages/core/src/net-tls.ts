/** TLS on sockets of the system. Certificates are asked for at each handshake, so they may change while connections stay. */
import { isIP, type Socket } from 'node:net'
import { connect, createSecureContext, createServer, type SecureContext, type Server, TLSSocket } from 'node:tls'
import { errorMessage, ThorError } from './errors.ts'

/** PEM texts: the chain, leaf first, its key, and the authorities that peers are checked against (those of Node.js when absent). */
export interface TlsFiles {
  cert: string
  key: string
  ca?: string
}

/** A chain with its key, ready for handshakes. */
export type TlsContext = SecureContext

export interface TlsServerInit {
  /** For peers that name no server, and names that `choose` does not know. The same object until it changes. */
  fallback(): TlsFiles
  /** By the name that the peer asks for (SNI), lower case. */
  choose(serverName: string): TlsContext | undefined
  /** Whether a peer is asked for its certificate, which it need not have: looked at for each connection. @default always */
  asks?(): boolean
}

export interface TlsClientInit {
  /** Shown when the peer asks for a certificate. */
  context: TlsContext
  /** Goes into SNI, unless it is an address. */
  serverName?: string
  /** Says what is wrong with the peer; undefined when it is who it should be. Absent: anybody will do. */
  distrust?(peer: TlsPeer): string | undefined
}

/** The certificate that a peer showed. */
export interface TlsPeer {
  /** An authority that is trusted here signed it, and it is in force. Whom it names is another matter. */
  trusted: boolean
  /** Why it is not trusted. */
  error?: string
  /** `CN=…` and so on, a line each. */
  subject: string
  /** `DNS:example.com, URI:sip:example.com`, as Node.js writes it; empty when there is none. */
  altNames: string
}

/** What RFC 9325 §3.1.1 leaves of the versions. */
const BASE = { minVersion: 'TLSv1.2', honorCipherOrder: true } as const

/** Throws `NET_TLS_CERTIFICATE` for texts that are no PEM, or a key that does not belong to the certificate. */
export function tlsContext(files: TlsFiles): TlsContext {
  try {
    return createSecureContext({ ...BASE, ...files })
  } catch (cause) {
    throw new ThorError('NET_TLS_CERTIFICATE', `certificate or key cannot be used: ${errorMessage(cause)}`, { cause })
  }
}

/**
 * Gives each socket a handshake. One that fails is closed. `mayAsk`: peers may be asked for their certificates. Trunks are known by
 * theirs, phones have none and some do not like the question; browsers give up a WebSocket that is asked.
 */
export function tlsAcceptor(
  init: TlsServerInit,
  mayAsk: boolean,
  onSecure: (socket: TLSSocket) => void,
  handshakeMs?: number,
): (socket: Socket) => void {
  let files = init.fallback()
  const serverThat = (asks: boolean): Server => {
    const server = createServer({
      ...BASE,
      ...files,
      requestCert: asks,
      rejectUnauthorized: false,
      ...(handshakeMs !== undefined && { handshakeTimeout: handshakeMs }),
      SNICallback: (name, done) => done(null, init.choose(name.toLowerCase())),
    })
    server.on('secureConnection', onSecure)
    server.on('tlsClientError', (_, socket) => void socket.destroy())
    return server
  }
  const [silent, asking] = [serverThat(false), serverThat(true)]
  return (socket) => {
    const now = init.fallback()
    if (now !== files) {
      files = now
      for (const server of [silent, asking]) server.setSecureContext({ ...BASE, ...now })
    }
    const server = mayAsk && (init.asks?.() ?? true) ? asking : silent
    // Documented for injecting connections: the socket is accepted here and not by that server.
    server.emit('connection', socket)
  }
}

export function tlsConnect(
  to: { host: string; port: number; localAddress: string | undefined },
  { context, serverName }: TlsClientInit,
): TLSSocket {
  const servername = serverName === undefined || isIP(serverName) ? '' : serverName
  // Whether the peer is trusted is decided when the handshake is done (`trustFailure`).
  return connect({
    ...to,
    ...BASE,
    servername,
    secureContext: context,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  })
}

export function peerOf(socket: Socket): TlsPeer | undefined {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  if (!(socket instanceof TLSSocket) || !certificate) return undefined
  const { authorized, authorizationError } = socket
  return {
    trusted: authorized,
    ...(!authorized && { error: errorMessage(authorizationError) }),
    subject: certificate.subject ?? '',
    altNames: certificate.subjectAltName ?? '',
  }
}

export function trustFailure({ distrust }: TlsClientInit, peer: TlsPeer | undefined): string | undefined {
  if (!distrust) return undefined
  return peer ? distrust(peer) : 'it shows no certificate'
}

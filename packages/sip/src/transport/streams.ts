import {
  type Address,
  type Clock,
  errorMessage,
  every,
  formatAddress,
  type Logger,
  type Net,
  type Random,
  randomHex,
  type TcpConnection,
  type TcpListener,
  ThorError,
  type Timer,
  type TlsClientInit,
} from '@thor-node/core'
import type { SipParseError } from '../errors.ts'
import { messageLimits, transportLimits } from '../limits.ts'
import { withoutBrackets } from '../message/ip.ts'
import { Connection, type ConnectionEvents } from './connection.ts'
import type { FlowToken, StreamName, TlsCredentials } from './contract.ts'
import { defaultPort, isSecure, isWeb } from './names.ts'
import { distrustOf, standsFor } from './peer-domains.ts'

export type StreamLimits = {
  readonly [name in
    | 'connectionsMax'
    | 'connectionsPerSourceMax'
    | 'connectWaitingMax'
    | 'handshakeMs'
    | 'idleMs'
    | 'messageMs'
    | 'partialBytesMax'
    | 'webPingMs'
    | 'webSilenceMs']: number
}

export interface StreamComponents {
  clock: Clock
  net: Net
  random: Random
  logger: Logger
  /** Without them TLS and WSS are refused. */
  tls?: TlsCredentials
}

export interface StreamsInit {
  limits?: Partial<StreamLimits>
  /** WebSocket: may a page of that origin connect? @default any */
  acceptsOrigin?(origin: string | undefined): boolean
  /** False: connections from there are closed at once. @default everybody is heard */
  hears?: ((host: string) => boolean) | undefined
  onMessage(bytes: Buffer, connection: Connection): void
  /** What follows on this connection cannot be read: it is closed now. */
  onBroken(error: SipParseError, connection: Connection): void
  onClosed(flow: FlowToken): void
}

const SWEEP_MS = 5_000

/** All streams of this node: those that peers opened and those that it opened itself, by address and by flow. */
export class Streams {
  readonly #components: StreamComponents
  readonly #init: StreamsInit
  readonly #limits: StreamLimits
  /** Makes connection ids differ from those of other nodes and of the process before this one. */
  readonly #idPrefix: string
  /** The same for all: there are many connections. */
  readonly #events: ConnectionEvents
  readonly #now = (): number => this.#components.clock.now()
  #ids = 0
  #running = true
  #sweeper: Timer | undefined
  readonly #listeners: TcpListener[] = []
  readonly #byId = new Map<string, Connection>()
  /** By what they may be used for: transport, address and, over TLS, domain (`keyOf`). */
  readonly #byUse = new Map<string, Connection>()
  /** Accepted, handshakes included. */
  readonly #bySource = new Map<string, number>()
  #accepted = 0
  #opened = 0
  readonly #connecting = new Map<string, Promise<Connection>>()
  #waiting = 0
  #pings = 0
  #garbage = 0
  #refused = 0
  /** Of messages that are not complete. */
  #partialBytes = 0

  constructor(components: StreamComponents, init: StreamsInit) {
    this.#components = components
    this.#init = init
    this.#limits = { ...transportLimits, ...init.limits }
    this.#idPrefix = randomHex(components.random, 4)
    this.#events = {
      onMessage: init.onMessage,
      onPing: () => {
        this.#pings++
      },
      onGarbage: (error, connection) => {
        this.#garbage++
        const remote = formatAddress(connection.remote)
        components.logger.debug('stream closed', { remote, error: error.message })
        init.onBroken(error, connection)
      },
      mayHold: (bytes) => {
        this.#partialBytes += bytes
        return bytes <= 0 || this.#partialBytes <= this.#limits.partialBytesMax
      },
      onClose: (connection) => this.#remove(connection),
    }
  }

  /** Rejects with the `NET_…` error of the bind, or `SIP_TLS_MISSING`. */
  async listen(transport: StreamName, bind: Address): Promise<Address> {
    const { net, tls } = this.#components
    if (isSecure(transport) && !tls) throw new ThorError('SIP_TLS_MISSING', `${transport} needs a certificate`)
    const listener = await net.listen(bind, (stream) => this.#add(stream, transport, true), {
      admit: (remote) => this.#admit(remote),
      handshakeMs: this.#limits.handshakeMs,
      ...(isSecure(transport) && { tls: tls?.server }),
      ...(isWeb(transport) && {
        web: {
          protocol: 'sip',
          acceptsOrigin: this.#init.acceptsOrigin ?? (() => true),
          messageBytesMax: messageLimits.messageBytesMax,
        },
      }),
    })
    this.#listeners.push(listener)
    return listener.local
  }

  async stop(): Promise<void> {
    this.#running = false
    this.#sweeper?.cancel()
    for (const connection of this.#byId.values()) connection.destroy()
    await Promise.all(this.#listeners.map((listener) => listener.close()))
  }

  isOpen(connectionId: string): boolean {
    return this.#byId.get(connectionId)?.closed === false
  }

  /** Onto an open connection. Throws `SIP_FLOW_GONE`, `SIP_TRANSPORT_FAILED`. */
  write(connectionId: string, bytes: Uint8Array): void {
    const connection = this.#byId.get(connectionId)
    if (!connection) throw new ThorError('SIP_FLOW_GONE', 'the connection is closed, or not of this node')
    connection.write(bytes, this.#components.clock.now())
  }

  /** Over the connection to that address, opened when there is none. Rejects with `SIP_TRANSPORT_FAILED`. */
  async send(bytes: Uint8Array, to: StreamTarget, timeoutMs: number = transportLimits.connectMs): Promise<void> {
    const key = keyOf(to)
    let connection = this.#byUse.get(key)
    if (!connection || connection.closed) {
      if (this.#waiting >= this.#limits.connectWaitingMax) {
        throw new ThorError('SIP_TRANSPORT_FAILED', 'too many sends wait for connections')
      }
      this.#waiting++
      try {
        connection = await this.#connect(key, to, timeoutMs)
      } finally {
        this.#waiting--
      }
    }
    connection.write(bytes, this.#components.clock.now())
  }

  snapshot(): Record<string, unknown> {
    let queuedBytes = 0
    for (const connection of this.#byId.values()) queuedBytes += connection.queuedBytes
    return {
      connections: this.#byId.size,
      handshakes: this.#accepted + this.#opened - this.#byId.size,
      connecting: this.#connecting.size,
      queuedBytes,
      partialBytes: this.#partialBytes,
      pings: this.#pings,
      garbage: this.#garbage,
      refused: this.#refused,
    }
  }

  #connect(key: string, to: StreamTarget, timeoutMs: number): Promise<Connection> {
    let pending = this.#connecting.get(key)
    if (!pending) {
      pending = this.#open(to, timeoutMs).finally(() => this.#connecting.delete(key))
      this.#connecting.set(key, pending)
    }
    return pending
  }

  async #open(to: StreamTarget, timeoutMs: number): Promise<Connection> {
    const { transport, remote } = to
    if (isWeb(transport)) throw new ThorError('SIP_TRANSPORT_FAILED', 'nobody is connected to over WebSocket')
    if (!this.#running || this.#isFull) {
      throw new ThorError('SIP_TRANSPORT_FAILED', this.#running ? 'too many connections' : 'the transport is stopped')
    }
    const localHost = this.#listeners.map(({ local }) => local.host).find((host) => isSpecific(host, remote.host))
    const tls = isSecure(transport) ? this.#tlsTo(to) : undefined
    const connecting = this.#components.net.connect(remote, { localHost, timeoutMs, ...(tls && { tls }) })
    const stream = await connecting.catch((cause: unknown) => {
      const why = `no connection to ${formatAddress(remote)} over ${transport}: ${errorMessage(cause)}`
      throw new ThorError('SIP_TRANSPORT_FAILED', why, { cause })
    })
    if (!this.#running) {
      stream.destroy()
      throw new ThorError('SIP_TRANSPORT_FAILED', 'the transport is stopped')
    }
    this.#opened++
    return this.#add(stream, transport, false, to.domain ?? remote.host)
  }

  #tlsTo({ remote, domain }: StreamTarget): TlsClientInit {
    const { tls } = this.#components
    if (!tls) throw new ThorError('SIP_TRANSPORT_FAILED', 'this node has no TLS')
    const { context, verify } = tls.client()
    const wanted = domain ?? remote.host
    return { context, serverName: wanted, ...(verify && { distrust: (peer) => distrustOf(peer, wanted) }) }
  }

  get #isFull(): boolean {
    return this.#accepted + this.#opened + this.#connecting.size >= this.#limits.connectionsMax
  }

  #admit({ host }: Address): (() => void) | undefined {
    const fromSource = this.#bySource.get(host) ?? 0
    const unheard = this.#init.hears?.(host) === false
    if (
      unheard ||
      !this.#running ||
      host === '' ||
      this.#isFull ||
      fromSource >= this.#limits.connectionsPerSourceMax
    ) {
      this.#refused++
      return undefined
    }
    this.#accepted++
    this.#bySource.set(host, fromSource + 1)
    return () => {
      this.#accepted--
      const left = (this.#bySource.get(host) ?? 1) - 1
      if (left > 0) this.#bySource.set(host, left)
      else this.#bySource.delete(host)
    }
  }

  #add(stream: TcpConnection, transport: StreamName, accepted: boolean, domain?: string): Connection {
    const { clock, logger } = this.#components
    // Also without a listener: a node that listens on UDP alone opens connections for large requests.
    this.#sweeper ??= every(
      clock,
      SWEEP_MS,
      () => this.#sweep(clock.now()),
      (error) => logger.error('sweep failed', { error }),
    )
    const id = `${this.#idPrefix}${(this.#ids++).toString(36)}`
    const connection = new Connection({ stream, now: this.#now, events: this.#events }, { id, transport, accepted })
    this.#byId.set(id, connection)
    this.#use(connection, connection.remote, domain === undefined ? undefined : [domain])
    return connection
  }

  /**
   * The peer that opened this connection wants what goes to its sent-by to take it (RFC 5923). It is believed when its
   * certificate stands for that name, and without TLS when the name is the address that it comes from.
   */
  alias(connectionId: string, { host, port }: { host: string; port?: number | undefined }): void {
    const connection = this.#byId.get(connectionId)
    if (!connection?.accepted || connection.closed) return
    const { transport, remote, peerDomains } = connection
    const believed =
      transport === 'tls' ? standsFor(peerDomains ?? [], withoutBrackets(host).toLowerCase()) : host === remote.host
    if (!believed || isWeb(transport)) return
    this.#use(connection, { host: remote.host, port: port ?? defaultPort(transport) })
  }

  /** From now on what goes to that address takes this connection; over TLS what goes to one of these domains there. */
  #use(connection: Connection, remote: Address, known?: readonly string[]): void {
    const { transport, uses } = connection
    // A peer that has shown nothing is not taken for the one that an address should be.
    const anybody = this.#components.tls?.client().verify === false ? [remote.host] : []
    const domains = transport === 'tls' ? (known ?? connection.peerDomains ?? anybody) : [undefined]
    for (const domain of domains.slice(0, transportLimits.connectionDomainsMax)) {
      const key = keyOf({ transport, remote, ...(domain !== undefined && { domain }) })
      if (this.#byUse.get(key)?.closed === false) continue
      if (uses.length >= transportLimits.connectionUsesMax) return
      this.#byUse.set(key, connection)
      uses.push(key)
    }
  }

  #remove(connection: Connection): void {
    if (!this.#byId.delete(connection.id)) return
    this.#partialBytes -= connection.partialBytes
    for (const key of connection.uses) if (this.#byUse.get(key) === connection) this.#byUse.delete(key)
    if (!connection.accepted) this.#opened--
    if (this.#running) this.#init.onClosed(connection.flow)
  }

  /** Closes those that sleep, and those that take too long over one message; asks browsers whether they are there. */
  #sweep(now: number): void {
    const { messageMs, idleMs, webPingMs, webSilenceMs } = this.#limits
    for (const connection of this.#byId.values()) {
      const { lastByteAt, heardAt, partialSince } = connection
      const web = isWeb(connection.transport)
      const slow = partialSince !== undefined && now - partialSince > messageMs
      const gone = web && now - heardAt > webSilenceMs
      if (slow || gone || now - lastByteAt > idleMs) connection.destroy()
      else if (web && now - heardAt > webPingMs) connection.ping()
    }
  }
}

interface StreamTarget {
  transport: StreamName
  remote: Address
  /** Over TLS: whose certificate the peer must have. */
  domain?: string
}

/** Connections over TLS are shared only by those who look for the same peer there. */
function keyOf({ transport, remote, domain = remote.host }: StreamTarget): string {
  const address = `${transport} ${formatAddress(remote)}`
  return transport === 'tls' ? `${address} ${domain.toLowerCase()}` : address
}

/** A bound address that a connection to `remote` may start from; wildcards leave the choice to the system. */
const isSpecific = (host: string, remote: string): boolean =>
  host !== '0.0.0.0' && host !== '::' && host.includes(':') === remote.includes(':')

import {
  type Address,
  type Clock,
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
} from '@thor-node/core'
import type { SipParseError } from '../errors.ts'
import { transportLimits } from '../limits.ts'
import { Connection, type ConnectionEvents } from './connection.ts'
import type { FlowToken } from './contract.ts'

export type TcpLimits = {
  readonly [name in 'connectionsMax' | 'connectionsPerSourceMax' | 'connectWaitingMax' | 'idleMs' | 'messageMs']: number
}

const SWEEP_MS = 5_000

/** All streams of this node: those that peers opened and those that it opened itself, by address and by flow. */
export class TcpTransport {
  readonly #components: { clock: Clock; net: Net; logger: Logger }
  readonly #limits: TcpLimits
  readonly #onMessage: (bytes: Buffer, connection: Connection) => void
  readonly #onClosed: (flow: FlowToken) => void
  /** Makes connection ids differ from those of other nodes and of the process before this one. */
  readonly #idPrefix: string
  #ids = 0
  #running = true
  #sweeper: Timer | undefined
  readonly #listeners: TcpListener[] = []
  readonly #byId = new Map<string, Connection>()
  readonly #byRemote = new Map<string, Connection>()
  readonly #bySource = new Map<string, number>()
  readonly #connecting = new Map<string, Promise<Connection>>()
  #waiting = 0
  #pings = 0
  #garbage = 0
  #refused = 0

  constructor(
    components: { clock: Clock; net: Net; random: Random; logger: Logger },
    init: {
      limits?: Partial<TcpLimits>
      onMessage(bytes: Buffer, connection: Connection): void
      onClosed(flow: FlowToken): void
    },
  ) {
    this.#components = components
    this.#limits = { ...transportLimits, ...init.limits }
    this.#onMessage = init.onMessage
    this.#onClosed = init.onClosed
    this.#idPrefix = randomHex(components.random, 4)
  }

  async listen(bind: Address): Promise<Address> {
    const listener = await this.#components.net.listen(bind, (stream) => this.#accept(stream))
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
  async send(bytes: Uint8Array, to: Address, timeoutMs: number = transportLimits.connectMs): Promise<void> {
    const key = formatAddress(to)
    let connection = this.#byRemote.get(key)
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
      connecting: this.#connecting.size,
      queuedBytes,
      pings: this.#pings,
      garbage: this.#garbage,
      refused: this.#refused,
    }
  }

  #connect(key: string, to: Address, timeoutMs: number): Promise<Connection> {
    let pending = this.#connecting.get(key)
    if (!pending) {
      pending = this.#open(to, timeoutMs).finally(() => this.#connecting.delete(key))
      this.#connecting.set(key, pending)
    }
    return pending
  }

  async #open(to: Address, timeoutMs: number): Promise<Connection> {
    if (!this.#running || this.#byId.size + this.#connecting.size >= this.#limits.connectionsMax) {
      throw new ThorError('SIP_TRANSPORT_FAILED', this.#running ? 'too many connections' : 'the transport is stopped')
    }
    const localHost = this.#listeners.map(({ local }) => local.host).find((host) => isSpecific(host, to.host))
    const stream = await this.#components.net.connect(to, { localHost, timeoutMs }).catch((cause: unknown) => {
      throw new ThorError('SIP_TRANSPORT_FAILED', `no connection to ${formatAddress(to)}`, { cause })
    })
    if (!this.#running) {
      stream.destroy()
      throw new ThorError('SIP_TRANSPORT_FAILED', 'the transport is stopped')
    }
    return this.#add(stream, false)
  }

  #accept(stream: TcpConnection): void {
    const source = stream.remote.host
    const fromSource = this.#bySource.get(source) ?? 0
    const full = this.#byId.size >= this.#limits.connectionsMax || fromSource >= this.#limits.connectionsPerSourceMax
    if (full || !this.#running || source === '') {
      this.#refused++
      stream.destroy()
      return
    }
    this.#bySource.set(source, fromSource + 1)
    this.#add(stream, true)
  }

  #add(stream: TcpConnection, accepted: boolean): Connection {
    const events: ConnectionEvents = {
      onMessage: this.#onMessage,
      onPing: () => {
        this.#pings++
      },
      onGarbage: (error: SipParseError) => {
        this.#garbage++
        this.#components.logger.debug('stream closed', { remote: formatAddress(stream.remote), error: error.message })
      },
      onClose: (connection) => this.#remove(connection),
    }
    const { clock, logger } = this.#components
    // Also without a listener: a node that listens on UDP alone opens connections for large requests.
    this.#sweeper ??= every(
      clock,
      SWEEP_MS,
      () => this.#sweep(clock.now()),
      (error) => logger.error('sweep failed', { error }),
    )
    const id = `${this.#idPrefix}${(this.#ids++).toString(36)}`
    const connection = new Connection({ stream, now: () => clock.now(), events }, { id, accepted })
    this.#byId.set(id, connection)
    this.#byRemote.set(formatAddress(connection.remote), connection)
    return connection
  }

  #remove(connection: Connection): void {
    if (!this.#byId.delete(connection.id)) return
    const key = formatAddress(connection.remote)
    if (this.#byRemote.get(key) === connection) this.#byRemote.delete(key)
    if (connection.accepted) {
      const left = (this.#bySource.get(connection.remote.host) ?? 1) - 1
      if (left > 0) this.#bySource.set(connection.remote.host, left)
      else this.#bySource.delete(connection.remote.host)
    }
    if (this.#running) this.#onClosed(connection.flow)
  }

  /** Closes those that sleep, and those that take too long over one message. */
  #sweep(now: number): void {
    for (const connection of this.#byId.values()) {
      const { lastByteAt, partialSince } = connection
      const slow = partialSince !== undefined && now - partialSince > this.#limits.messageMs
      if (slow || now - lastByteAt > this.#limits.idleMs) connection.destroy()
    }
  }
}

/** A bound address that a connection to `remote` may start from; wildcards leave the choice to the system. */
const isSpecific = (host: string, remote: string): boolean =>
  host !== '0.0.0.0' && host !== '::' && host.includes(':') === remote.includes(':')

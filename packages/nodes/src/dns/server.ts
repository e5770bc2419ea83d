/** The DNS server of a node: authoritative for the domains of the service, over UDP and TCP (RFC 1035, 6891, 7766). */
import {
  type Address,
  type Clock,
  errorCode,
  type Lifecycle,
  type Logger,
  type Net,
  type Random,
  shuffled,
  type TcpConnection,
  type TcpListener,
  type Timer,
  type UdpSocket,
} from '@thor-node/core'
import {
  PLAIN_UDP_ANSWER_MAX_BYTES,
  QUERY_MAX_BYTES,
  TCP_ANSWER_MAX_BYTES,
  TCP_CONNECTIONS_MAX,
  TCP_IDLE_MS,
  UDP_ANSWER_MAX_BYTES,
} from './limits.ts'
import { refusal, refusalOf, writeAnswer } from './message.ts'
import { type Query, readQuery } from './query.ts'
import { RCODE } from './records.ts'
import { answer, type ZoneSource } from './zone.ts'

export interface DnsServerComponents {
  logger: Logger
  clock: Clock
  random: Random
  net: Net
  zone: ZoneSource
}

export interface DnsServerInit {
  host: string
  /** 0 = any free port. */
  port: number
  /** Life of an answer in caches. @default 5000 */
  ttlMs?: number
}

/** Where to try next when a port cannot be had. */
const FALLBACK_PORTS = [1053, 0]

/** A free port of UDP may be taken in TCP: try again, so often. */
const FREE_PORT_ATTEMPTS = 10

const unavailable = (error: unknown): boolean =>
  ['NET_PERMISSION', 'NET_ADDRESS_IN_USE'].includes(errorCode(error) ?? '')

export class DnsServer implements Lifecycle {
  readonly #components: DnsServerComponents
  readonly #init: Required<DnsServerInit>
  readonly #logger: Logger
  readonly #connections = new Set<TcpConnection>()
  #udp: UdpSocket | undefined
  #tcp: TcpListener | undefined
  #note: string | undefined

  constructor(components: DnsServerComponents, init: DnsServerInit) {
    this.#components = components
    this.#init = { ttlMs: 5_000, ...init }
    this.#logger = components.logger.forComponent('dns')
  }

  /** Where it listens; undefined before start. */
  get address(): Address | undefined {
    return this.#udp?.local
  }

  /** A sentence about the port, when it is not the one that was asked for. */
  get note(): string | undefined {
    return this.#note
  }

  /** @throws ThorError `NET_…` when no port at all can be had */
  async start(): Promise<void> {
    if (this.#udp) return
    const { host, port } = this.#init
    const candidates = port === 0 ? [0] : [port, ...FALLBACK_PORTS.filter((fallback) => fallback !== port)]
    let refused: unknown
    for (const candidate of candidates) {
      try {
        await this.#bind({ host, port: candidate })
        break
      } catch (error) {
        if (!unavailable(error) || candidate === 0) throw error
        refused ??= error
      }
    }
    if (refused !== undefined && this.#udp) {
      const used = (this.#udp as UdpSocket).local.port
      const why =
        errorCode(refused) === 'NET_PERMISSION'
          ? 'ports below 1024 need root or CAP_NET_BIND_SERVICE'
          : 'another program uses it'
      this.#note = `DNS answers on port ${used} instead of ${port}: ${why}.`
      this.#logger.warn(this.#note)
    }
  }

  async stop(): Promise<void> {
    const [udp, tcp] = [this.#udp, this.#tcp]
    this.#udp = undefined
    this.#tcp = undefined
    for (const connection of this.#connections) connection.destroy()
    await Promise.all([udp?.close(), tcp?.close()])
  }

  async #bind(address: Address): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const udp = await this.#components.net.udp(address, (bytes, from) => this.#onDatagram(bytes, from))
      try {
        this.#tcp = await this.#components.net.listen(udp.local, (connection) => this.#onConnection(connection))
        this.#udp = udp
        return
      } catch (error) {
        await udp.close()
        if (address.port !== 0 || !unavailable(error) || attempt === FREE_PORT_ATTEMPTS) throw error
      }
    }
  }

  #onDatagram(bytes: Buffer, from: Address): void {
    // Port 0 cannot be answered.
    if (from.port === 0) return
    const query = readQuery(bytes)
    if (!query) return
    const limit = query.edns
      ? Math.min(UDP_ANSWER_MAX_BYTES, Math.max(PLAIN_UDP_ANSWER_MAX_BYTES, query.edns.size))
      : PLAIN_UDP_ANSWER_MAX_BYTES
    this.#udp?.send(this.#answer(query, limit), from)
  }

  #onConnection(connection: TcpConnection): void {
    if (this.#connections.size >= TCP_CONNECTIONS_MAX) {
      connection.destroy()
      return
    }
    this.#connections.add(connection)
    const arm = (): Timer => this.#components.clock.after(TCP_IDLE_MS, () => connection.destroy())
    let idle = arm()
    let waiting: Buffer = Buffer.alloc(0)
    connection.onData((bytes) => {
      waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes])
      while (waiting.length >= 2) {
        const end = 2 + waiting.readUInt16BE(0)
        const tooLong = end > 2 + QUERY_MAX_BYTES
        if (!tooLong && waiting.length < end) break
        const query = tooLong ? undefined : readQuery(waiting.subarray(2, end))
        if (!query) {
          waiting = Buffer.alloc(0)
          connection.destroy()
          break
        }
        waiting = waiting.subarray(end)
        const message = this.#answer(query, TCP_ANSWER_MAX_BYTES)
        const length = Buffer.alloc(2)
        length.writeUInt16BE(message.length)
        // A client that asks and does not read is made to wait.
        if (!connection.write(Buffer.concat([length, message]))) connection.pause()
        idle.cancel()
        idle = arm()
      }
    })
    connection.onDrain(() => connection.resume())
    connection.onClose(() => {
      idle.cancel()
      this.#connections.delete(connection)
    })
  }

  #answer(query: Query, limitBytes: number): Buffer {
    const { zone, random } = this.#components
    try {
      const refused = refusalOf(query)
      if (refused || !query.question) return writeAnswer(query, refused ?? refusal(RCODE.FORMERR), limitBytes)
      const zones = {
        domains: zone.domains(),
        nodes: shuffled(random, zone.nodes()),
        serial: zone.version(),
        ttlSeconds: Math.floor(this.#init.ttlMs / 1_000),
      }
      return writeAnswer(query, answer(query.question, zones), limitBytes)
    } catch (error) {
      this.#logger.error('a query could not be answered', { name: query.question?.name, error })
      return writeAnswer(query, refusal(RCODE.SERVFAIL), limitBytes)
    }
  }
}

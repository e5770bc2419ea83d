/** The DNS server: authoritative, UDP and TCP. It never asks others. */
import {
  type Address,
  type Clock,
  errorCode,
  type Lifecycle,
  type Logger,
  type Net,
  type Random,
  Slices,
  type TcpConnection,
  type TcpListener,
  type UdpSocket,
} from '@thor-node/core'
import { QUERIES_PER_TURN, TCP_CONNECTIONS_MAX, TRANSFER_SLICE_MS, TRANSFERS_MAX } from '../limits.ts'
import { TYPE } from '../wire/codes.ts'
import { type Query, readQuery } from '../wire/query.ts'
import type { Delta } from '../zone/journal.ts'
import type { Zone } from '../zone/tree.ts'
import type { ZoneSource } from '../zone/zones.ts'
import { Cookies } from './cookies.ts'
import { questionHash, RateLimit } from './rate-limit.ts'
import { Responder } from './responder.ts'
import { TcpQueries } from './tcp.ts'
import { isTransfer, latestSoa, transferMessages } from './transfer.ts'

/** Answers of one shape, made with less work: undefined for what it does not know. The octets are good until the next call. */
export interface FastAnswers {
  answer(query: Buffer): Buffer | undefined
}

export interface DnsServerComponents {
  logger: Logger
  clock: Clock
  random: Random
  net: Net
  zones: ZoneSource
  /** Asked first, over UDP. */
  fast?: FastAnswers
  /** May this host have whole zones? @default nobody may */
  mayTransfer?(host: string, apex: string): boolean
  /** How a zone came from a serial to what it is. @default nobody knows: it is transferred as a whole */
  deltas?(zone: Zone, serial: number): readonly Delta[] | undefined
}

export interface DnsServerInit {
  host: string
  /** 0 = any free port. */
  port: number
  /** Where to try next when the port cannot be had. @default 1053, then any free one */
  fallbackPorts?: readonly number[]
  /** 16 octets, the same on every node of a ring. @default cookies are not used */
  cookieKey?: Uint8Array
  /** Answers of one kind to one network per second over UDP; 0: any number. @default 0 */
  ratePerSecond?: number
}

const FALLBACK_PORTS = [1053, 0]

/** A free port of UDP may be taken in TCP: try again, so often. */
const FREE_PORT_ATTEMPTS = 10

const unavailable = (error: unknown): boolean =>
  ['NET_PERMISSION', 'NET_ADDRESS_IN_USE'].includes(errorCode(error) ?? '')

export class DnsServer implements Lifecycle {
  readonly #components: DnsServerComponents
  readonly #init: DnsServerInit
  readonly #logger: Logger
  readonly #rate: RateLimit
  readonly #responder: Responder
  readonly #connections = new Set<TcpConnection>()
  readonly #slices: Slices
  #transfers = 0
  #udp: UdpSocket | undefined
  #tcp: TcpListener | undefined
  #note: string | undefined

  constructor(components: DnsServerComponents, init: DnsServerInit) {
    this.#components = components
    this.#init = init
    this.#logger = components.logger.forComponent('dns')
    this.#slices = new Slices(components, { sliceMs: TRANSFER_SLICE_MS })
    this.#rate = new RateLimit(components, { perSecond: init.ratePerSecond ?? 0 })
    const { zones, random, logger } = components
    this.#responder = new Responder({
      zones,
      random,
      logger,
      ...(this.#init.ratePerSecond && { rate: this.#rate }),
      ...(init.cookieKey && { cookies: new Cookies(components, { key: init.cookieKey }) }),
    })
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
    const { host, port, fallbackPorts = FALLBACK_PORTS } = this.#init
    const candidates = port === 0 ? [0] : [port, ...fallbackPorts.filter((fallback) => fallback !== port)]
    let refused: unknown
    for (const candidate of candidates) {
      try {
        await this.#bind({ host, port: candidate })
        break
      } catch (error) {
        if (!unavailable(error) || candidate === candidates.at(-1)) throw error
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
      const udp = await this.#components.net.udp(address, (bytes, from) => this.#onDatagram(bytes, from), {
        perTurn: QUERIES_PER_TURN,
      })
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
    const fast = this.#components.fast?.answer(bytes)
    if (fast) {
      const { ratePerSecond = 0 } = this.#init
      const verdict = ratePerSecond === 0 ? 'answer' : this.#rate.judge(from.host, questionHash(bytes.subarray(12)))
      if (verdict === 'answer') {
        this.#udp?.send(fast, from)
        return
      }
      if (verdict === 'drop') return
    }
    const query = readQuery(bytes)
    if (!query) return
    const zone = isTransfer(query) && query.question?.type === TYPE.IXFR ? this.#zoneFor(query, from.host) : undefined
    const answer = zone ? latestSoa(query, zone) : this.#responder.overUdp(query, from.host)
    if (answer) this.#udp?.send(answer, from)
  }

  #onConnection(connection: TcpConnection): void {
    if (this.#connections.size >= TCP_CONNECTIONS_MAX) {
      connection.destroy()
      return
    }
    this.#connections.add(connection)
    const handler = {
      answer: (query: Query, host: string) => this.#responder.overTcp(query, host),
      transfer: (query: Query, host: string) => this.#transfer(query, host),
    }
    const { clock } = this.#components
    new TcpQueries({ connection, handler, clock, slices: this.#slices }, () => this.#connections.delete(connection))
  }

  #zoneFor({ question }: Query, host: string) {
    const zone = question && this.#components.zones.find(question.name)
    if (!zone?.records || zone.apex !== question?.name) return undefined
    return this.#components.mayTransfer?.(host, zone.apex) ? zone : undefined
  }

  #transfer(query: Query, host: string): { messages: Iterator<Buffer>; done(): void } | undefined {
    const zone = isTransfer(query) ? this.#zoneFor(query, host) : undefined
    if (!zone || this.#transfers >= TRANSFERS_MAX) return undefined
    this.#transfers++
    this.#logger.info('zone transfer', { zone: zone.apex, to: host })
    const done = (): void => {
      this.#transfers--
    }
    const deltas = (serial: number) => this.#components.deltas?.(zone, serial)
    return { messages: transferMessages(query, zone, deltas)[Symbol.iterator](), done }
  }
}

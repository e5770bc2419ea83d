/** All sockets of SIP behind one door (RFC 3261 §18). */
import {
  type Address,
  type Clock,
  errorMessage,
  formatAddress,
  type Logger,
  type Metrics,
  makeRoom,
  type Net,
  type Random,
  randomHex,
  ThorError,
} from '@thor-node/core'
import { SipParseError } from '../errors.ts'
import type { Overload } from '../guard/overload.ts'
import { transportLimits } from '../limits.ts'
import { respondToBroken } from '../message/build.ts'
import type { SipMessage, SipRequest } from '../message/contract.ts'
import { parseMessage } from '../message/parser.ts'
import { serializeMessage } from '../message/serializer.ts'
import { validateMessage } from '../message/validate.ts'
import type { Tap } from '../trace/contract.ts'
import type { Connection } from './connection.ts'
import type { Destination, FlowToken, Source, TlsCredentials, TransportLayer, TransportName } from './contract.ts'
import { parseFlow, transportOf, udpFlow } from './flow.ts'
import { replaceTopVia, stampVia } from './stamp.ts'
import { Stopwatch } from './stopwatch.ts'
import { type StreamLimits, Streams } from './streams.ts'
import { answerStun, isStun } from './stun.ts'
import { UdpTransport } from './udp.ts'

export interface TransportComponents {
  clock: Clock
  random: Random
  net: Net
  logger: Logger
  metrics?: Metrics
  /** For listen points and peers with TLS. */
  tls?: TlsCredentials
}

export interface ListenPoint {
  transport: TransportName
  host: string
  /** 0 lets the system choose. */
  port: number
}

export interface TransportInit {
  listen: readonly ListenPoint[]
  /** Smaller limits than those of limits.ts, for small machines and tests. */
  limits?: Partial<StreamLimits>
  /** WebSocket: may a page of that origin connect? @default any */
  acceptsOrigin?(origin: string | undefined): boolean
  /** Asked ahead of parsing; false: what comes from there is dropped. @default everybody is heard */
  hears?: (host: string) => boolean
  /** Sheds what a slow node cannot do, and is told how slow it is. @default nothing is shed */
  overload?: Overload
}

const SENT = Promise.resolve()
/** A large request waits so long for TCP before it goes by UDP after all. */
const TCP_FIRST_MS = 1_000
/** How long an address that took no TCP is not asked again, and how many such addresses are remembered. */
const NO_TCP_MS = 5 * 60_000
const NO_TCP_MAX = 1_000

export class Transports implements TransportLayer {
  onMessage: ((message: SipMessage, source: Source) => void) | undefined
  onFlowClosed: ((flow: FlowToken) => void) | undefined
  /** While somebody is traced. */
  tap: Tap | undefined
  readonly #components: TransportComponents
  readonly #init: TransportInit
  readonly #log: Logger
  #udp: UdpTransport
  #streams: Streams
  #listening: { transport: TransportName; local: Address }[] = []
  #started: Promise<void> | undefined
  readonly #stopwatch: Stopwatch | undefined
  readonly #noTcp = new Map<string, number>()
  readonly #counts = {
    received: 0,
    sent: 0,
    keepAlives: 0,
    stun: 0,
    garbage: 0,
    refused: 0,
    failed: 0,
    unheard: 0,
    shed: 0,
  }

  constructor(components: TransportComponents, init: TransportInit) {
    this.#components = components
    this.#init = init
    this.#log = components.logger.forComponent('sip:transport')
    this.#udp = this.#makeUdp()
    this.#streams = this.#makeStreams()
    const { overload } = init
    this.#stopwatch =
      overload &&
      new Stopwatch(
        {
          clock: components.clock,
          random: components.random,
          local: () => this.#udp.localOf(0),
          send: (bytes, to) => this.#udp.send(bytes, to, 0),
          measured: (ageMs) => overload.measured(ageMs),
          turn: () => overload.turn(),
        },
        { intervalMs: overload.intervalMs },
      )
    const { metrics } = components
    metrics?.gauge('thor_sip_messages_received', 'SIP messages received', () => this.#counts.received)
    metrics?.gauge('thor_sip_messages_sent', 'SIP messages sent', () => this.#counts.sent)
    metrics?.gauge('thor_sip_garbage_received', 'Datagrams and streams that were no SIP', () => this.#counts.garbage)
  }

  get listening(): readonly { transport: TransportName; local: Address }[] {
    return this.#listening
  }

  /** Rejects with the `NET_…` error of the first listen point that cannot be bound; nothing is left open then. */
  start(): Promise<void> {
    this.#started ??= this.#begin().catch(async (error) => {
      this.#started = undefined
      await this.#close()
      throw error
    })
    return this.#started
  }

  async stop(): Promise<void> {
    await this.#started?.catch(() => undefined)
    this.#started = undefined
    await this.#close()
  }

  async #close(): Promise<void> {
    this.#stopwatch?.stop()
    const [udp, streams] = [this.#udp, this.#streams]
    this.#listening = []
    this.#udp = this.#makeUdp()
    this.#streams = this.#makeStreams()
    await Promise.all([udp.stop(), streams.stop()])
  }

  send(message: SipMessage, to: Destination): Promise<void> {
    const bytes = serializeMessage(message)
    const large = message.kind === 'request' && bytes.length > transportLimits.udpRequestBytesMax
    if (large && 'remote' in to && to.transport === 'udp')
      return this.#sendLarge(message, bytes, { ...to, transport: 'udp' })
    return this.sendBytes(bytes, to)
  }

  sendBytes(bytes: Uint8Array, to: Destination): Promise<void> {
    if (this.tap !== undefined) this.#tapSent(this.tap, bytes, to)
    try {
      if ('flow' in to) {
        const parsed = parseFlow(to.flow)
        if (!parsed) throw new ThorError('SIP_FLOW_GONE', 'not a flow')
        if (parsed.transport === 'udp') this.#udp.send(bytes, parsed.remote, parsed.point)
        else this.#streams.write(parsed.connection, bytes)
      } else if (to.transport === 'udp') {
        this.#udp.send(bytes, to.remote, to.point ?? this.#udp.pointFor(to.remote))
      } else {
        return this.#count(this.#streams.send(bytes, { ...to, transport: to.transport }))
      }
      this.#counts.sent++
      return SENT
    } catch (error) {
      this.#counts.failed++
      return Promise.reject(error)
    }
  }

  remoteOf(flow: FlowToken): { transport: TransportName; remote: Address } | undefined {
    const parsed = parseFlow(flow)
    return parsed && transportOf(parsed)
  }

  isOpen(flow: FlowToken): boolean {
    const parsed = parseFlow(flow)
    if (!parsed) return false
    return parsed.transport === 'udp'
      ? this.#udp.localOf(parsed.point) !== undefined
      : this.#streams.isOpen(parsed.connection)
  }

  snapshot(): Record<string, unknown> {
    const listening = this.#listening.map(({ transport, local }) => `${transport}:${formatAddress(local)}`)
    return { listening, ...this.#counts, streams: this.#streams.snapshot(), overload: this.#init.overload?.snapshot() }
  }

  /** As it leaves, whether it arrives or not. */
  #tapSent(tap: Tap, bytes: Uint8Array, to: Destination): void {
    const path = 'flow' in to ? this.remoteOf(to.flow) : to
    if (!path) return
    const { transport, remote } = path
    const own = this.#listening.filter((entry) => entry.transport === transport)
    const isSix = remote.host.includes(':')
    const local = (own.find((entry) => entry.local.host.includes(':') === isSix) ?? own[0])?.local
    if (local) tap.saw('out', bytes, { transport, local, remote })
  }

  async #begin(): Promise<void> {
    await this.#listen()
    this.#stopwatch?.start()
  }

  async #listen(): Promise<void> {
    for (const { transport, host, port } of this.#init.listen) {
      // Both families on one port, also where the system chose it: DNS and Route have one for the node.
      const chosen = this.#listening.find((entry) => entry.transport === transport)?.local
      const bind = { host, port: port || (chosen && chosen.host !== host ? chosen.port : 0) }
      const local = await (transport === 'udp' ? this.#udp.listen(bind) : this.#streams.listen(transport, bind))
      this.#listening.push({ transport, local })
      this.#log.debug('listening', { transport, local: formatAddress(local) })
    }
  }

  #makeUdp(): UdpTransport {
    return new UdpTransport(this.#components, {
      onDatagram: (bytes, from, point) => this.#onDatagram(bytes, from, point),
    })
  }

  #makeStreams(): Streams {
    const { limits, acceptsOrigin, hears } = this.#init
    return new Streams(
      { ...this.#components, logger: this.#log },
      {
        ...(limits && { limits }),
        ...(acceptsOrigin && { acceptsOrigin }),
        hears,
        onMessage: (bytes, connection) => this.#receive(bytes, sourceOf(connection)),
        onBroken: (error, connection) => this.#onBroken(error, connection),
        onClosed: (flow) => this.#onClosed(flow),
      },
    )
  }

  async #count(sending: Promise<void>): Promise<void> {
    try {
      await sending
      this.#counts.sent++
    } catch (error) {
      this.#counts.failed++
      throw error
    }
  }

  /** By TCP; by UDP after all when the peer does not take TCP (RFC 3261 §18.1.1). */
  async #sendLarge(request: SipRequest, bytes: Uint8Array, to: { transport: 'udp'; remote: Address }): Promise<void> {
    if (!(await this.#sendByTcp(request, to.remote))) await this.sendBytes(bytes, to)
  }

  /** With a Via that says so; false when the peer does not take it. */
  async #sendByTcp(request: SipRequest, remote: Address): Promise<boolean> {
    const { clock } = this.#components
    const key = formatAddress(remote)
    if ((this.#noTcp.get(key) ?? Number.NEGATIVE_INFINITY) > clock.now()) return false
    const [via] = request.vias
    if (!via) return false
    const byTcp = request.clone()
    replaceTopVia(byTcp, { ...via, transport: 'TCP' })
    try {
      const bytes = serializeMessage(byTcp)
      await this.#streams.send(bytes, { transport: 'tcp', remote }, TCP_FIRST_MS)
      if (this.tap !== undefined) this.#tapSent(this.tap, bytes, { transport: 'tcp', remote })
      this.#counts.sent++
      return true
    } catch {
      makeRoom(this.#noTcp, NO_TCP_MAX)
      this.#noTcp.set(key, clock.now() + NO_TCP_MS)
      return false
    }
  }

  #onDatagram(bytes: Buffer, from: Address, point: number): void {
    const local = this.#udp.localOf(point)
    if (!local) return
    if (this.#stopwatch?.takes(bytes, from)) return
    if (isKeepAlive(bytes)) this.#counts.keepAlives++
    else if (isStun(bytes)) this.#onStun(bytes, from, point)
    else this.#receive(bytes, { transport: 'udp', remote: from, local, flow: udpFlow(point, from), point })
  }

  #onStun(bytes: Buffer, from: Address, point: number): void {
    this.#counts.stun++
    const answer = answerStun(bytes, from)
    if (answer) this.#udp.send(answer, from, point)
  }

  /** The last word on a connection, when it is a request whose end nobody can tell. */
  #onBroken(error: SipParseError, connection: Connection): void {
    if (!error.head) return
    try {
      const { kind, headers } = parseMessage(error.head)
      if (kind === 'request') error.headers = headers
    } catch (cause) {
      // Its Content-Length is what cannot be read, or larger than what is there.
      if (cause instanceof SipParseError) error.headers = cause.headers
    }
    this.#refuse(error, sourceOf(connection))
  }

  #receive(bytes: Buffer, source: Source): void {
    if (this.#init.hears?.(source.remote.host) === false) {
      this.#counts.unheard++
      return
    }
    const verdict = this.#init.overload?.judge(bytes, source.remote.host) ?? 'pass'
    if (verdict !== 'pass') {
      this.#counts.shed++
      if (verdict !== 'drop') this.sendBytes(verdict, { flow: source.flow }).catch(() => undefined)
      return
    }
    let message: SipMessage
    try {
      message = parseMessage(bytes)
      validateMessage(message)
      if (message.kind === 'request') this.#readVia(message, source)
    } catch (error) {
      this.#counts.garbage++
      if (error instanceof SipParseError) this.#refuse(error, source)
      else this.#log.error('parser failed', { error })
      return
    }
    this.#counts.received++
    if (this.tap !== undefined) this.tap.saw('in', bytes, source)
    this.#init.overload?.passed(message)
    try {
      this.onMessage?.(message, source)
    } catch (error) {
      this.#log.error('a message was not handled', { error, remote: formatAddress(source.remote) })
    }
  }

  #readVia(request: SipRequest, source: Source): void {
    const [via] = request.vias
    if (via?.params.has('alias') && source.transport !== 'udp') {
      const flow = parseFlow(source.flow)
      if (flow?.transport === source.transport && 'connection' in flow) this.#streams.alias(flow.connection, via)
    }
    stampVia(request, source.remote)
  }

  #onClosed(flow: FlowToken): void {
    try {
      this.onFlowClosed?.(flow)
    } catch (error) {
      this.#log.error('the end of a flow was not handled', { error, flow })
    }
  }

  /** Always to where it came from, whatever its Via says: a broken request must not make us send elsewhere. */
  #refuse(error: SipParseError, source: Source): void {
    this.#log.debug('not a message', { remote: formatAddress(source.remote), error: error.message })
    const response = respondToBroken(error, randomHex(this.#components.random, 5))
    if (!response) return
    this.#counts.refused++
    this.send(response, { flow: source.flow }).catch((cause: unknown) => {
      this.#log.debug('refusal not sent', { error: errorMessage(cause) })
    })
  }
}

const sourceOf = ({ transport, remote, local, flow, peerDomains }: Connection): Source => ({
  transport,
  remote,
  local,
  flow,
  ...(peerDomains && { peerDomains }),
})

const KEEP_ALIVE_BYTES_MAX = 8

/** CRLFs, or the zero bytes that some devices send. Datagrams need no pong (RFC 5626 §4.4.1 has them on streams). */
function isKeepAlive(bytes: Buffer): boolean {
  if (bytes.length > KEEP_ALIVE_BYTES_MAX) return false
  return bytes.every((byte) => byte === 13 || byte === 10 || byte === 0 || byte === 32)
}

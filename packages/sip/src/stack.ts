/**
 * SIP at one node: transports, transactions, proxy and registrar in one. What depends on accounts, relays, records and other
 * nodes comes in as delegates.
 */
import type { Address, Clock, Lifecycle, Logger, Random } from '@thor-node/core'
import { sleep } from '@thor-node/core'
import type { BusyHost, CallEndCause, Calls, DialogRecord, Home, MediaControl, Resolver, Ring } from './delegates.ts'
import { Doorkeeper } from './guard/doorkeeper.ts'
import type { Guard } from './guard/guard.ts'
import type { SipUri } from './message/contract.ts'
import { parseMessage } from './message/index.ts'
import { noPlan } from './numbers/dial-plan.ts'
import { Challenger } from './proxy/challenge.ts'
import type { ProxyComponents } from './proxy/context.ts'
import { Hops } from './proxy/hops.ts'
import { KeptMessages } from './proxy/kept-messages.ts'
import { REGISTERED_FLOWS_MAX } from './proxy/limits.ts'
import { SipProxy } from './proxy/proxy.ts'
import { Replier } from './proxy/reply.ts'
import type { SessionTimes } from './proxy/session-timer.ts'
import { RegisteredFlows } from './registrar/flows.ts'
import { Gruus } from './registrar/gruu.ts'
import { type KeepAliveKind, KeepAlives } from './registrar/keep-alive.ts'
import { Registrar } from './registrar/registrar.ts'
import { dnsLookups, type LookupsInit } from './routing/lookups.ts'
import { dnsResolver } from './routing/resolve.ts'
import type { TimerValues } from './transaction/contract.ts'
import { defaultTimers, Transactions } from './transaction/index.ts'
import type { FlowToken, TransportLayer } from './transport/contract.ts'
import { portOfUri } from './transport/names.ts'
import { type Agent, OutsideAgent } from './ua/ask.ts'
import { type EndReason, endCall } from './ua/bye.ts'

export interface SipStackComponents {
  clock: Clock
  random: Random
  logger: Logger
  transport: TransportLayer
  home: Home
  media: MediaControl
  calls: Calls
  ring: Ring
  /** Refuses those who failed too often. @default everybody passes */
  guard?: Guard
  /** Peers that need no digest. @default nobody */
  trusted?: ProxyComponents['trusted']
  /** By which numbers outside are reached. @default by none */
  trunks?: ProxyComponents['trunks']
  /** Where numbers lead by ENUM. @default nowhere */
  numbers?: ProxyComponents['numbers']
  /** Emergency numbers and their gateways. @default none: they are numbers as any other */
  emergencies?: ProxyComponents['emergencies']
  /** How numbers are dialled in a domain. @default what begins with + is a number of the world */
  planOf?: ProxyComponents['planOf']
  /** Finds foreign hosts. @default DNS */
  resolve?: Resolver
}

export interface SipStackInit {
  /** @default RFC 3261 Table 4 */
  timers?: TimerValues
  /** Digest algorithms offered, in this order, one header each. @default ['SHA-256', 'MD5'] */
  algorithms?: readonly string[]
  /** Qualities of protection offered: `auth`, `auth-int`. @default ['auth'] */
  qop?: readonly string[]
  /** Host in Record-Route: `address` for this node's own, or a domain that leads to any node. @default 'address' */
  recordRoute?: string
  /** Host in Via and Record-Route, where the bound one is no use to others (`0.0.0.0`). @default the bound address */
  advertisedHost?: string
  /** How long devices of one q ring before those of the next do. @default 20 s */
  groupRingingMs?: number
  /** Session timers (RFC 4028). @default those that the parties ask for, 90 s at least */
  sessions?: SessionTimes
  /** Whom to ask for foreign hosts, where no resolver is handed in. */
  dns?: LookupsInit
  /** What is sent to devices behind NAT that registered over UDP. @default 'crlf' */
  keepAlive?: KeepAliveKind
  /** Tells devices to send requests by way of their domain (RFC 3608). @default false */
  serviceRoute?: boolean
  /** Foreign callers to accounts here: without authentication, or not at all. @default 'any' */
  allowInboundFrom?: 'any' | 'none'
}

const DRAIN_POLL_MS = 100
const GROUP_RINGING_MS = 20_000

/** RFC 3326 texts of the reasons for which a node ends a call. */
const END_REASONS: Partial<Record<CallEndCause, string>> = {
  'media-timeout': 'media time-out',
  'max-duration': 'maximum duration reached',
  admin: 'ended by operator',
  lost: 'dialog lost',
}

export class SipStack implements Lifecycle {
  readonly #transport: TransportLayer
  readonly #transactions: Transactions
  readonly #proxy: SipProxy
  readonly #registrar: Registrar
  readonly #keepAlives: KeepAlives
  readonly #messages: KeptMessages
  readonly #hops: Hops
  readonly #components: ProxyComponents
  readonly #clock: Clock
  readonly #doorkeeper: Doorkeeper | undefined
  readonly #advertisedHost: string | undefined
  /** Speaks to the outside in this node's own name. */
  readonly agent: Agent
  #running = false

  constructor(components: SipStackComponents, init: SipStackInit = {}) {
    const { clock, random, logger, transport, home, media, calls, ring } = components
    const { guard } = components
    this.#doorkeeper = guard && new Doorkeeper({ guard, transport, random })
    const timers = init.timers ?? defaultTimers
    const { advertisedHost } = init
    this.#advertisedHost = advertisedHost
    const resolve = components.resolve ?? dnsResolver({ lookups: dnsLookups({ clock }, init.dns), random })
    this.#clock = clock
    this.#transport = transport
    this.#transactions = new Transactions({ clock, random, logger, transport }, { timers })
    this.#hops = new Hops({ transport, ring, resolve, clock, logger }, { ...(advertisedHost && { advertisedHost }) })
    this.agent = new OutsideAgent({ transactions: this.#transactions, hops: this.#hops, clock })
    const replier = new Replier({ random })
    const challenger = new Challenger(
      { clock, random, cookieKey: ring.cookieKey },
      { ...(init.algorithms && { algorithms: init.algorithms }), ...(init.qop && { qop: init.qop }) },
    )
    const gruus = new Gruus({ cookieKey: ring.cookieKey, clock, random })
    const flows = new RegisteredFlows({ max: REGISTERED_FLOWS_MAX })
    this.#keepAlives = new KeepAlives(
      { clock, random, logger, transport, hops: this.#hops, flows },
      { kind: init.keepAlive ?? 'crlf' },
    )
    const keepAlives = this.#keepAlives
    this.#messages = new KeptMessages({
      home,
      hops: this.#hops,
      transactions: this.#transactions,
      clock,
      random,
      ring,
      logger,
    })
    const messages = this.#messages
    this.#registrar = new Registrar(
      { flows, gruus, home, ring, clock, replier, challenger, logger, keepAlives, messages, ...(guard && { guard }) },
      { serviceRoute: init.serviceRoute ?? false },
    )
    this.#components = {
      transactions: this.#transactions,
      hops: this.#hops,
      home,
      media,
      calls,
      ring,
      clock,
      random,
      replier,
      challenger,
      gruus,
      flows,
      messages,
      logger,
      planOf: components.planOf ?? (() => noPlan),
      ...(guard && { guard }),
      ...(components.emergencies && { emergencies: components.emergencies }),
      ...(components.trusted && { trusted: components.trusted }),
      ...(components.trunks && { trunks: components.trunks }),
      ...(components.numbers && { numbers: components.numbers }),
    }
    this.#proxy = new SipProxy(
      { ...this.#components, registrar: this.#registrar, transport },
      {
        timerC: timers.timerC,
        t1: timers.t1,
        groupMs: init.groupRingingMs ?? GROUP_RINGING_MS,
        sessions: init.sessions ?? { interval: 0, min: 90 },
        allowInboundFrom: init.allowInboundFrom ?? 'any',
        recordRoute: init.recordRoute ?? 'address',
        isNode: (uri) => this.isNode(uri),
      },
    )
  }

  get listening(): TransportLayer['listening'] {
    return this.#transport.listening
  }

  async start(): Promise<void> {
    if (this.#running) return
    this.#running = true
    this.#proxy.start()
    this.#transactions.onRequest = (server) => this.#proxy.handleRequest(server)
    this.#transactions.onAck = (ack, source) => this.#proxy.handleAck(ack, source)
    this.#transactions.onStrayResponse = (response) => this.#proxy.handleStray(response)
    this.#transport.onMessage = (message, source) => {
      if (this.#doorkeeper?.passes(message, source) ?? true) this.#transactions.receive(message, source)
    }
    this.#transport.onFlowClosed = (flow) => this.#registrar.flowClosed(flow)
    try {
      await this.#transport.start()
      await this.#keepAlives.start()
    } catch (error) {
      this.#running = false
      throw error
    }
  }

  /** Refuses what is new with 503, waits until what runs has ended, at most `limitMs`. */
  async drain(limitMs = 5_000): Promise<void> {
    this.#proxy.drain()
    const until = this.#clock.now() + limitMs
    while (this.#proxy.unanswered > 0 && this.#clock.now() < until) await sleep(this.#clock, DRAIN_POLL_MS)
  }

  async stop(): Promise<void> {
    if (!this.#running) return
    this.#running = false
    this.#transport.onMessage = undefined
    this.#transport.onFlowClosed = undefined
    await this.#keepAlives.stop()
    this.#messages.stop()
    this.#proxy.stop()
    await this.#transactions.stop()
    await this.#transport.stop()
  }

  /** Bytes that another node composed, for a device whose flow is here. Rejects with `SIP_TRANSPORT_FAILED`. */
  deliverOnFlow(flow: FlowToken, bytes: Uint8Array): Promise<void> {
    return this.#transport.sendBytes(bytes, { flow })
  }

  /** Another node was told by a host outside to leave it alone. */
  heardBusy(busy: BusyHost): void {
    this.#hops.heardBusy(busy)
  }

  /** A response that another node received, whose Via is ours. What cannot be parsed is dropped. */
  deliverResponse(bytes: Uint8Array): void {
    const local = this.#transport.listening[0]?.local
    if (!this.#running || !local) return
    let message: ReturnType<typeof parseMessage>
    try {
      message = parseMessage(bytes)
    } catch {
      return
    }
    // Requests do not travel this way.
    if (message.kind !== 'response') return
    this.#transactions.receive(message, { transport: 'udp', remote: local, local, flow: '' })
  }

  /** Sends BYE to both sides of a call. Resolves when both have answered or timed out. */
  async endCall(dialog: DialogRecord, cause: CallEndCause | EndReason): Promise<void> {
    if (!this.#running) return
    const reason: EndReason =
      typeof cause === 'string' ? { protocol: 'SIP', cause: 200, text: END_REASONS[cause] ?? 'call ended' } : cause
    return endCall(this.#components, dialog, reason)
  }

  snapshot(): Record<string, unknown> {
    return {
      listening: this.#transport.listening.map(({ transport, local }) => `${transport}:${local.host}:${local.port}`),
      transport: this.#transport.snapshot(),
      transactions: this.#transactions.snapshot(),
      proxy: this.#proxy.snapshot(),
    }
  }

  /** This node or another of the ring: whichever a request reaches serves it. */
  isNode(uri: SipUri): boolean {
    const address: Address = { host: uri.host, port: portOfUri(uri) }
    const own = this.#transport.listening.some(
      ({ local }) =>
        local.port === address.port && (local.host === address.host || this.#advertisedHost === address.host),
    )
    return own || this.#components.ring.nodeAt(address) !== undefined
  }
}

/** What the parts of the proxy share. */
import type { Address, Clock, Logger, Random } from '@thor-node/core'
import type { Calls, Home, MediaControl, NumberLookup, Ring } from '../delegates.ts'
import type { Emergencies } from '../emergency/emergency.ts'
import type { Guard } from '../guard/guard.ts'
import type { PeerLoad } from '../guard/peer-load.ts'
import type { Peers } from '../guard/peers.ts'
import type { SipUri } from '../message/contract.ts'
import type { DialPlan } from '../numbers/dial-plan.ts'
import type { RegisteredFlows } from '../registrar/flows.ts'
import type { Gruus } from '../registrar/gruu.ts'
import type { ServerTransaction, TransactionLayer } from '../transaction/contract.ts'
import { Running } from '../transaction/running.ts'
import type { TransportName } from '../transport/contract.ts'
import type { Trunks } from '../trunk/trunks.ts'
import type { Challenger } from './challenge.ts'
import { type Branch, Fork, type ForkHooks, type ForkTimes } from './fork.ts'
import type { RouteHost } from './forward.ts'
import type { Hops } from './hops.ts'
import type { KeptMessages } from './kept-messages.ts'
import type { Replier } from './reply.ts'
import type { SessionTimes } from './session-timer.ts'

export interface ProxyComponents {
  transactions: TransactionLayer
  hops: Hops
  home: Home
  media: MediaControl
  calls: Calls
  ring: Ring
  clock: Clock
  random: Random
  replier: Replier
  challenger: Challenger
  gruus: Gruus
  flows: RegisteredFlows
  messages: KeptMessages
  logger: Logger
  /** Told what speaks against a source. */
  guard?: Pick<Guard, 'saw'>
  /** By which numbers outside are reached. */
  trunks?: Pick<Trunks, 'for' | 'named' | 'take' | 'targets'>
  /** Where numbers lead by ENUM. */
  numbers?: NumberLookup
  /** Which calls are emergencies, and where they go. */
  emergencies?: Emergencies
  /** How numbers are dialled in a domain, where none is said in the ring. From a local copy, answers at once. */
  planOf(domain: string | undefined): DialPlan
  /** Who needs no digest, and how much they may ask. */
  trusted?: { peers: Pick<Peers, 'of'>; load: Pick<PeerLoad, 'begin'> }
}

export interface ProxyInit extends ForkTimes {
  /** May callers of foreign domains reach accounts here? `any`: without authentication. */
  allowInboundFrom: 'any' | 'none'
  /** Host in Record-Route: `address` for this node's own, or a domain that leads to any node. */
  recordRoute: string
  /** Does this URI name this node or another of the ring? */
  isNode(uri: SipUri): boolean
  sessions: SessionTimes
}

/** The forks that run, so that stopping lets go of all of them. */
export class Forks {
  readonly #components: ProxyComponents
  readonly #init: ForkTimes
  #stopped = false
  readonly #running = new Running<number, { fork: Fork; server: ServerTransaction }>()
  #started = 0

  constructor(components: ProxyComponents, init: ForkTimes) {
    this.#components = components
    this.#init = init
  }

  get size(): number {
    return this.#running.size
  }

  /** Those whose client still waits for a final response; the others only linger for retransmissions. */
  get unanswered(): number {
    let count = 0
    for (const { server } of this.#running.values()) if (!server.answered) count++
    return count
  }

  /** Runs until the server transaction ends. CANCEL reaches it from now on. */
  start(server: ServerTransaction, branches: readonly Branch[], hooks: ForkHooks): void {
    // A home or relay that answered after the end.
    if (this.#stopped) return
    const { timerC, groupMs, t1 } = this.#init
    const fork = new Fork(this.#components, { server, branches, hooks, timerC, groupMs, t1 })
    const id = this.#started++
    this.#running.set(id, { fork, server })
    server.onEnd = () => this.#running.delete(id)
    server.onCancel = (cancel) => fork.cancel(cancel.headers.get('Reason'))
    fork.start()
  }

  reopen(): void {
    this.#stopped = false
  }

  /** Nothing starts from now on. */
  stop(): void {
    this.#stopped = true
    for (const { fork } of this.#running.values()) fork.stop()
    this.#running.clear()
  }
}

/** What goes into Record-Route for one side. */
export function recordRouteHost(
  components: ProxyComponents,
  init: ProxyInit,
  { transport, remote }: { transport: TransportName; remote: Address },
): RouteHost {
  const { host, port } = components.hops.sentBy(transport, remote)
  return init.recordRoute === 'address' ? { transport, host, port } : { transport, host: init.recordRoute, port: 0 }
}

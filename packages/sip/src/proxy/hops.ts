/** How one message leaves for one next hop: by a flow of this node, a flow of another node over the ring, or an address. */
import { type Address, type Clock, errorMessage, type Logger, ThorError } from '@thor-node/core'
import type { BusyHost, Resolver, Ring } from '../delegates.ts'
import type { SipRequest, SipUri } from '../message/contract.ts'
import { serializeMessage } from '../message/index.ts'
import { isIp } from '../message/ip.ts'
import { FailedAddresses } from '../routing/failed-addresses.ts'
import { LEFT_ALONE_MAX_MS } from '../routing/limits.ts'
import type { Hop } from '../transaction/contract.ts'
import type { TransportLayer, TransportName } from '../transport/contract.ts'
import { defaultPort, isStream, isWeb, transportOfUri } from '../transport/names.ts'
import type { Reach } from './cookie.ts'
import { ADDRESSES_MAX } from './limits.ts'
import type { Refusal } from './validate.ts'

export interface RemoteHop extends Hop {
  /** Address of the peer, as far as it is known here: for media, which must know where SDP came from. */
  remote: Address
  transport: TransportName
  /** Of a device: where it is held. */
  reach?: Reach
  /** Another address of the same peer, for when this one does not answer (RFC 3263 §4.3). */
  next?: RemoteHop
  /** Told whether this address answered, or failed: it is tried last for a while then, or left alone for so many seconds. */
  judge?(answered: boolean, retryAfter?: number): void
}

/** A name, which `advertisedHost` may be, is of both. */
const isSameFamily = (a: string, b: string): boolean => !isIp(a) || !isIp(b) || a.includes(':') === b.includes(':')

const NOWHERE: Address = { host: '0.0.0.0', port: 0 }

/** Every address of a host has said until when it wants to be left alone. */
export class NextHopBusy extends ThorError {
  /** Seconds until one of them may be asked again. */
  readonly retryAfter: number

  constructor(host: string, retryAfter: number) {
    super('SIP_NEXT_HOP_BUSY', `${host} wants to be left alone for ${retryAfter} s`)
    this.retryAfter = retryAfter
  }
}

/** 500, since 503 would say that this node is asked in vain, whoever is called (RFC 3261 §16.7 step 6). */
export const busyRefusal = ({ retryAfter }: NextHopBusy): Refusal => ({
  status: 500,
  reason: 'Next Hop Is Busy',
  headers: [['Retry-After', `${retryAfter}`]],
})

export class Hops {
  readonly #transport: TransportLayer
  readonly #ring: Ring
  readonly #resolver: Resolver
  readonly #failed: FailedAddresses
  readonly #log: Logger
  readonly #host: string | undefined

  constructor(
    components: { transport: TransportLayer; ring: Ring; resolve: Resolver; clock: Clock; logger: Logger },
    init: { advertisedHost?: string },
  ) {
    this.#failed = new FailedAddresses(components)
    this.#transport = components.transport
    this.#ring = components.ring
    this.#resolver = components.resolve
    this.#log = components.logger.forComponent('sip:hops')
    this.#host = init.advertisedHost
  }

  /**
   * What this node puts into Via for a transport, in the address family of who reads it; that of another family or transport
   * when it does not listen there.
   */
  sentBy(transport: TransportName, towards?: Address): { transport: string; host: string; port: number } {
    const { listening } = this.#transport
    const fits = (host: string): boolean => towards === undefined || isSameFamily(host, towards.host)
    const own = listening.filter((entry) => entry.transport === transport)
    const { local = NOWHERE } = own.find((entry) => fits(entry.local.host)) ?? own[0] ?? listening[0] ?? {}
    const host = this.#host !== undefined && isSameFamily(this.#host, local.host) ? this.#host : local.host
    return { transport: transport.toUpperCase(), host, port: local.port }
  }

  /**
   * To a device: on its flow, wherever that is held. When its connection is closed, `otherwise` is asked once how else the
   * device is reached. `strict`: when its edge is dead the device is not sent to from here, for it has another flow.
   */
  byFlow({ edge, flow }: Reach, otherwise?: () => Promise<RemoteHop | undefined>, strict = false): RemoteHop {
    const peer = this.#transport.remoteOf(flow)
    const transport = peer?.transport ?? 'udp'
    const here = edge === this.#ring.self
    const onFlow = (message: SipRequest): Promise<void> =>
      here ? this.#transport.send(message, { flow }) : this.#overRing({ edge, flow }, message, strict)
    return {
      transport,
      // Over the ring a UDP device is no more reliable than it was.
      reliable: isStream(transport),
      via: this.sentBy(transport, peer?.remote),
      remote: peer?.remote ?? NOWHERE,
      reach: { edge, flow },
      send: isStream(transport) && otherwise ? orElse(onFlow, otherwise) : onFlow,
    }
  }

  /**
   * A new connection to the Contact of a device that registered over one which is closed; undefined when that Contact names
   * another host than the connection came from: then there is a NAT between, and nothing leads back through it.
   */
  async toContact({ flow }: Reach, contact: SipUri): Promise<RemoteHop | undefined> {
    const peer = this.#transport.remoteOf(flow)
    const transport = peer?.transport
    if (!peer || (transport !== 'tcp' && transport !== 'tls') || contact.host !== peer.remote.host) return undefined
    return this.byAddress(transport, { host: contact.host, port: contact.port ?? defaultPort(transport) })
  }

  async #overRing({ edge, flow }: Reach, message: SipRequest, strict: boolean): Promise<void> {
    try {
      await this.#ring.sendOnFlow(edge, flow, serializeMessage(message))
    } catch (error) {
      const peer = this.#transport.remoteOf(flow)
      // Its edge is dead. A UDP device without NAT is reached from here too; with a full-cone NAT as well.
      if (strict || peer?.transport !== 'udp') throw error
      this.#log.debug('edge gone, sending directly', { edge, error: errorMessage(error) })
      await this.#transport.send(message, peer)
    }
  }

  /** To an address; `domain`: who must be there, as far as the transport can tell. */
  byAddress(transport: TransportName, remote: Address, domain?: string): RemoteHop {
    const destination = { transport, remote, ...(domain !== undefined && { domain }) }
    return {
      transport,
      reliable: isStream(transport),
      via: this.sentBy(transport, remote),
      ...(transport === 'tls' && { alias: true }),
      remote,
      send: (message) => this.#transport.send(message, destination),
    }
  }

  /**
   * To wherever a URI leads (RFC 3263): its addresses over one transport, the further ones as `next`; and the same for each
   * further transport, because what is written into a request depends on it. Those that want to be left alone are left out,
   * unless `always`. Rejects with `SIP_NEXT_HOP_UNKNOWN`, and with `SIP_NEXT_HOP_BUSY` when all want to be left alone.
   */
  async waysTo(uri: SipUri, always = false): Promise<[RemoteHop, ...RemoteHop[]]> {
    const named = uri.params.get('transport')
    const wanted = transportOfUri(uri)
    if (named !== undefined && (!wanted || isWeb(wanted))) {
      throw new ThorError('SIP_NEXT_HOP_UNKNOWN', `no way over ${named} to ${uri.scheme}:${uri.host}`)
    }
    const host = uri.params.get('maddr') ?? uri.host
    const secure = uri.scheme === 'sips'
    const query = { host, port: uri.port, ...(named !== undefined && { transport: wanted }), secure }
    const found = await this.#resolver.resolve(query).catch((cause: unknown) => {
      throw new ThorError('SIP_NEXT_HOP_UNKNOWN', `no address for ${host}`, { cause })
    })
    const open = always ? found : found.filter((way) => this.#failed.leftAloneMs(way) === 0)
    if (open.length === 0 && found.length > 0) throw this.#busy(host, found)
    const ways = this.#failed.sort(open).slice(0, ADDRESSES_MAX)
    const [first, ...rest] = [...new Set(ways.map(({ transport }) => transport))].map((name) =>
      ways
        .filter(({ transport }) => transport === name)
        .reduceRight<RemoteHop | undefined>(
          (next, way) => ({ ...this.#judged(way, uri.host), ...(next && { next }) }),
          undefined,
        ),
    ) as RemoteHop[]
    if (!first) throw new ThorError('SIP_NEXT_HOP_UNKNOWN', `no address for ${host}`)
    return [first, ...rest]
  }

  /** The same in one chain, for requests that say nothing of the transport. */
  async byUri(uri: SipUri, always = false): Promise<RemoteHop> {
    const ways = await this.waysTo(uri, always)
    return ways.reduceRight((after, way) => chained(way, after))
  }

  /** An address of which is remembered whether it answered. */
  #judged(way: { transport: TransportName; remote: Address }, domain: string): RemoteHop {
    const judge: RemoteHop['judge'] = (answered, seconds) => {
      if (answered) return this.#failed.answered(way)
      if (!seconds) return this.#failed.failed(way)
      this.heardBusy({ ...way, seconds })
      this.#ring.tellBusy?.({ ...way, seconds })
    }
    return { ...this.byAddress(way.transport, way.remote, domain), judge }
  }

  /** It is left alone from now on. */
  heardBusy({ seconds, ...way }: BusyHost): void {
    if (seconds > 0) this.#failed.failed(way, Math.min(seconds * 1_000, LEFT_ALONE_MAX_MS))
  }

  #busy(host: string, ways: Awaited<ReturnType<Resolver['resolve']>>): NextHopBusy {
    return new NextHopBusy(host, Math.ceil(Math.min(...ways.map((way) => this.#failed.leftAloneMs(way))) / 1_000))
  }
}

const chained = (hop: RemoteHop, after: RemoteHop): RemoteHop => ({
  ...hop,
  next: hop.next ? chained(hop.next, after) : after,
})

/** Sends by `first` until that fails, from then on by what `otherwise` finds. */
function orElse(first: Hop['send'], otherwise: () => Promise<RemoteHop | undefined>): Hop['send'] {
  let other: RemoteHop | undefined
  return async (message) => {
    if (other) return other.send(message)
    try {
      await first(message)
    } catch (error) {
      other = await otherwise()
      if (!other) throw error
      await other.send(message)
    }
  }
}

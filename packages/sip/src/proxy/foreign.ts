/** Hosts outside: by the Routes that a request brings, or by its Request-URI (RFC 3261 §16.5 and §16.6 step 6). */
import { errorMessage, type Logger } from '@thor-node/core'
import type { SipRequest, SipUri } from '../message/contract.ts'
import { NO_PARAMS } from '../message/headers/params.ts'
import { parseUri } from '../message/index.ts'
import { numberOf } from '../numbers/dialled.ts'
import type { Caller } from './admitting.ts'
import type { ProxyComponents, ProxyInit } from './context.ts'
import type { Destination } from './destination.ts'
import { busyRefusal, NextHopBusy, type RemoteHop } from './hops.ts'
import { mayCallOutside } from './outgoing.ts'
import { nextHopOf, writeRoutes } from './route.ts'
import type { Refusal } from './validate.ts'

export class Foreign {
  readonly #c: Pick<ProxyComponents, 'hops' | 'trunks'>
  readonly #isNode: ProxyInit['isNode']
  readonly #log: Logger

  constructor(components: Pick<ProxyComponents, 'hops' | 'trunks' | 'logger'>, init: Pick<ProxyInit, 'isNode'>) {
    this.#c = components
    this.#isNode = init.isNode
    this.#log = components.logger.forComponent('sip:proxy')
  }

  /** To where the address of somebody here leads. */
  async byAddress(uri: SipUri): Promise<Destination | Refusal> {
    try {
      return destinationOf(`sip:${uri.user}@${uri.host}`, await this.#c.hops.waysTo(uri))
    } catch (error) {
      return this.#refusal(uri, error)
    }
  }

  /**
   * To where the first Route leads that is not ours under a name that only DNS knows: such ones are taken off. Undefined when
   * none is left, or it leads nowhere.
   */
  async byRoute(request: SipRequest, caller: Caller | undefined): Promise<Destination | Refusal | undefined> {
    for (let [first, ...rest] = request.routes; first; [first, ...rest] = rest) {
      try {
        const ways = await this.#c.hops.waysTo(first.uri)
        if (!ways.some((way) => this.#leadsHere(way))) return await this.asked(request, caller)
      } catch (error) {
        if (error instanceof NextHopBusy) return busyRefusal(error)
        return undefined
      }
      writeRoutes(request, rest)
    }
    return undefined
  }

  /** To where a request asks to go. `caller`: one of ours, and not a trusted peer. */
  async asked(request: SipRequest, caller: Caller | undefined): Promise<Destination | Refusal> {
    const copy = request.clone()
    const next = nextHopOf(copy)
    try {
      const ways = await this.#c.hops.waysTo(next)
      // A carrier takes numbers from this address, whoever asks for them.
      if (caller && numberOf(copy.requestUri) !== undefined && (await this.#leadsToTrunk(ways))) {
        const refusal = mayCallOutside(caller)
        if (refusal) return refusal
      }
      return destinationOf(copy.uri, ways, copy.headers.getAll('Route'))
    } catch (error) {
      return this.#refusal(next, error)
    }
  }

  #refusal({ host }: SipUri, error: unknown): Refusal {
    this.#log.info('no way to a foreign host', { host, error: errorMessage(error) })
    if (error instanceof NextHopBusy) return busyRefusal(error)
    return { status: 503, reason: 'Next Hop Not Found' }
  }

  #leadsHere(way: RemoteHop): boolean {
    return hostsOf(way).some(({ host, port }) => this.#isNode({ scheme: 'sip', host, port, params: NO_PARAMS }))
  }

  async #leadsToTrunk(ways: readonly RemoteHop[]): Promise<boolean> {
    const { hops, trunks } = this.#c
    const meant = new Set(ways.flatMap(hostsOf).map(({ host }) => host))
    const found = await Promise.all(
      (trunks?.targets ?? []).map((target) => hops.waysTo(parseUri(target), true).catch(() => [])),
    )
    return found
      .flat()
      .flatMap(hostsOf)
      .some(({ host }) => meant.has(host))
  }
}

const hostsOf = ({ remote, next }: RemoteHop): RemoteHop['remote'][] => [remote, ...(next ? hostsOf(next) : [])]

function destinationOf(
  uri: string,
  [hop, ...further]: readonly [RemoteHop, ...RemoteHop[]],
  routes: readonly string[] = [],
): Destination {
  return { targets: [{ uri, hop, routes, group: 0, others: further.map((other) => ({ uri, hop: other, routes })) }] }
}

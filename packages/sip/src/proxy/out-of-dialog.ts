/** Requests that begin something: who sends, where to, and may it go there? RFC 3261 §16.5 and §16.6. */
import { type Address, type Aor, errorMessage, formatAddress, type Logger, splitAor } from '@thor-node/core'
import type { Target } from '../delegates.ts'
import type { Peer } from '../guard/peers.ts'
import type { SipRequest } from '../message/contract.ts'
import { parseUri } from '../message/index.ts'
import { followPlan } from '../routing/follow-plan.ts'
import type { ServerTransaction } from '../transaction/contract.ts'
import { isWeb } from '../transport/names.ts'
import { Admitting, aorOf, type Caller } from './admitting.ts'
import { breadthOf, shareBreadth } from './breadth.ts'
import { targetsOf } from './by-number.ts'
import { Call } from './call.ts'
import { type Forks, type ProxyComponents, type ProxyInit, recordRouteHost } from './context.ts'
import { type Reach, tagHash } from './cookie.ts'
import { type Destination, onlySecure, type Way } from './destination.ts'
import { emergencyWays, mayBeSos } from './emergency-ways.ts'
import { Foreign } from './foreign.ts'
import { type Branch, passing } from './fork.ts'
import { copyForTarget, onFlowGone, recordRoutes, withLoopMark } from './forward.ts'
import { addDiversions, addHistory } from './history.ts'
import {
  isAnonymous,
  isHidden,
  knownOutside,
  NOTHING_HIDDEN,
  normalIdentity,
  type Privacy,
  present,
  privacyOf,
  vouchedFor,
} from './identity.ts'
import { BRANCHES_MAX } from './limits.ts'
import { type DialledBy, meantBy } from './meant.ts'
import { answering, countAhead, type Leaving, showTo, waysOut } from './outgoing.ts'
import { restoring } from './restoring.ts'
import { sdpOf, setBody, statusOfMediaFailure } from './session-description.ts'
import { askForRefreshes } from './session-timer.ts'
import { callerOf, ownDomain } from './trusted.ts'
import { loopMark, type Refusal } from './validate.ts'

/** A request that may go on, and where to. */
interface Beginning {
  server: ServerTransaction
  request: SipRequest
  caller: Caller | undefined
  peer: Peer | undefined
  destination: Destination
  privacy: Privacy
  /** Max-Breadth of each target. */
  breadths: readonly number[]
}

/** Methods that form dialogs, whose later requests must come this way. */
const DIALOG_METHODS = new Set(['INVITE', 'SUBSCRIBE', 'REFER'])

export class OutOfDialog {
  readonly #c: ProxyComponents
  readonly #init: ProxyInit
  readonly #forks: Forks
  readonly #admitting: Admitting
  readonly #foreign: Foreign
  readonly #log: Logger

  constructor(components: ProxyComponents, init: ProxyInit, forks: Forks) {
    this.#c = components
    this.#init = init
    this.#forks = forks
    this.#admitting = new Admitting(components)
    this.#foreign = new Foreign(components, init)
    this.#log = components.logger.forComponent('sip:proxy')
  }

  async handle(server: ServerTransaction, request: SipRequest): Promise<void> {
    let gaveUp = false
    server.onCancel = () => {
      gaveUp = true
      server.respond(this.#c.replier.make(request, 487))
    }
    const peer = this.#c.trusted?.peers.of(server.source)
    const caller = peer ? callerOf(peer) : await this.#admitting.admit(server, request)
    if (caller === 'answered' || gaveUp) return
    const destination = await this.#locate(request, caller, peer)
    if (gaveUp) return
    if ('keeper' in destination) return this.#keep(server, request, caller, destination.keeper)
    if ('status' in destination) {
      if (destination.status === 404 && !caller && !peer) {
        this.#c.guard?.saw(server.source.remote.host, 'unknown-callee')
      }
      server.respond(this.#c.replier.make(request, destination.status, destination.reason, destination.headers))
      return
    }
    const groups = destination.targets.map(({ group }) => group)
    const breadths = shareBreadth(breadthOf(request), groups)
    if (!breadths) {
      server.respond(this.#c.replier.make(request, 440))
      return
    }
    const privacy = destination.emergency ? NOTHING_HIDDEN : privacyOf(request, caller?.hidden)
    const begin: Beginning = { server, request, caller, peer, destination, privacy, breadths }
    if (request.method === 'INVITE') await this.#call(begin, () => gaveUp)
    else this.#forks.start(server, this.#branches(begin), restoring(passing, request, this.#init.sessions))
  }

  async #locate(
    request: SipRequest,
    caller: Caller | undefined,
    peer?: Peer,
  ): Promise<Destination | Refusal | { keeper: Aor }> {
    const { home } = this.#c
    const named = home.servesDomain(request.requestUri.host) ? this.#c.gruus.read(request.requestUri) : undefined
    if (named === 'invalid') return { status: 404, reason: 'Not Found' }
    const own = ownDomain(caller, peer)
    const meant = meantBy({ home, isNode: this.#init.isNode, planOf: this.#c.planOf }, request.requestUri, own)
    const [aor, ...others] = named ? [named.aor] : meant.aors
    if ((caller || peer) && mayBeSos(this.#c, request)) {
      const sos = await emergencyWays(this.#c, this.#log, request, meant.dialled, caller)
      if (sos) return sos
      if (caller?.onlyEmergency !== undefined) return { status: 403, reason: caller.onlyEmergency }
    }
    const mayRelay = peer ? peer.relay : caller !== undefined
    const routed =
      mayRelay && request.routes.length > 0 && (await this.#foreign.byRoute(request, peer ? undefined : caller))
    if (routed) return routed
    if (request.requestUri.scheme === 'urn') return { status: 416, reason: 'No Emergency Service Here' }
    if (aor === undefined) {
      const { requestUri } = request
      if (this.#init.isNode(requestUri) || home.servesDomain(requestUri.host))
        return { status: 404, reason: 'Not Found' }
      if (!mayRelay) return { status: 403, reason: 'Relaying Denied' }
      return this.#foreign.asked(request, peer ? undefined : caller)
    }
    if (!caller && !peer && this.#init.allowInboundFrom === 'none') return { status: 403, reason: 'Forbidden' }
    const anonymous = isHidden(privacyOf(request, caller?.hidden)) || (!caller && isAnonymous(request.from.uri))
    const query = {
      method: request.method,
      ...(caller && { caller: caller.account }),
      ...(anonymous && { anonymous }),
      ...(named && { only: named.only }),
    }
    let route = await followPlan(home, { aor, ...query })
    for (const other of others) {
      if (route.verdict === 'refuse' && route.status === 404) route = await followPlan(home, { aor: other, ...query })
    }
    if (route.verdict === 'refuse') {
      if (route.status !== 404) return route
      const number = { dialled: named ? undefined : meant.dialled, own }
      return (
        (await this.#byNumber(request, number, caller, peer)) ?? (await this.#out(request, number, caller)) ?? route
      )
    }
    if (route.verdict === 'keep') return { keeper: route.account }
    const { trail, diversions } = route
    if (route.verdict === 'foreign') {
      const found = await this.#foreign.byAddress(parseUri(`sip:${route.aor}`))
      return 'status' in found ? found : { ...found, trail, diversions }
    }
    const targets = this.#devices(route.account, route.targets)
    const found = { account: route.account, trail, diversions }
    if (request.requestUri.scheme !== 'sips') return { ...found, targets }
    const secure = targets.flatMap(onlySecure)
    if (secure.length > 0) return { ...found, targets: secure }
    // RFC 5630 §5.3 and §6.3.
    const headers = [['Warning', `380 ${splitAor(aor)?.domain ?? 'thor-node'} "SIPS Not Allowed"`]] as const
    return { status: 480, reason: 'No Device Over TLS', headers }
  }

  async #keep(server: ServerTransaction, request: SipRequest, caller: Caller | undefined, account: Aor): Promise<void> {
    const privacy = privacyOf(request, caller?.hidden)
    const status = await this.#c.messages.keep(account, request, { ...(caller && { asserted: caller }), privacy })
    server.respond(this.#c.replier.make(request, status))
  }

  /** By ENUM, where nobody here has the number; several foreign hosts are tried one after the other. */
  async #byNumber(
    request: SipRequest,
    number: DialledBy,
    caller: Caller | undefined,
    peer: Peer | undefined,
  ): Promise<Destination | Refusal | undefined> {
    if (peer ? !peer.relay : !caller) return undefined
    const { home, numbers, hops, planOf } = this.#c
    const foreign: Destination['targets'][number][] = []
    const parts = { numbers, plan: planOf(number.own), log: this.#log }
    const { led, targets = [] } = (await targetsOf(parts, number.dialled, request.method, caller)) ?? {}
    for (const target of targets) {
      if (target.kind === 'trunk') {
        const out = foreign.length === 0 ? await this.#out(request, number, caller, target.as) : undefined
        if (out) return 'status' in out ? out : { ...out, led }
        continue
      }
      const { uri, text } = target
      const aor = home.servesDomain(uri.host) ? aorOf(uri) : undefined
      if (aor === undefined) {
        const ways = await hops.waysTo(uri).catch(() => [])
        const [first, ...others] = ways.map((hop) => ({ uri: text, hop }))
        if (first) foreign.push({ ...first, others, group: foreign.length })
        continue
      }
      const route = await followPlan(home, { aor, method: request.method, ...(caller && { caller: caller.account }) })
      if (route.verdict !== 'ring' || foreign.length > 0) continue
      const { account, trail, diversions } = route
      return { account, trail, diversions, led, targets: this.#devices(account, route.targets) }
    }
    return foreign.length > 0 ? { targets: foreign, led } : undefined
  }

  /** By trunk, where nobody here has the number. */
  async #out(
    request: SipRequest,
    { dialled }: DialledBy,
    caller: Caller | undefined,
    as?: Leaving,
  ): Promise<Destination | Refusal | undefined> {
    const { trunks, hops } = this.#c
    const from = { dialled, ...(as && { as }) }
    const ways = trunks && (await waysOut({ trunks, hops, log: this.#log }, request, caller, from))
    if (!ways || 'status' in ways) return ways
    const [first, ...others] = ways
    return { targets: [{ ...first, group: 0, others }] }
  }

  /** Those of equal q ring together, lower q after higher (§16.6). */
  #devices(account: Aor, targets: readonly Target[]): Destination['targets'] {
    const levels = [...new Set(targets.map((target) => target.q))].sort((a, b) => b - a)
    return targets.slice(0, BRANCHES_MAX).map(({ others = [], ...first }) => {
      const ways = [first, ...others].map((target, index) => this.#way(account, target, index < others.length))
      return { ...(ways[0] as Way), others: ways.slice(1), group: levels.indexOf(first.q) }
    })
  }

  /** `strict`: another flow of the device can be tried. */
  #way(aor: Aor, { uri, edge, flow, path }: Target, strict: boolean): Way {
    const { hops, home } = this.#c
    const toContact = async () => (path.length === 0 ? hops.toContact({ edge, flow }, parseUri(uri)) : undefined)
    const hop = onFlowGone(hops.byFlow({ edge, flow }, toContact, strict), () => {
      home.unbind({ aor, edge, flow }).catch((error) => {
        this.#log.info('end of a flow not stored', { aor, error: errorMessage(error) })
      })
    })
    return { uri, hop, routes: path }
  }

  async #call(begin: Beginning, gaveUp: () => boolean): Promise<void> {
    const { server, request, caller, peer, destination } = begin
    const { calls, replier, trusted } = this.#c
    const callUuid = calls.newCallUuid(caller?.account ?? destination.account ?? '')
    if (peer && !destination.emergency && !trusted?.load.begin(peer, callUuid)) {
      this.#log.info('a peer is at its limit', { peer: peer.name })
      server.respond(replier.unavailable(request))
      return
    }
    const call = new Call(this.#c, {
      callUuid,
      invite: request,
      billedTo: caller?.account ?? destination.account ?? '',
      ...(destination.account !== undefined && { callee: destination.account }),
      ...(destination.led && { led: destination.led }),
      caller: {
        ...(caller && { identity: caller.account }),
        ...(this.#isReached(server, caller) && { reach: this.#reachOf(server) }),
        remote: server.source.remote,
      },
    })
    const branches = this.#branches(begin, callUuid)
    if (branches.length === 0) {
      this.#log.info('every trunk for a number is at its limit', { call: callUuid })
      server.respond(replier.unavailable(request))
      return call.onFinal(503)
    }
    try {
      await call.offer(branches)
    } catch (error) {
      this.#log.warn('no relay for a call', { call: callUuid, error: errorMessage(error) })
      call.onFinal(503)
      const status = statusOfMediaFailure(error)
      if (!gaveUp()) server.respond(status === 503 ? replier.unavailable(request) : replier.make(request, status))
      return
    }
    if (gaveUp()) return call.onFinal(487)
    this.#forks.start(server, branches, restoring(call, request, this.#init.sessions))
  }

  #branches(begin: Beginning, callUuid?: string): (Branch & { towards: Address })[] {
    const mark = loopMark(begin.server.request, this.#c.ring.cookieKey)
    return begin.destination.targets.flatMap(({ group, others = [], ...target }, index) => {
      const left: Way[] = [target, ...others]
      const attempt = (): (Pick<Branch, 'request' | 'hop' | 'answer'> & { way: Way }) | undefined => {
        const way = begin.destination.emergency ? left.shift() : this.#nextWay(left, callUuid)
        if (!way) return undefined
        const { trunk } = way
        const again = (sent: SipRequest): SipRequest => {
          const copy = this.#copyFor(begin, way, index, callUuid, true)
          setBody(copy, sent.body)
          return copy
        }
        return {
          way,
          request: this.#copyFor(begin, way, index, callUuid),
          hop: () => withLoopMark(way.hop, mark),
          ...(trunk && { answer: answering(this.#c.random, trunk, again) }),
          // A gateway that fails is followed by the next, as a trunk is.
          ...(!trunk && begin.destination.emergency && { answer: () => undefined }),
        }
      }
      const first = attempt()
      if (!first) return []
      const { way, ...branch } = first
      const otherFlow = (): ReturnType<typeof attempt> => {
        const other = attempt()
        // As the relay has written it for this branch.
        if (other) setBody(other.request, branch.request.body)
        return other
      }
      const { reach, remote: towards } = way.hop
      return [{ ...branch, group, device: reach !== undefined, towards, ...(left.length > 0 && { otherFlow }) }]
    })
  }

  /** The next of these that can take the call. */
  #nextWay(left: Way[], callUuid = ''): Way | undefined {
    for (;;) {
      const way = left.shift()
      if (!way?.trunk || this.#c.trunks?.take(way.trunk, callUuid)) return way
    }
  }

  #copyFor(
    { server, request, caller, peer, destination, privacy, breadths }: Beginning,
    way: Way,
    index: number,
    callUuid?: string,
    ahead = false,
  ): SipRequest {
    const { ring, home } = this.#c
    const { uri, hop, routes = [], trunk } = way
    const cookie = {
      ...(callUuid !== undefined && { callUuid }),
      fromTagHash: tagHash(ring.cookieKey, request.from.params.get('tag') ?? ''),
      branch: index,
      lateOffer: callUuid !== undefined && sdpOf(request) === undefined,
      ...(this.#isReached(server, caller) && { caller: this.#reachOf(server) }),
      ...(hop.reach && { callee: hop.reach }),
      ...(privacy.user && { hidden: true }),
      ...(trunk && { trunk: { name: trunk.name, ahead } }),
    }
    const copy = copyForTarget(request, {
      uri,
      routes,
      consumes: (realm) => home.servesDomain(realm),
      ...(DIALOG_METHODS.has(request.method) && {
        recordRoutes: recordRoutes(
          ring.cookieKey,
          cookie,
          recordRouteHost(this.#c, this.#init, server.source),
          recordRouteHost(this.#c, this.#init, hop),
          request.requestUri.scheme,
        ),
      }),
    })
    copy.headers.set('Max-Breadth', `${breadths[index]}`)
    const { trail = [], diversions = [] } = destination
    addHistory(copy, request.uri, { trail, diversions, branch: index })
    addDiversions(copy, diversions)
    const { gruus, hops, planOf } = this.#c
    askForRefreshes(copy, this.#init.sessions)
    const vouched = peer ? vouchedFor(request).map((value) => normalIdentity(value, peer.domain, planOf)) : []
    // A carrier is told who calls, and not to tell it on (RFC 3325 §7).
    const told = trunk ? { ...privacy, id: false } : privacy
    const known = caller?.unproven ? undefined : caller
    const asserted = known && trunk ? knownOutside(known, planOf) : known
    present(copy, { ...(asserted && { asserted }), vouched }, told, (contact) =>
      gruus.hide(contact, formatAddress(hops.sentBy('udp'))),
    )
    if (trunk) showTo(copy, trunk, privacy)
    if (ahead) countAhead(copy)
    return copy
  }

  /** By the flow of the request: accounts, and browsers, whose Contact leads nowhere (RFC 7118 §5.1). */
  #isReached(server: ServerTransaction, caller: Caller | undefined): boolean {
    return caller !== undefined || isWeb(server.source.transport)
  }

  #reachOf(server: ServerTransaction): Reach {
    return { edge: this.#c.ring.self, flow: server.source.flow }
  }
}

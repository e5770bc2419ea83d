/**
 * Requests within a dialog that a node of this ring record-routed: the cookie says where the other side is, so any node
 * can carry them. Contacts of devices behind NAT lead nowhere and are only kept as Request-URI.
 */
import { errorMessage, formatAddress, type Logger, makeAor, randomHex } from '@thor-node/core'
import type { SipRequest, SipUri } from '../message/contract.ts'
import { formatVia } from '../message/headers/via.ts'
import { asRequestUri, parseUri, unescapeUser } from '../message/index.ts'
import { followPlan } from '../routing/follow-plan.ts'
import type { ServerTransaction } from '../transaction/contract.ts'
import type { Source } from '../transport/contract.ts'
import type { TrunkState } from '../trunk/trunk.ts'
import type { Forks, ProxyComponents } from './context.ts'
import { type Cookie, type Reach, tagHash } from './cookie.ts'
import { copyForTarget, type ForwardPlan, withLoopMark } from './forward.ts'
import type { RemoteHop } from './hops.ts'
import { hideContact, hideFrom, restore } from './identity.ts'
import { answering, asTrunkKnows, resent } from './outgoing.ts'
import { nextHopOf } from './route.ts'
import { branchName, passThroughRelay, type Side, sdpOf, statusOfMediaFailure } from './session-description.ts'
import { askForRefreshes, grantRefreshes, type SessionTimes, sessionSeconds } from './session-timer.ts'
import { loopMark } from './validate.ts'

export class InDialog {
  readonly #c: ProxyComponents
  readonly #forks: Forks
  readonly #sessions: SessionTimes
  readonly #log: Logger
  readonly #forwarding: ForwardPlan

  constructor(components: ProxyComponents, init: { sessions: SessionTimes }, forks: Forks) {
    this.#c = components
    this.#sessions = init.sessions
    this.#forks = forks
    this.#log = components.logger.forComponent('sip:in-dialog')
    this.#forwarding = { consumes: (realm) => components.home.servesDomain(realm) }
  }

  async handle(server: ServerTransaction, request: SipRequest, cookie: Cookie): Promise<void> {
    const { replier, media, ring } = this.#c
    const { callUuid } = cookie
    const sender = this.#senderOf(request, cookie)
    const receiver: Side = sender === 'caller' ? 'callee' : 'caller'
    const branch = branchName(cookie.branch)
    let gaveUp = false
    server.onCancel = () => {
      gaveUp = true
      server.respond(replier.make(request, 487))
    }
    const copy = copyForTarget(request, this.#forwarding)
    const trunk = this.#disguise(copy, sender, cookie)
    askForRefreshes(copy, this.#sessions)
    const offered = sdpOf(request) !== undefined
    if (callUuid && offered) {
      try {
        const from = server.source.remote
        const kind = isLateAnswer(request, sender, cookie) ? 'answer' : 'offer'
        await passThroughRelay(media, copy, { callUuid, side: sender, kind, branch, from })
      } catch (error) {
        this.#log.warn('no relay for an offer within a call', { call: callUuid, error: errorMessage(error) })
        const status = statusOfMediaFailure(error)
        if (gaveUp) return
        server.respond(status === 503 ? replier.unavailable(request) : replier.make(request, status))
        return
      }
      if (gaveUp) return
    }
    const mark = loopMark(server.request, ring.cookieKey)
    const reach = sender === 'caller' ? cookie.callee : cookie.caller
    const hop = async (): Promise<RemoteHop> =>
      withLoopMark(await this.#hopTo(copy, await this.#current(copy, reach)), mark)
    const answer = trunk && answering(this.#c.random, trunk, (sent) => resent(sent))
    this.#forks.start(
      server,
      [{ request: copy, group: 0, hop, device: reach !== undefined, ...(answer && { answer }) }],
      {
        prepare: async (_, received, used) => {
          const response = restore(received, request)
          grantRefreshes(response, request, this.#sessions)
          const refreshed = callUuid && sessionSeconds(response)
          if (refreshed) this.#refreshed(callUuid, refreshed)
          if (!callUuid || response.status >= 300) return response
          try {
            const kind = offered ? 'answer' : 'offer'
            const from = used?.remote ?? server.source.remote
            await passThroughRelay(media, response, { callUuid, side: receiver, kind, branch, from })
          } catch (error) {
            this.#log.warn('no relay for an answer within a call', { call: callUuid, error: errorMessage(error) })
          }
          return response
        },
        onFinal: () => undefined,
      },
    )
    // Whatever the other side says to it: whoever sends BYE has hung up (RFC 3261 §15.1.1).
    if (request.method === 'BYE' && callUuid) this.#ended(callUuid, sender, request)
  }

  /** ACK for a 2xx: forwarded without state; a late answer in it passes the relay. */
  async forwardAck(ack: SipRequest, source: Source, cookie: Cookie): Promise<void> {
    const { random, media } = this.#c
    const copy = copyForTarget(ack, this.#forwarding)
    const sender = this.#senderOf(ack, cookie)
    this.#disguise(copy, sender, cookie)
    const { callUuid } = cookie
    if (callUuid) {
      const branch = branchName(cookie.branch)
      const context = { callUuid, side: sender, kind: 'answer', branch, from: source.remote } as const
      await passThroughRelay(media, copy, context)
    }
    const reach = await this.#current(copy, sender === 'caller' ? cookie.callee : cookie.caller)
    const hop = await this.#hopTo(copy, reach)
    const params = new Map([
      ['branch', `z9hG4bK${randomHex(random, 8)}`],
      ['rport', ''],
    ])
    copy.headers.prepend('Via', formatVia({ ...hop.via, params }))
    await hop.send(copy)
  }

  /**
   * A caller who hides does so in all that he sends, and one who called by a trunk is known there by another name. Returns
   * the trunk that may ask for a password.
   */
  #disguise(copy: SipRequest, sender: Side, { hidden, trunk }: Cookie): TrunkState | undefined {
    if (sender !== 'caller') return undefined
    const { hops, gruus, trunks } = this.#c
    if (hidden) {
      hideFrom(copy)
      hideContact(copy, (contact) => gruus.hide(contact, formatAddress(hops.sentBy('udp'))))
      copy.headers.set('Privacy', 'id')
    }
    const known = trunk && trunks?.named(trunk.name)
    if (trunk) asTrunkKnows(copy, { trunk, ...(hidden && { hidden }) }, known)
    return known
  }

  #senderOf(request: SipRequest, cookie: Cookie): Side {
    const tag = request.from.params.get('tag') ?? ''
    return tagHash(this.#c.ring.cookieKey, tag) === cookie.fromTagHash ? 'caller' : 'callee'
  }

  /** A device that is known by a name of ours gets its Contact as Request-URI, on a flow that it has now (RFC 5627 §5.3). */
  async #current(copy: SipRequest, reach: Reach | undefined): Promise<Reach | undefined> {
    const { home, gruus } = this.#c
    copy.uri = asRequestUri(gruus.reveal(copy.requestUri) ?? copy.uri)
    const { requestUri, method } = copy
    const named = home.servesDomain(requestUri.host) ? gruus.read(requestUri) : undefined
    if (!named || named === 'invalid' || copy.routes.length > 0) return reach
    const plan = await followPlan(home, { ...named, method }).catch(() => undefined)
    const [device] = plan?.verdict === 'ring' ? plan.targets : []
    if (!device) return reach
    const flows = [device, ...(device.others ?? [])]
    const found = flows.find(({ edge, flow }) => edge === reach?.edge && flow === reach.flow) ?? device
    copy.uri = asRequestUri(found.uri)
    return { edge: found.edge, flow: found.flow }
  }

  async #hopTo(copy: SipRequest, reach: Reach | undefined): Promise<RemoteHop> {
    const target = copy.requestUri
    const next = nextHopOf(copy)
    if (!reach) return this.#c.hops.byUri(next, true)
    return this.#c.hops.byFlow(reach, async () => {
      return (await this.#newFlow(copy, target, reach)) ?? this.#c.hops.toContact(reach, target)
    })
  }

  /** Of a device that has connected anew since the dialog began: it registered the same Contact, maybe with another port. */
  async #newFlow({ to, method }: SipRequest, target: SipUri, old: Reach): Promise<RemoteHop | undefined> {
    const { home, hops } = this.#c
    if (!to.uri.user || !home.servesDomain(to.uri.host)) return undefined
    const aor = makeAor(unescapeUser(to.uri.user), to.uri.host)
    const plan = await followPlan(home, { aor, method }).catch(() => undefined)
    if (plan?.verdict !== 'ring') return undefined
    const flows = plan.targets.flatMap((device) => [device, ...(device.others ?? [])])
    const same = flows.filter(({ uri, flow }) => {
      const contact = parseUri(uri)
      return flow !== old.flow && contact.user === target.user && contact.host === target.host
    })
    const found = same.find(({ uri }) => parseUri(uri).port === target.port) ?? same[0]
    return found && hops.byFlow(found)
  }

  #refreshed(callUuid: string, seconds: number): void {
    this.#c.calls
      .refreshed({ callUuid, seconds })
      .catch((error) => this.#log.info('refresh of a call not stored', { call: callUuid, error: errorMessage(error) }))
  }

  #ended(callUuid: string, sender: Side, bye: SipRequest): void {
    const party = sender === 'caller' ? bye.to : bye.from
    const calleeTag = party.params.get('tag')
    const cause = sender === 'caller' ? 'bye-caller' : 'bye-callee'
    this.#c.calls
      .ended({ callUuid, cause, status: 200, ...(calleeTag && { calleeTag }) })
      .catch((error) => this.#log.warn('end of a call not stored', { call: callUuid, error: errorMessage(error) }))
  }
}

/** SDP in a PRACK answers the offer of a reliable provisional response when the INVITE had none (RFC 3262 §5). */
const isLateAnswer = (request: SipRequest, sender: Side, cookie: Cookie): boolean =>
  request.method === 'PRACK' && sender === 'caller' && cookie.lateOffer === true

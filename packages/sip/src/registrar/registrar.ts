/** The edge's side of a registrar (RFC 3261 §10.3): reads the REGISTER, asks the home of the AOR, writes the answer. */
import { type Aor, type Clock, errorMessage, type Logger, makeAor } from '@thor-node/core'
import type { BindingUpdate, BindQuery, BindResult, Home, Ring } from '../delegates.ts'
import type { Guard } from '../guard/guard.ts'
import type { SipRequest, SipResponse, SipUri } from '../message/contract.ts'
import { tagsOf } from '../message/headers/option-tags.ts'
import { formatParams, formatUri, parseNameAddrList, quote, splitList, unescapeUser } from '../message/index.ts'
import { isIp, withoutBrackets } from '../message/ip.ts'
import { answerOf, type Challenger } from '../proxy/challenge.ts'
import type { KeptMessages } from '../proxy/kept-messages.ts'
import { CONTACTS_MAX, ROUTES_MAX } from '../proxy/limits.ts'
import { type HeaderField, type Replier, retryAfter } from '../proxy/reply.ts'
import { type Refusal, refuseAsServer } from '../proxy/validate.ts'
import type { FlowToken, Source } from '../transport/contract.ts'
import { parseFlow, udpFlow } from '../transport/flow.ts'
import type { RegisteredFlows } from './flows.ts'
import { type Gruus, publicGruu } from './gruu.ts'
import type { KeepAlives } from './keep-alive.ts'
import { readOutbound } from './outbound.ts'

/** Seconds when neither Contact nor Expires says (RFC 3261 §10.2). */
const EXPIRES_DEFAULT = 3_600
/** Seconds after which a device must have sent a keep-alive on its flow (RFC 5626 §4.4). */
const FLOW_TIMER = 120
/** q of a Contact without one. */
const Q_DEFAULT = 1_000

export interface RegistrarComponents {
  home: Home
  ring: Ring
  clock: Clock
  replier: Replier
  challenger: Challenger
  gruus: Gruus
  flows: RegisteredFlows
  keepAlives: Pick<KeepAlives, 'add'>
  messages: Pick<KeptMessages, 'arrived'>
  /** Hears of those who try addresses that nobody here has. */
  guard?: Pick<Guard, 'saw'>
  logger: Logger
}

export class Registrar {
  readonly #c: RegistrarComponents
  readonly #log: Logger
  readonly #flows: RegisteredFlows

  readonly #serviceRoute: boolean
  #dated = { second: Number.NaN, text: '' }

  constructor(components: RegistrarComponents, init: { serviceRoute?: boolean } = {}) {
    this.#serviceRoute = init.serviceRoute ?? false
    this.#c = components
    this.#flows = components.flows
    this.#log = components.logger.forComponent('sip:registrar')
  }

  async handle(request: SipRequest, source: Source): Promise<SipResponse> {
    const { home, replier } = this.#c
    const query = readRegister(request, source, this.#c.ring.self, (domain) => home.servesDomain(domain))
    if ('status' in query) {
      if (query.status === 404) this.#c.guard?.saw(source.remote.host, 'unknown-account')
      return replier.make(request, query.status, query.reason, query.headers)
    }
    try {
      const result = await home.bind({ ...query, offers: this.#c.challenger.offers })
      this.#note(query, result)
      return this.#answer(request, query, result)
    } catch (error) {
      this.#log.warn('home did not answer a REGISTER', { aor: query.aor, error: errorMessage(error) })
      return replier.unavailable(request)
    }
  }

  /** A connection of this node is closed: the homes of those who registered over it hear of it at once. */
  flowClosed(flow: FlowToken): void {
    const { home, ring, clock } = this.#c
    for (const aor of this.#flows.accountsOn(flow, clock.wall())) {
      home
        .unbind({ aor, edge: ring.self, flow })
        .catch((error) => this.#log.info('end of a flow not stored', { aor, error: errorMessage(error) }))
    }
    this.#flows.forget(flow)
  }

  #note({ aor, contacts, flow, path, transport, nat, outbound }: BindQuery, result: BindResult): void {
    if (result.verdict !== 'bound' || contacts === 'all' || contacts.length === 0) return
    const now = this.#c.clock.wall()
    const asked = new Set(contacts.filter(({ expires }) => expires > 0).map(({ contact }) => contact))
    const granted = result.contacts.filter(({ contact }) => asked.has(contact))
    const until = now + Math.max(0, ...granted.map(({ expires }) => expires)) * 1_000
    const ping = transport === 'udp' && nat && !outbound ? granted[0]?.contact : undefined
    this.#flows.note(flow, aor, until, now, ping)
    if (ping !== undefined) this.#c.keepAlives.add(flow)
    const update = contacts.find(({ contact }) => contact === granted[0]?.contact)
    if (result.waiting && update) {
      this.#c.messages.arrived({ aor, contact: update.contact, flow: update.flow ?? flow, path })
    }
  }

  /** RFC 3261 §20.17; the same all through a second. */
  #date(wallMs: number): string {
    const second = Math.floor(wallMs / 1_000)
    if (second !== this.#dated.second) this.#dated = { second, text: new Date(wallMs).toUTCString() }
    return this.#dated.text
  }

  #answer(request: SipRequest, query: BindQuery, result: BindResult): SipResponse {
    const { replier, challenger, clock } = this.#c
    switch (result.verdict) {
      case 'challenge': {
        const realm = query.aor.slice(query.aor.lastIndexOf('@') + 1)
        return replier.make(request, 401, undefined, challenger.headers(request, 'WWW-Authenticate', realm, result))
      }
      case 'refuse': {
        const headers = retryAfter(result)
        if (result.minExpires) headers.push(['Min-Expires', `${result.minExpires}`])
        return replier.make(request, result.status, result.reason, headers)
      }
      case 'bound': {
        const supported = tagsOf(request, 'Supported')
        const headers = result.contacts.map(({ contact, params, q, expires, gruu }): HeaderField => {
          const all = new Map(Object.entries(params))
          if (q !== Q_DEFAULT) all.set('q', String(q / 1_000))
          all.set('expires', `${expires}`)
          if (gruu && supported.includes('gruu')) {
            all.set('pub-gruu', quote(publicGruu(query.aor, gruu.instance)))
            all.set('temp-gruu', quote(this.#c.gruus.temporary(query.aor, gruu.instance, gruu.callId)))
          }
          return ['Contact', `<${contact}>${formatParams(all)}`]
        })
        if (supported.includes('path')) {
          for (const path of query.path) headers.push(['Path', path])
        }
        if (this.#serviceRoute)
          headers.push(['Service-Route', `<sip:${query.aor.slice(query.aor.lastIndexOf('@') + 1)};lr>`])
        if (query.outbound) headers.push(['Require', 'outbound'], ['Flow-Timer', `${FLOW_TIMER}`])
        headers.push(['Date', this.#date(clock.wall())])
        return replier.make(request, 200, undefined, headers)
      }
    }
  }
}

/** Steps 1 to 6 of §10.3 as far as no account is needed; what the home decides about, or a refusal. */
export function readRegister(
  request: SipRequest,
  source: Source,
  edge: string,
  serves: (domain: string) => boolean,
): BindQuery | Refusal {
  const refusal = refuseAsServer(request)
  if (refusal) return refusal
  const { uri } = request.to
  if (uri.scheme !== 'sip' && uri.scheme !== 'sips') return { status: 400, reason: 'Bad To' }
  if (!serves(uri.host)) return { status: 404, reason: 'Domain Not Served Here' }
  if (!uri.user) return { status: 404, reason: 'To Names No Account' }
  const aor: Aor = makeAor(unescapeUser(uri.user), uri.host)

  const path = request.headers.getAll('Path').flatMap(splitList)
  if (path.length > ROUTES_MAX) return { status: 400, reason: 'Too Many Path Entries' }
  parseNameAddrList(path)
  const outbound = readOutbound(request, path)
  if (typeof outbound === 'object') return outbound

  const nat = isBehindNat(request, source)
  // Behind an outside proxy (RFC 3327) nothing is reached but through it.
  const contacts = readContacts(request, nat || path.length > 0 ? undefined : source)
  if ('status' in contacts) return contacts
  // A name of ours for one of its devices leads back here (RFC 5627 §5.1).
  if (
    Array.isArray(request.contacts) &&
    request.contacts.some(({ uri: { params, host } }) => params.has('gr') && serves(host))
  ) {
    return { status: 403, reason: 'Contact Is A GRUU' }
  }
  const answer = answerOf(request, 'Authorization', (realm) => realm === uri.host)
  return {
    aor,
    ...(answer && { answer }),
    callId: request.callId,
    cseq: request.cseq.number,
    contacts: contacts.updates,
    edge,
    flow: source.flow,
    path,
    userAgent: request.headers.get('User-Agent')?.slice(0, 200) ?? '',
    source: source.remote,
    transport: source.transport,
    nat,
    ...(outbound && { outbound }),
  }
}

/** `direct`: the source of a device that is not behind NAT, whose Contact therefore can be reached as it is. */
function readContacts(request: SipRequest, direct: Source | undefined): { updates: BindQuery['contacts'] } | Refusal {
  const header = request.headers.get('Expires')
  const common = header === undefined ? EXPIRES_DEFAULT : parseSeconds(header)
  const { contacts } = request
  if (contacts === undefined) return { updates: [] }
  if (contacts === '*') {
    return header?.trim() === '0' ? { updates: 'all' } : { status: 400, reason: 'Contact * Needs Expires 0' }
  }
  if (contacts.length > CONTACTS_MAX) return { status: 403, reason: 'Too Many Contacts' }
  const updates: BindingUpdate[] = []
  for (const { uri, params } of contacts) {
    if (uri.scheme !== 'sip' && uri.scheme !== 'sips') return { status: 400, reason: 'Bad Contact' }
    const own = params.get('expires')
    const rest = [...params].filter(([name]) => name !== 'expires' && name !== 'q')
    updates.push({
      contact: formatUri(uri),
      params: Object.fromEntries(rest),
      q: parseQ(params.get('q')),
      expires: own === undefined ? common : parseSeconds(own),
      ...flowToContact(uri, direct),
    })
  }
  return { updates }
}

/** A malformed number counts as the default (§20.19), an enormous one as the largest. */
function parseSeconds(text: string): number {
  return /^\d+$/.test(text.trim()) ? Math.min(2 ** 31, Number(text)) : EXPIRES_DEFAULT
}

function parseQ(text: string | undefined): number {
  const value = Number(text)
  return text && value >= 0 && value <= 1 ? Math.round(value * 1_000) : Q_DEFAULT
}

/**
 * The device thinks it has another address than the one we see. What it writes into Via tells (RFC 3581); its Contact does
 * not: that may be another device's, registered by somebody else.
 */
function isBehindNat(request: SipRequest, { transport, remote }: Source): boolean {
  const via = request.vias[0]
  return via?.host !== remote.host || (transport === 'udp' && (via.port ?? 5060) !== remote.port)
}

/** A datagram flow from the point that the registration reached to the address that the Contact names, if that leads there. */
function flowToContact(uri: SipUri, direct: Source | undefined): { flow?: FlowToken } {
  const flow = direct?.transport === 'udp' ? parseFlow(direct.flow) : undefined
  const overUdp = uri.scheme === 'sip' && (uri.params.get('transport') ?? 'udp').toLowerCase() === 'udp'
  if (flow?.transport !== 'udp' || !overUdp) return {}
  const host = withoutBrackets(uri.params.get('maddr') ?? uri.host)
  const isSameFamily = host.includes(':') === flow.remote.host.includes(':')
  return isIp(host) && isSameFamily ? { flow: udpFlow(flow.point, { host, port: uri.port ?? 5060 }) } : {}
}

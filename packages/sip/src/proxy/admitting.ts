/** Who sends a request that begins something: his home is asked, with the credentials that he brings. */
import { type Aor, makeAor, splitAor } from '@thor-node/core'
import { claimedAor } from '../auth.ts'
import { decideAdmission } from '../call-control/admission.ts'
import type { Admission, AdmitQuery, DigestAnswer } from '../delegates.ts'
import type { SipRequest, SipUri } from '../message/contract.ts'
import { unescapeUser } from '../message/index.ts'
import { dialledIn } from '../numbers/dialled.ts'
import type { ServerTransaction } from '../transaction/contract.ts'
import { answerOf } from './challenge.ts'
import type { ProxyComponents } from './context.ts'
import { mayBeSos } from './emergency-ways.ts'
import { isAnonymous, preferredIdentities } from './identity.ts'
import { retryAfter } from './reply.ts'

export type Caller = Extract<Admission, { verdict: 'admit' }>

type Components = Pick<
  ProxyComponents,
  'home' | 'replier' | 'challenger' | 'gruus' | 'flows' | 'clock' | 'guard' | 'planOf' | 'emergencies'
>

const NOTHING_SAID = { ok: false, cause: 'no-credentials' } as const

export class Admitting {
  readonly #c: Components

  constructor(components: Components) {
    this.#c = components
  }

  /**
   * The caller's home is asked when From is of a domain served here; others are foreign callers. A `tel:` URI has no domain: it is of
   * that in which the caller can prove who he is.
   */
  async admit(server: ServerTransaction, request: SipRequest): Promise<Caller | undefined | 'answered'> {
    const emergency = mayBeSos(this.#c, request)
    const { home, replier, challenger } = this.#c
    const anonymous = isAnonymous(request.from.uri)
    const answer = answerOf(request, 'Proxy-Authorization', (realm) => home.servesDomain(realm))
    const preferred = preferredIdentities(request)
    const named = this.#c.gruus.read(request.from.uri)
    const written = named && named !== 'invalid' ? named.aor : aorOf(request.from.uri)
    const { scheme, host } = request.from.uri
    const domain = anonymous || scheme === 'tel' ? this.#realmOf(server, request, answer, preferred) : host
    if (domain === undefined || !home.servesDomain(domain)) return undefined
    const number = anonymous || named ? undefined : dialledIn(request.from.uri, domain, this.#c.planOf)?.number
    const fromNumber = number?.startsWith('+') ? makeAor(number, domain) : undefined
    const from = written ?? fromNumber
    if (!from) {
      server.respond(replier.make(request, 403, 'From Is Not Your Address'))
      return 'answered'
    }
    const query: AdmitQuery = {
      aor: answer ? claimedAor(answer) : from,
      method: request.method,
      ...(answer && { answer }),
      from,
      ...(fromNumber !== undefined && fromNumber !== from && { fromNumber }),
      ...(emergency && { emergency }),
      ...(anonymous && { anonymous }),
      ...(preferred.length > 0 && { preferred }),
      source: server.source.remote,
      offers: challenger.offers,
    }
    // Nobody's home can be asked about somebody without a name.
    const asked = anonymous && !answer ? decideAdmission(undefined, query, NOTHING_SAID) : home.admit(query)
    // Who cannot be asked for does not keep an emergency call from going on.
    const admission = emergency ? await Promise.resolve(asked).catch(() => unproven(query)) : await asked
    if (admission.verdict === 'admit') return admission
    if (admission.verdict === 'refuse') {
      server.respond(replier.make(request, admission.status, admission.reason, retryAfter(admission)))
    } else {
      const headers = challenger.headers(request, 'Proxy-Authenticate', domain, admission)
      server.respond(replier.make(request, 407, undefined, headers))
    }
    return 'answered'
  }

  /** Where a caller who does not say who he is can prove it; undefined when nothing tells that he is of here. */
  #realmOf(
    { source }: ServerTransaction,
    { from }: SipRequest,
    answer: DigestAnswer | undefined,
    preferred: readonly Aor[],
  ): string | undefined {
    const { home, flows, clock } = this.#c
    const hints = [
      answer?.realm.toLowerCase(),
      from.uri.host,
      ...preferred.map((aor) => splitAor(aor)?.domain),
      ...flows.accountsOn(source.flow, clock.wall()).map((aor) => splitAor(aor)?.domain),
    ]
    return hints.find((domain) => domain !== undefined && home.servesDomain(domain))
  }
}

/** A caller whose home is out of reach: as who he says he is, for an emergency call and nothing else. */
const unproven = ({ aor }: AdmitQuery): Caller => ({
  verdict: 'admit',
  account: aor,
  identity: aor,
  groups: [],
  callLimit: 0,
  unproven: true,
  onlyEmergency: 'Nobody Knows Whether You May',
})

export function aorOf(uri: SipUri): Aor | undefined {
  return (uri.scheme === 'sip' || uri.scheme === 'sips') && uri.user
    ? makeAor(decodeUser(uri.user), uri.host)
    : undefined
}

/** %HH undone; parameters of a telephone number in the user part dropped (RFC 3261 §19.1.6). */
function decodeUser(user: string): string {
  const plain = unescapeUser(user)
  return plain.startsWith('+') ? (plain.split(';')[0] as string) : plain
}

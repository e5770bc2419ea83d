/**
 * Who a caller is, as this ring says it (RFC 3325), and what is kept from the other side when he wants it so (RFC 3323).
 * Nobody who sends to us is trusted to say it himself.
 */
import { type Aor, makeAor } from '@thor-node/core'
import type { SipMessage, SipRequest, SipResponse, SipUri } from '../message/contract.ts'
import {
  escapeUser,
  formatNameAddr,
  parseNameAddr,
  parseNameAddrList,
  parseUri,
  splitList,
  unescapeUser,
} from '../message/index.ts'
import { type DialPlan, normalise } from '../numbers/dial-plan.ts'
import { dialledIn, numberOf } from '../numbers/dialled.ts'
import { LOOP_PARAM, wantedPrivacy } from './validate.ts'

/** Said by the ring alone. */
const ASSERTIONS = ['P-Asserted-Identity', 'P-Preferred-Identity', 'Remote-Party-ID']
/** What tells of a caller beside his address (RFC 3323 §5.1). */
const TELLING = ['Subject', 'Call-Info', 'Organization', 'User-Agent', 'Reply-To', 'In-Reply-To', 'Referred-By']
const ANONYMOUS = 'sip:anonymous@anonymous.invalid'
const NO_VIA = 'SIP/2.0/UDP anonymous.invalid;branch=z9hG4bKhidden'
/** P-Preferred-Identity has one SIP and one telephone address (RFC 3325 §9.2). */
const PREFERRED_MAX = 2

export interface Privacy {
  /** The asserted identity goes to nobody. */
  id: boolean
  /** From, Contact and what else tells of the caller. */
  user: boolean
  /** The Vias and Contact, which show where he is. */
  header: boolean
}

export const NOTHING_HIDDEN: Privacy = { id: false, user: false, header: false }

/** `always`: the account hides its number in every call, whatever the request says. */
export function privacyOf(request: SipRequest, always = false): Privacy {
  const wanted = wantedPrivacy(request)
  const none = wanted.has('none')
  const user = always || (!none && wanted.has('user'))
  const header = !none && wanted.has('header')
  return { id: always || (!none && (wanted.has('id') || user || header)), user, header }
}

export const isHidden = ({ id, user, header }: Privacy): boolean => id || user || header

/** From says nothing: RFC 3323 §4.1.1.3, and the `anonymous` of some devices at their own domain. */
export const isAnonymous = ({ user, host }: SipUri): boolean =>
  host === 'anonymous.invalid' || user?.toLowerCase() === 'anonymous'

/** The addresses that the caller would like to be known by. Throws SipParseError. */
export function preferredIdentities(request: SipRequest): Aor[] {
  return parseNameAddrList(request.headers.getAll('P-Preferred-Identity'))
    .slice(0, PREFERRED_MAX)
    .flatMap(({ uri: { scheme, user, host } }) =>
      scheme.startsWith('sip') && user ? [makeAor(unescapeUser(user), host)] : [],
    )
}

export function dropAssertions(message: SipMessage): void {
  for (const name of ASSERTIONS) if (message.headers.has(name)) message.headers.remove(name)
}

/** RFC 3325 §9.1: one SIP and one telephone address. */
const VOUCHED_MAX = 2

/** What a trusted peer says of the caller; nobody else's word counts. */
export const vouchedFor = (request: SipRequest): string[] =>
  request.headers.getAll('P-Asserted-Identity').flatMap(splitList).slice(0, VOUCHED_MAX)

export interface Asserted {
  identity: Aor
  displayName?: string
  /** What stands before the @ is a telephone number. */
  isNumber?: boolean
}

type PlanOf = (domain: string | undefined) => DialPlan

/**
 * As whom a carrier knows a caller: by a number of the world (E.164) where he has one. `numbers`: users of his addresses that may
 * be one, the best first.
 */
export function knownOutside(caller: Asserted & { numbers?: readonly string[] }, planOf: PlanOf): Asserted {
  const domain = caller.identity.slice(caller.identity.lastIndexOf('@') + 1)
  const plan = planOf(domain)
  const number = caller.numbers?.map((one) => normalise(one, plan)).find((one) => one.startsWith('+'))
  return number === undefined ? caller : { ...caller, identity: makeAor(number, domain), isNumber: true }
}

/** What a peer vouches for, with its number as one of the world; as it stands where there is none, or it is that already. */
export function normalIdentity(value: string, domain: string | undefined, planOf: PlanOf): string {
  try {
    const { uri, params, displayName } = parseNameAddr(value)
    const written = numberOf(uri)
    const number = dialledIn(uri, domain, planOf)?.number
    if (number === undefined || number === written || !number.startsWith('+')) return value
    return formatNameAddr({ ...(displayName !== undefined && { displayName }), uri: { ...uri, user: number }, params })
  } catch {
    return value
  }
}

/**
 * Writes into a copy on its way to the callee who the caller is, or hides him. `hiddenContact`: a Contact that leads back to
 * him through any node and says nothing.
 */
export function present(
  copy: SipRequest,
  { asserted, vouched }: { asserted?: Asserted; vouched: readonly string[] },
  privacy: Privacy,
  hiddenContact: (contact: string) => string,
): void {
  dropAssertions(copy)
  if (!privacy.id) for (const value of vouched) copy.headers.append('P-Asserted-Identity', value)
  if (asserted && !privacy.id && vouched.length === 0) {
    const { identity, displayName, isNumber } = asserted
    const at = identity.lastIndexOf('@')
    const uri = parseUri(
      `sip:${escapeUser(identity.slice(0, at))}${identity.slice(at)}${isNumber ? ';user=phone' : ''}`,
    )
    copy.headers.append(
      'P-Asserted-Identity',
      formatNameAddr({ ...(displayName && { displayName }), uri, params: new Map() }),
    )
  }
  if (privacy.user) hideFrom(copy)
  if (privacy.user || privacy.header) hideContact(copy, hiddenContact)
  if (privacy.header) hideVias(copy)
  // What was done need not be asked for again; that the number is withheld may be shown.
  if (isHidden(privacy)) copy.headers.set('Privacy', 'id')
}

/** Complete value of From as the callee of a hidden caller sees it. */
export const hiddenFrom = ({ from: { params } }: SipRequest): string =>
  formatNameAddr({ displayName: 'Anonymous', uri: parseUri(ANONYMOUS), params })

export function hideFrom(copy: SipRequest): void {
  copy.headers.set('From', hiddenFrom(copy))
  for (const name of TELLING) if (copy.headers.has(name)) copy.headers.remove(name)
}

/** A temporary GRUU hides its owner already. */
export function hideContact(copy: SipRequest, hiddenContact: (contact: string) => string): void {
  const { contacts } = copy
  if (!contacts || contacts === '*') return
  copy.headers.setAll(
    'Contact',
    contacts.map(({ uri, params }) => {
      if (uri.params.get('gr') === '') return formatNameAddr({ uri, params })
      return formatNameAddr({
        uri: parseUri(hiddenContact(formatNameAddr({ uri, params: new Map() }).slice(1, -1))),
        params,
      })
    }),
  )
}

/** Those that tell a loop stay. */
function hideVias(copy: SipRequest): void {
  const vias = copy.headers.getAll('Via').flatMap(splitList)
  const kept = vias.filter((via) => via.includes(LOOP_PARAM))
  copy.headers.setAll('Via', [NO_VIA, ...kept])
}

/** A response on its way back to the caller: with his own From, CSeq and Vias, whatever the callee was shown. */
export function restore(response: SipResponse, request: SipRequest): SipResponse {
  dropAssertions(response)
  for (const name of ['From', 'CSeq']) {
    const own = request.headers.get(name)
    if (own !== undefined && response.headers.get(name) !== own) response.headers.set(name, own)
  }
  if (response.headers.get('Via')?.includes('anonymous.invalid')) {
    response.headers.setAll('Via', request.headers.getAll('Via').flatMap(splitList))
  }
  return response
}

/** RFC 3261 §16.3: may this request be proxied at all? Steps in the order of the RFC. */
import { shortMac } from '@thor-node/core'
import type { SipRequest } from '../message/contract.ts'
import { formatNameAddr } from '../message/headers/name-addr.ts'
import { tagsOf } from '../message/headers/option-tags.ts'
import { ROUTES_MAX, VIAS_MAX } from './limits.ts'
import { SUPPORTED } from './reply.ts'

export interface Refusal {
  status: number
  reason: string
  headers?: readonly (readonly [name: string, value: string])[]
}

const SCHEMES = new Set(['sip', 'sips', 'tel'])
/** RFC 5031: the one service that is known here. */
const SOS = /^urn:service:sos(?:\.|$)/i

/** Via parameter with which a request is known again when it comes back (the purpose of RFC 3261 §16.6 step 8). */
export const LOOP_PARAM = 'thor-loop'

/** Undefined when the request may go on. Reading a header may throw: that is a 400 too, which the caller answers. */
export function validate(request: SipRequest, cookieKey: Uint8Array): Refusal | undefined {
  // 1. Reasonable syntax.
  const cseq = request.cseq
  if (cseq.method !== request.method) return { status: 400, reason: 'CSeq Method Does Not Match' }
  if (request.callId === '') return { status: 400, reason: 'Missing Call-ID' }
  if (request.vias.length === 0 || request.vias.length > VIAS_MAX) return { status: 400, reason: 'Bad Via' }
  if (request.routes.length > ROUTES_MAX) return { status: 400, reason: 'Too Many Routes' }
  if (!request.from.params.get('tag')) return { status: 400, reason: 'Missing From Tag' }
  if (request.to.uri.scheme === '') return { status: 400, reason: 'Bad To' }
  // 2. URI scheme.
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(request.uri)?.[1]?.toLowerCase()
  if (!scheme) return { status: 400, reason: 'Bad Request-URI' }
  const isSos = scheme === 'urn' && SOS.test(request.uri)
  if (!SCHEMES.has(scheme) && !isSos) return { status: 416, reason: 'Unsupported URI Scheme' }
  if (scheme !== 'tel' && !isSos && request.requestUri.host === '') return { status: 400, reason: 'Bad Request-URI' }
  // 3. Max-Forwards. A registrar and an OPTIONS to ourselves are no forwarding, so the proxy asks `hopsLeft` later.
  // 4. Loops.
  const marked = request.vias.some((via) => via.params.has(LOOP_PARAM))
  if (marked) {
    const mark = loopMark(request, cookieKey)
    if (request.vias.some((via) => via.params.get(LOOP_PARAM) === mark)) return { status: 482, reason: 'Loop Detected' }
  }
  // 5. Proxy-Require: privacy (RFC 3323) is all that anybody may need of a proxy here.
  const unsupported = tagsOf(request, 'Proxy-Require').filter((tag) => tag !== 'privacy')
  if (unsupported.length > 0) {
    return { status: 420, reason: 'Bad Extension', headers: [['Unsupported', unsupported.join(', ')]] }
  }
  // RFC 3323 §5: rather not at all than without that.
  const hidden = request.headers.has('Privacy') ? wantedPrivacy(request) : NO_PRIVACY
  if (hidden.has('critical') && [...hidden].some((value) => !PRIVACY_VALUES.has(value))) {
    return { status: 500, reason: 'Privacy Not Supported' }
  }
  return undefined
}

const NO_PRIVACY: ReadonlySet<string> = new Set()
const PRIVACY_VALUES = new Set(['header', 'session', 'user', 'id', 'history', 'none', 'critical', ''])

/** What Privacy asks for (RFC 3323 §4.2), in lower case. */
export const wantedPrivacy = (request: SipRequest): ReadonlySet<string> =>
  new Set(request.headers.getAll('Privacy').flatMap((value) => value.toLowerCase().split(/[;,\s]+/)))

const SUPPORTED_TAGS = new Set(SUPPORTED.split(', '))

/** May this node answer it itself, as far as extensions and bodies go (§8.2.2.3, §8.2.3)? Types of bodies do not matter: none is read. */
export function refuseAsServer(request: SipRequest): Refusal | undefined {
  const unsupported = tagsOf(request, 'Require').filter((tag) => !SUPPORTED_TAGS.has(tag))
  if (unsupported.length > 0) {
    return { status: 420, reason: 'Bad Extension', headers: [['Unsupported', unsupported.join(', ')]] }
  }
  const encoded = request.body.length > 0 && tagsOf(request, 'Content-Encoding').some((name) => name !== 'identity')
  const optional = /;\s*handling\s*=\s*optional/i.test(request.headers.get('Content-Disposition') ?? '')
  if (!encoded || optional) return undefined
  return { status: 415, reason: 'Unsupported Media Type', headers: [['Accept-Encoding', 'identity']] }
}

/** §16.3 step 3. */
export function hopsLeft(request: SipRequest): boolean {
  return request.maxForwards !== 0
}

/**
 * What makes a request, as it was received, the same request (RFC 5393 §4.2.2): not the Via, which differs each time round, but
 * what decides where it goes, Request-URI and Route, so that a spiral passes. Signed, so that nobody can make others' requests look
 * like loops.
 */
export function loopMark(request: SipRequest, cookieKey: Uint8Array): string {
  const { from, to, callId, cseq, routes } = request
  const tags = [from, to].map(({ params }) => params.get('tag') ?? '')
  const parts = [request.uri, ...tags, callId, `${cseq.number}`, ...routes.map(formatNameAddr)]
  return shortMac(cookieKey, `loop ${cseq.method} ${parts.join('\n')}`, 6).toString('hex')
}

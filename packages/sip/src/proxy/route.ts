/** RFC 3261 §16.4: what the Route headers, and a Request-URI that is really a Route, mean at this node. */
import type { NameAddr, SipRequest, SipUri } from '../message/contract.ts'
import { formatNameAddr, formatUri } from '../message/index.ts'
import { type Cookie, decodeCookie } from './cookie.ts'

export const COOKIE_PARAM = 'thor'

export interface Preprocessed {
  /** A copy with our own Routes gone. */
  request: SipRequest
  /** Present for requests within a dialog that a node of this ring record-routed. */
  cookie?: Cookie
}

/**
 * `isOurs`: does this URI name this node, another node of the ring, or a domain served here? Routes that name another
 * node are taken for ours: whichever node a request reaches serves it.
 */
export function preprocessRoutes(
  received: SipRequest,
  cookieKey: Uint8Array,
  isOurs: (uri: SipUri) => boolean,
): Preprocessed {
  const request = received.clone()
  let routes = [...request.routes]
  const cookieOf = (uri: SipUri): Cookie | undefined => {
    const value = uri.params.get(COOKIE_PARAM)
    return value ? decodeCookie(cookieKey, value) : undefined
  }
  let cookie: Cookie | undefined

  // A strict router put our Record-Route into the Request-URI and the target last.
  const { requestUri } = request
  if (requestUri.params.has(COOKIE_PARAM) && isOurs(requestUri)) {
    cookie = cookieOf(requestUri)
    const last = routes.pop()
    if (last) request.uri = formatUri(last.uri)
  } else {
    const maddr = requestUri.params.get('maddr')
    if (maddr !== undefined && isOurs({ ...requestUri, host: maddr })) {
      const params = new Map([...requestUri.params].filter(([name]) => name !== 'maddr' && name !== 'transport'))
      request.uri = formatUri({ ...requestUri, params, port: undefined })
    }
  }
  // Two of ours stand one after another where a dialog changes transport (RFC 5658).
  let top = routes[0]
  while (top && (cookieOf(top.uri) !== undefined || isOurs(top.uri))) {
    cookie ??= cookieOf(top.uri)
    routes = routes.slice(1)
    top = routes[0]
  }
  if (routes.length < request.routes.length) writeRoutes(request, routes)
  return { request, ...(cookie && { cookie }) }
}

export function writeRoutes(request: SipRequest, routes: readonly NameAddr[]): void {
  if (routes.length === 0) request.headers.remove('Route')
  else request.headers.setAll('Route', routes.map(formatNameAddr))
}

/**
 * The next hop of a request with these Routes (§16.6 steps 6 and 7). A strict router must find itself in the Request-URI,
 * so the two are swapped for it. Undefined: the Request-URI is the next hop.
 */
export function nextHopOf(request: SipRequest): SipUri {
  const [first, ...rest] = request.routes
  if (!first) return request.requestUri
  if (first.uri.params.has('lr')) return first.uri
  writeRoutes(request, [...rest, { uri: request.requestUri, params: new Map() }])
  request.uri = formatUri(first.uri)
  return first.uri
}

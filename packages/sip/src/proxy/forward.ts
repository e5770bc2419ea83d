/** RFC 3261 §16.6: the copy of a request that goes to one target. The Via is put on by the transaction layer. */
import { errorCode, parseCredentials } from '@thor-node/core'
import type { SipRequest } from '../message/contract.ts'
import { asRequestUri, formatHost, splitList } from '../message/index.ts'
import type { TransportName } from '../transport/contract.ts'
import { isSecure, transportParam } from '../transport/names.ts'
import { type Cookie, encodeCookie } from './cookie.ts'
import type { RemoteHop } from './hops.ts'
import { dropAssertions } from './identity.ts'
import { MAX_FORWARDS } from './limits.ts'
import { COOKIE_PARAM } from './route.ts'
import { LOOP_PARAM } from './validate.ts'

export interface ForwardPlan {
  /** Request-URI of the copy; that of the request when absent. */
  uri?: string
  /** Route headers of the copy, instead of what is left of the request's. */
  routes?: readonly string[]
  /** Record-Route entries, the topmost first. */
  recordRoutes?: readonly string[]
  /** Credentials for such a realm are for us and go no further (RFC 3261 §22.3). */
  consumes(realm: string): boolean
}

export function copyForTarget(request: SipRequest, plan: ForwardPlan): SipRequest {
  const copy = request.clone()
  // Steps 2 to 5.
  if (plan.uri !== undefined) copy.uri = asRequestUri(plan.uri)
  copy.headers.set('Max-Forwards', String((request.maxForwards ?? MAX_FORWARDS + 1) - 1))
  for (const value of (plan.recordRoutes ?? []).toReversed()) copy.headers.prepend('Record-Route', value)
  if (plan.routes) {
    if (plan.routes.length === 0) copy.headers.remove('Route')
    else copy.headers.setAll('Route', plan.routes)
  }
  if (copy.headers.has('Proxy-Authorization')) {
    const left = copy.headers.getAll('Proxy-Authorization').filter((value) => {
      const realm = parseCredentials(value)?.realm.toLowerCase()
      return realm === undefined || !plan.consumes(realm)
    })
    if (left.length === 0) copy.headers.remove('Proxy-Authorization')
    else copy.headers.setAll('Proxy-Authorization', left)
  }
  // What was asked of a proxy was done here (RFC 3323 §5); anything else was refused.
  if (copy.headers.has('Proxy-Require')) copy.headers.remove('Proxy-Require')
  dropAssertions(copy)
  return copy
}

/** Puts the mark of `loopMark` on the Via that the transaction layer wrote; a retransmission has it already. */
export function withLoopMark(hop: RemoteHop, mark: string): RemoteHop {
  return {
    ...hop,
    ...(hop.next && { next: withLoopMark(hop.next, mark) }),
    send(message) {
      const [top, ...rest] = message.headers.getAll('Via').flatMap(splitList)
      if (top !== undefined && !top.includes(LOOP_PARAM)) {
        message.headers.setAll('Via', [`${top};${LOOP_PARAM}=${mark}`, ...rest])
      }
      return hop.send(message)
    },
  }
}

/** Tells once when a message could not be sent because its flow is closed. */
export function onFlowGone(hop: RemoteHop, tell: () => void): RemoteHop {
  let told = false
  return {
    ...hop,
    async send(message) {
      try {
        await hop.send(message)
      } catch (error) {
        if (!told && errorCode(error) === 'SIP_FLOW_GONE') tell()
        told = true
        throw error
      }
    },
  }
}

/** Where one side of a dialog finds this node. */
export interface RouteHost {
  transport: TransportName
  host: string
  /** 0: none is named. */
  port: number
}

/**
 * Our Record-Route entries for a branch, topmost first: one, or two where the two sides use different transports
 * or address families (RFC 5658), so that each side finds one it can use. `scheme` is that of the Request-URI (RFC 5630 §3.1.3).
 */
export function recordRoutes(
  key: Uint8Array,
  cookie: Cookie,
  caller: RouteHost,
  callee: RouteHost,
  scheme: string,
): string[] {
  const text = encodeCookie(key, cookie)
  const entry = ({ transport, host, port }: RouteHost): string => {
    const secure = scheme === 'sips' && isSecure(transport)
    // RFC 3261 §26.2.2: `sips` says TLS already.
    const suffix = secure && transport === 'tls' ? '' : transportParam(transport)
    return `<${secure ? 'sips' : 'sip'}:${formatHost(host)}${port === 0 ? '' : `:${port}`}${suffix};lr;${COOKIE_PARAM}=${text}>`
  }
  const same = caller.transport === callee.transport && caller.host === callee.host
  return same ? [entry(caller)] : [entry(callee), entry(caller)]
}

/** Where a response goes that belongs to no transaction of this node (RFC 3261 §16.7 step 3 and §18.1.2). */
import type { Address } from '@thor-node/core'
import type { Ring } from '../delegates.ts'
import type { SipResponse, SipUri } from '../message/contract.ts'
import { NO_PARAMS } from '../message/headers/params.ts'
import type { TransportName } from '../transport/contract.ts'
import { defaultPort, transportNamed } from '../transport/names.ts'
import { decodeCookie } from './cookie.ts'
import { COOKIE_PARAM } from './route.ts'

/**
 * Another node of the ring, when the top Via is its own; else, when it is ours, for a late 2xx of an INVITE the address of the next
 * Via. That one must carry a cookie of ours in Record-Route, so that nobody can have us send to addresses of his choice.
 */
export function strayDestination(
  response: SipResponse,
  ring: Ring,
  isNode: (uri: SipUri) => boolean,
): { node: string } | { transport: TransportName; remote: Address } | undefined {
  const [top, next] = response.vias
  if (!top) return undefined
  const port = top.port ?? defaultPort(transportNamed(top.transport) ?? 'udp')
  const node = ring.nodeAt({ host: top.host, port })
  if (node !== undefined && node !== ring.self) return { node }
  if (!isNode({ scheme: 'sip', host: top.host, port, params: NO_PARAMS })) return undefined
  const late = response.cseq.method === 'INVITE' && response.status >= 200 && response.status < 300
  if (!next || !late || !response.recordRoutes.some(({ uri }) => isSigned(ring, uri.params.get(COOKIE_PARAM)))) {
    return undefined
  }
  const rport = Number(next.params.get('rport'))
  const host = next.params.get('received') || next.host
  const transport = transportNamed(next.transport) ?? 'udp'
  const back = rport > 0 && rport < 65_536 ? rport : (next.port ?? defaultPort(transport))
  return { transport, remote: { host, port: back } }
}

const isSigned = (ring: Ring, cookie: string | undefined): boolean =>
  cookie !== undefined && decodeCookie(ring.cookieKey, cookie) !== undefined

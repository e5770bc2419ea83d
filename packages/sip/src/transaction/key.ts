import type { SipRequest, SipResponse, Via } from '../message/contract.ts'
import { formatHost } from '../message/uri.ts'

/** Branches that are unique across space and time begin so (RFC 3261 §8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK'

/**
 * The name of the server transaction that a request belongs to (RFC 3261 §17.2.3). ACK has the name of its INVITE; a CANCEL
 * is asked for with `method` INVITE to find what it cancels.
 */
export function serverKey(request: SipRequest, method: string = request.method): string {
  const effective = method === 'ACK' ? 'INVITE' : method
  const via = request.vias[0] as Via
  const branch = via.params.get('branch') ?? ''
  // The cookie with nothing behind it names nobody (RFC 4475 §3.2.1).
  if (branch.startsWith(MAGIC_COOKIE) && branch.length > MAGIC_COOKIE.length)
    return inOnePiece(`${branch}|${formatHost(via.host)}:${via.port ?? ''}|${effective}`)
  // RFC 2543 clients: by what makes the request unique; the To tag of an ACK comes from the response, so it stays out.
  const { callId, cseq, from } = request
  return inOnePiece(
    `${callId}|${cseq.number}|${from.params.get('tag') ?? ''}|${request.uri}|${formatHost(via.host)}:${via.port ?? ''}|${effective}`,
  )
}

/** A copy: keys are kept for half a minute, and one that is joined from pieces of a message would keep the message. */
const inOnePiece = (key: string): string => Buffer.from(key, 'latin1').toString('latin1')

/** The name of the client transaction that a response belongs to (RFC 3261 §17.1.3), or undefined without a branch. */
export function clientKey(response: SipResponse): string | undefined {
  const branch = response.vias[0]?.params.get('branch')
  return branch === undefined ? undefined : `${branch}|${response.cseq.method}`
}

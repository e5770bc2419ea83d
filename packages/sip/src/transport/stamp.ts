import type { Address } from '@thor-node/core'
import type { SipRequest, Via } from '../message/contract.ts'
import { HeaderList } from '../message/header-list.ts'
import { splitList } from '../message/headers/params.ts'
import { formatVia } from '../message/headers/via.ts'
import { withoutBrackets } from '../message/ip.ts'

/**
 * Writes into the topmost Via where the request really came from: `received` when sent-by is another host (RFC 3261
 * §18.2.1), and `rport` with `received` when the client asked for it (RFC 3581 §4). What the client itself claims there is
 * overwritten.
 */
export function stampVia(request: SipRequest, from: Address): void {
  const [via] = request.vias
  if (!via) return
  const { params } = via
  const asked = params.has('rport')
  const claimed = params.has('received')
  if (!asked && !claimed && via.host === from.host) return
  const stamped = new Map(params)
  stamped.delete('received')
  if (asked || via.host !== from.host) stamped.set('received', from.host)
  if (asked) stamped.set('rport', String(from.port))
  replaceTopVia(request, { ...via, params: stamped })
}

/** Replaces the first value; others in the same line stay behind it. */
export function replaceTopVia(request: SipRequest, via: Via): void {
  const { headers, vias } = request
  const values = headers.getAll('via')
  const [top = '', ...others] = values
  const text = formatVia(via)
  const joined = vias.length > values.length
  headers.setAll('via', [joined ? [text, ...splitList(top).slice(1)].join(', ') : text, ...others])
  if (headers instanceof HeaderList) headers.keepParsed('via', [via, ...vias.slice(1)])
}

/** Where a response goes by its topmost Via alone (RFC 3261 §18.2.2, RFC 3581 §4), for a node that has no flow. */
export function responseAddress(via: Via): Address {
  const port = Number(via.params.get('rport') || via.port || 5060)
  return { host: withoutBrackets(via.params.get('received') || via.host), port }
}

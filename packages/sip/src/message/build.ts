import type { SipRequest } from './contract.ts'
import { HeaderList } from './header-list.ts'
import { Request, Response } from './message.ts'
import { reasonPhrase } from './reasons.ts'

export interface RequestParts {
  method: string
  uri: string
  /** Complete header values, tag included. */
  from: string
  to: string
  callId: string
  cseq: number
  headers?: readonly (readonly [name: string, value: string])[]
  body?: Uint8Array
}

/** A request with its mandatory headers but Via, which the transaction adds. */
export function makeRequest({ method, uri, from, to, callId, cseq, headers = [], body }: RequestParts): Request {
  const list = new HeaderList()
  list.append('Max-Forwards', '70')
  list.append('From', from)
  list.append('To', to)
  list.append('Call-ID', callId)
  list.append('CSeq', `${cseq} ${method}`)
  for (const [name, value] of headers) list.append(name, value)
  return new Request(method, uri, list, body)
}

export interface ResponseOptions {
  /** Added to To when it has no tag (RFC 3261 §8.2.6.2). */
  toTag?: string
  /** Copies Record-Route, for responses that form a dialog (§12.1.1). */
  recordRoute?: boolean
  headers?: readonly (readonly [name: string, value: string])[]
  body?: Uint8Array
}

/** A response to `request` (RFC 3261 §8.2.6.2): Via, From, To, Call-ID and CSeq are copied byte for byte. */
export function makeResponse(
  request: SipRequest,
  status: number,
  reason: string = reasonPhrase(status),
  { toTag, recordRoute = false, headers = [], body }: ResponseOptions = {},
): Response {
  const list = new HeaderList()
  for (const via of request.headers.getAll('via')) list.append('Via', via)
  if (recordRoute) for (const route of request.headers.getAll('record-route')) list.append('Record-Route', route)
  list.append('From', request.headers.get('from') ?? '')
  list.append('To', withTag(request.headers.get('to') ?? '', toTag))
  list.append('Call-ID', request.headers.get('call-id') ?? '')
  list.append('CSeq', request.headers.get('cseq') ?? '')
  const timestamp = request.headers.get('timestamp')
  if (status === 100 && timestamp !== undefined) list.append('Timestamp', timestamp)
  for (const [name, value] of headers) list.append(name, value)
  return new Response(status, reason, list, body)
}

function withTag(to: string, tag: string | undefined): string {
  return tag === undefined || /;\s*tag\s*=/i.test(to.slice(to.lastIndexOf('>') + 1)) ? to : `${to};tag=${tag}`
}

import { SipParseError } from '../errors.ts'
import type { SipRequest } from './contract.ts'
import { HeaderList, toHeaderList } from './header-list.ts'
import { parseNameAddr } from './headers/name-addr.ts'
import { parseTo, Request, Response } from './message.ts'
import { reasonPhrase } from './reasons.ts'

type HeaderPairs = Iterable<readonly [name: string, value: string]>

export interface RequestParts {
  method: string
  uri: string
  /** Complete header values, tag included. */
  from: string
  to: string
  callId: string
  cseq: number
  headers?: HeaderPairs
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
  /** Put on To when it has no tag yet. A server must give one for every status but 100 (§8.2.6.2). */
  toTag?: string
  /** Copies Record-Route, for responses that form a dialog (§12.1.1). */
  recordRoute?: boolean
  headers?: HeaderPairs
  body?: Uint8Array
}

/** RFC 3261 §8.2.6: Via, From, To, Call-ID, CSeq from the request, and for 100 its Timestamp. */
export function makeResponse(
  request: SipRequest,
  status: number,
  reason: string = reasonPhrase(status),
  options: ResponseOptions = {},
): Response {
  const from = toHeaderList(request.headers)
  const headers = copyForResponse(from, options.toTag)
  if (options.recordRoute) headers.copy(from, 'record-route', 'all')
  if (status === 100) {
    const timestamp = request.headers.get('Timestamp')
    if (timestamp !== undefined) headers.append('Timestamp', timestamp)
  }
  for (const [name, value] of options.headers ?? []) headers.append(name, value)
  return new Response(status, reason, headers, options.body)
}

/**
 * The answer to a request that could not be parsed, with what there is of the headers that a response repeats. Undefined without a
 * Via, since nobody could tell what was answered, and for ACK, which is never answered.
 */
export function respondToBroken(error: SipParseError, toTag: string): Response | undefined {
  const { headers, method } = error
  if (!headers?.get('Via')) return undefined
  if (method === 'ACK' || /\sACK$/i.test(headers.get('CSeq') ?? '')) return undefined
  return new Response(error.status, error.reason, copyForResponse(toHeaderList(headers), toTag))
}

/** The fields are shared with the request: they never change. */
function copyForResponse(from: HeaderList, toTag: string | undefined): HeaderList {
  const headers = new HeaderList()
  headers.copy(from, 'via', 'all')
  headers.copy(from, 'from', 'first')
  if (toTag === undefined || !from.has('to') || !lacksTag(from)) headers.copy(from, 'to', 'first')
  else headers.append('To', `${from.get('To') ?? ''};tag=${toTag}`)
  headers.copy(from, 'call-id', 'first')
  headers.copy(from, 'cseq', 'first')
  return headers
}

/** Of the first To, where there are several. */
function lacksTag(headers: HeaderList): boolean {
  try {
    return !headers.parsed('to', parseTo).params.has('tag')
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error
    return !/;\s*tag\s*=/i.test(headers.get('To') ?? '')
  }
}

/** A From or To value with this tag, unless it has one. */
export function withTag(value: string, tag: string | undefined): string {
  if (tag === undefined) return value
  try {
    if (parseNameAddr(value).params.has('tag')) return value
  } catch (error) {
    // It goes back as it came.
    if (error instanceof SipParseError) return value
    throw error
  }
  return `${value};tag=${tag}`
}

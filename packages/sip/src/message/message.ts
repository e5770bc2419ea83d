import { SipParseError } from '../errors.ts'
import type { CSeq, NameAddr, SipRequest, SipResponse, SipUri, Via } from './contract.ts'
import { HeaderList } from './header-list.ts'
import { parseContacts } from './headers/contact.ts'
import { parseCSeq } from './headers/cseq.ts'
import { parseNameAddr, parseNameAddrList } from './headers/name-addr.ts'
import { parseVias } from './headers/via.ts'
import { parseUri } from './uri.ts'

export const NO_BODY = new Uint8Array(0)

abstract class Message {
  headers: HeaderList
  body: Uint8Array

  constructor(headers: HeaderList, body: Uint8Array) {
    this.headers = headers
    this.body = body
  }

  get vias(): readonly Via[] {
    return this.headers.parsed('via', parseVias)
  }

  get from(): NameAddr {
    return this.headers.parsed('from', parseFrom)
  }

  get to(): NameAddr {
    return this.headers.parsed('to', parseTo)
  }

  get callId(): string {
    return this.headers.parsed('call-id', parseCallId)
  }

  get cseq(): CSeq {
    return this.headers.parsed('cseq', parseOneCSeq)
  }

  get contacts(): readonly NameAddr[] | '*' | undefined {
    return this.headers.parsed('contact', parseContacts)
  }

  get routes(): readonly NameAddr[] {
    return this.headers.parsed('route', parseNameAddrList)
  }

  get recordRoutes(): readonly NameAddr[] {
    return this.headers.parsed('record-route', parseNameAddrList)
  }
}

export class Request extends Message implements SipRequest {
  readonly kind = 'request'
  method: string
  uri: string
  #parsedUri: SipUri | undefined
  #parsedFrom = ''

  constructor(method: string, uri: string, headers: HeaderList = new HeaderList(), body: Uint8Array = NO_BODY) {
    super(headers, body)
    this.method = method
    this.uri = uri
  }

  get requestUri(): SipUri {
    if (!this.#parsedUri || this.#parsedFrom !== this.uri) {
      this.#parsedUri = parseUri(this.uri)
      this.#parsedFrom = this.uri
    }
    return this.#parsedUri
  }

  get maxForwards(): number | undefined {
    return this.headers.parsed('max-forwards', parseMaxForwards)
  }

  clone(): Request {
    return new Request(this.method, this.uri, this.headers.clone(), this.body)
  }
}

export class Response extends Message implements SipResponse {
  readonly kind = 'response'
  status: number
  reason: string

  constructor(status: number, reason: string, headers: HeaderList = new HeaderList(), body: Uint8Array = NO_BODY) {
    super(headers, body)
    this.status = status
    this.reason = reason
  }

  clone(): Response {
    return new Response(this.status, this.reason, this.headers.clone(), this.body)
  }
}

/** The only value of a header that must stand exactly once (RFC 3261 §20 table 2). */
function one(name: string, values: readonly string[]): string {
  if (values.length === 0) throw new SipParseError(`no ${name}`, { reason: `Missing ${name}` })
  if (values.length > 1) throw new SipParseError(`${name} stands twice`, { reason: `Multiple ${name}` })
  return values[0] as string
}

const parseFrom = (values: string[]): NameAddr => parseNameAddr(one('From', values))
export const parseTo = (values: string[]): NameAddr => parseNameAddr(one('To', values))
const parseOneCSeq = (values: string[]): CSeq => parseCSeq(one('CSeq', values))

function parseCallId(values: string[]): string {
  const value = one('Call-ID', values)
  if (!/^[!-~\x80-\xff]+$/.test(value)) throw new SipParseError('not a Call-ID', { reason: 'Bad Call-ID' })
  return value
}

function parseMaxForwards(values: string[]): number | undefined {
  if (values.length === 0) return undefined
  const value = one('Max-Forwards', values)
  if (!/^\d{1,10}$/.test(value) || Number(value) > 255) {
    throw new SipParseError('not a Max-Forwards', { reason: 'Bad Max-Forwards' })
  }
  return Number(value)
}

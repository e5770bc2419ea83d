import { SipParseError } from '../errors.ts'
import type { CSeq, NameAddr, SipRequest, SipResponse, SipUri, Via } from './contract.ts'
import { HeaderList } from './header-list.ts'
import { parseCSeq } from './headers/cseq.ts'
import { parseNameAddr, parseNameAddrList } from './headers/name-addr.ts'
import { parseVias } from './headers/via.ts'
import { parseUri } from './uri.ts'

const EMPTY = new Uint8Array(0)

/** What requests and responses share: typed readers that parse on first use and again only after a change. */
abstract class Message {
  readonly headers: HeaderList
  body: Uint8Array
  #read = new Map<string, unknown>()
  #readAt = 0

  constructor(headers: HeaderList, body: Uint8Array) {
    this.headers = headers
    this.body = body
  }

  get vias(): readonly Via[] {
    return this.#cached('via', () => parseVias(this.headers.getAll('via')))
  }

  get from(): NameAddr {
    return this.#cached('from', () => parseNameAddr(this.#required('From')))
  }

  get to(): NameAddr {
    return this.#cached('to', () => parseNameAddr(this.#required('To')))
  }

  get callId(): string {
    return this.#required('Call-ID')
  }

  get cseq(): CSeq {
    return this.#cached('cseq', () => parseCSeq(this.#required('CSeq')))
  }

  get contacts(): readonly NameAddr[] | '*' | undefined {
    return this.#cached('contact', () => {
      const values = this.headers.getAll('contact')
      if (values.length === 0) return undefined
      return values.length === 1 && values[0] === '*' ? '*' : parseNameAddrList(values)
    })
  }

  get routes(): readonly NameAddr[] {
    return this.#cached('route', () => parseNameAddrList(this.headers.getAll('route')))
  }

  get recordRoutes(): readonly NameAddr[] {
    return this.#cached('record-route', () => parseNameAddrList(this.headers.getAll('record-route')))
  }

  #required(name: string): string {
    const value = this.headers.get(name)
    if (value === undefined || value === '') throw new SipParseError(`${name} is missing`)
    return value
  }

  #cached<T>(key: string, parse: () => T): T {
    if (this.#readAt !== this.headers.changes) {
      this.#read.clear()
      this.#readAt = this.headers.changes
    }
    if (this.#read.has(key)) return this.#read.get(key) as T
    const value = parse()
    this.#read.set(key, value)
    return value
  }
}

export class Request extends Message implements SipRequest {
  readonly kind = 'request'
  method: string
  uri: string
  #parsedUri: { text: string; uri: SipUri } | undefined

  constructor(method: string, uri: string, headers: HeaderList = new HeaderList(), body: Uint8Array = EMPTY) {
    super(headers, body)
    this.method = method
    this.uri = uri
  }

  get requestUri(): SipUri {
    if (this.#parsedUri?.text !== this.uri) this.#parsedUri = { text: this.uri, uri: parseUri(this.uri) }
    return this.#parsedUri.uri
  }

  get maxForwards(): number | undefined {
    const value = this.headers.get('max-forwards')
    if (value === undefined) return undefined
    if (!/^\d{1,3}$/.test(value) || Number(value) > 255)
      throw new SipParseError(`bad Max-Forwards: ${value.slice(0, 20)}`)
    return Number(value)
  }

  clone(): Request {
    return new Request(this.method, this.uri, this.headers.clone(), this.body)
  }
}

export class Response extends Message implements SipResponse {
  readonly kind = 'response'
  status: number
  reason: string

  constructor(status: number, reason: string, headers: HeaderList = new HeaderList(), body: Uint8Array = EMPTY) {
    super(headers, body)
    this.status = status
    this.reason = reason
  }

  clone(): Response {
    return new Response(this.status, this.reason, this.headers.clone(), this.body)
  }
}

/** A scripted SIP device on a Wire: sends what it is told, hands out what it receives in order. */
import {
  type Address,
  computeHa1,
  digestResponse,
  formatAddress,
  formatCredentials,
  parseChallenge,
} from '@thor-node/core'
import { eventually } from '@thor-node/core/testing'
import {
  formatNameAddr,
  makeRequest,
  makeResponse,
  parseMessage,
  type SipMessage,
  type SipRequest,
  type SipResponse,
  serializeMessage,
} from '../../src/message/index.ts'
import type { Wire } from './wire.ts'

export const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'

export interface Outgoing {
  to?: string
  from?: string
  fromTag?: string
  callId?: string
  cseq?: number
  headers?: readonly (readonly [string, string])[]
  body?: string
  /** A body of the type that `headers` name, octets as latin1. */
  raw?: string
  via?: string
}

interface ReplyOptions {
  tag?: string
  body?: string
  headers?: readonly (readonly [string, string])[]
}

let counter = 0

export class Phone {
  readonly address: Address
  readonly aor: string
  readonly inbox: SipMessage[] = []
  /** Keep-alives that came. */
  pings = 0
  readonly #wire: Wire
  readonly #proxy: Address
  readonly #password: string
  /** Where each request came from: there its responses go (RFC 3581). */
  readonly #sources = new WeakMap<SipMessage, Address>()

  constructor(wire: Wire, address: Address, aor: string, proxy: Address, password = 'secret') {
    this.#wire = wire
    this.address = address
    this.aor = aor
    this.#proxy = proxy
    this.#password = password
    wire.attach(address, (bytes, from) => {
      if (bytes.length <= 4) {
        this.pings++
        return
      }
      const message = parseMessage(bytes)
      this.#sources.set(message, from)
      this.inbox.push(message)
    })
  }

  get contact(): string {
    return `sip:${this.aor.split('@')[0]}@${formatAddress(this.address)}`
  }

  build(method: string, uri: string, out: Outgoing = {}): SipRequest {
    counter++
    const headers: [string, string][] = [
      ['Via', out.via ?? `SIP/2.0/UDP ${formatAddress(this.address)};branch=z9hG4bKp${counter};rport`],
      ['Contact', `<${this.contact}>`],
    ]
    for (const [name, value] of out.headers ?? []) {
      const at = headers.findIndex(([other]) => other === name && (name === 'Contact' || name === 'Via'))
      if (at >= 0) headers[at] = [name, value]
      else headers.push([name, value])
    }
    if (out.body) headers.push(['Content-Type', 'application/sdp'])
    const request = makeRequest({
      method,
      uri,
      from: out.from ?? `<sip:${this.aor}>;tag=${out.fromTag ?? `f${counter}`}`,
      to: out.to ?? `<${uri}>`,
      callId: out.callId ?? `call${counter}`,
      cseq: out.cseq ?? 1,
      headers,
      ...(out.body && { body: Buffer.from(out.body) }),
      ...(out.raw && { body: Buffer.from(out.raw, 'latin1') }),
    })
    const maxForwards = out.headers?.find(([name]) => name === 'Max-Forwards')?.[1]
    if (maxForwards !== undefined) request.headers.setAll('Max-Forwards', [maxForwards])
    return request
  }

  send(message: SipMessage, to: Address = this.#proxy): void {
    this.#wire.send(this.address, to, serializeMessage(message))
  }

  /** Takes the next message that fits out of the inbox. */
  async next<T extends SipMessage = SipMessage>(fits: (message: SipMessage) => boolean, what: string): Promise<T> {
    const found = await eventually(
      () => this.inbox.find(fits),
      3_000,
      `${what} at ${this.aor}; has ${this.inbox.map(describe).join(', ') || 'nothing'}`,
    )
    this.inbox.splice(this.inbox.indexOf(found), 1)
    return found as T
  }

  request(method: string): Promise<SipRequest> {
    return this.next((message) => message.kind === 'request' && message.method === method, `${method} request`)
  }

  /** The final response, or with `status` exactly that one. */
  response(method: string, status?: number): Promise<SipResponse> {
    return this.next(
      (message) =>
        message.kind === 'response' &&
        message.cseq.method === method &&
        (status === undefined ? message.status >= 200 : message.status === status),
      `${status ?? 'final'} response to ${method}`,
    )
  }

  /** Sends with credentials when it is asked to; resolves with request and final response (a 2xx of INVITE is left to ACK). */
  async authenticated(
    method: string,
    uri: string,
    out: Outgoing = {},
    algorithm = 'SHA-256',
  ): Promise<{ request: SipRequest; challenge: SipResponse }> {
    counter++
    const fixed = { fromTag: `f${counter}`, callId: `call${counter}`, ...out }
    const first = this.build(method, uri, fixed)
    this.send(first)
    const challenge = await this.next<SipResponse>(
      (m) => m.kind === 'response' && (m.status === 401 || m.status === 407),
      'challenge',
    )
    if (method === 'INVITE') this.ackFailure(first, challenge)
    const header = challenge.status === 401 ? 'Authorization' : 'Proxy-Authorization'
    const credentials = this.credentials(challenge, method, uri, algorithm)
    const request = this.build(method, uri, {
      ...fixed,
      cseq: (out.cseq ?? 1) + 1,
      headers: [...(out.headers ?? []), [header, credentials]],
    })
    this.send(request)
    return { request, challenge }
  }

  credentials(challenge: SipResponse, method: string, uri: string, algorithm: string): string {
    const name = challenge.status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate'
    const offered = challenge.headers.getAll(name).map(parseChallenge)
    const chosen = offered.find((one) => one?.algorithm === algorithm)
    if (!chosen) throw new Error(`${algorithm} was not offered`)
    const { realm, nonce } = chosen
    const username = this.aor.split('@')[0] as string
    const known = algorithm === 'MD5' ? 'MD5' : 'SHA-256'
    const ha1 = computeHa1(known, username, realm, this.#password)
    const counted = { nc: '00000001', cnonce: 'abc', qop: 'auth' }
    const response = digestResponse({ algorithm: known, ha1, method, uri, nonce, ...counted })
    return formatCredentials({ username, realm, nonce, uri, response, algorithm, ...counted })
  }

  async register(algorithm = 'SHA-256', out: Outgoing = {}): Promise<SipResponse> {
    const domain = this.aor.split('@')[1]
    await this.authenticated('REGISTER', `sip:${domain}`, { to: `<sip:${this.aor}>`, ...out }, algorithm)
    return this.response('REGISTER')
  }

  reply(request: SipRequest, status: number, options: ReplyOptions = {}): SipResponse {
    const response = makeResponse(request, status, undefined, {
      toTag: options.tag ?? `t-${this.address.port}`,
      recordRoute: true,
      headers: [
        ['Contact', `<${this.contact}>`],
        ...(options.body ? ([['Content-Type', 'application/sdp']] as const) : []),
        ...(options.headers ?? []),
      ],
      ...(options.body && { body: Buffer.from(options.body) }),
    })
    this.send(response, this.#sources.get(request))
    return response
  }

  ackFailure(invite: SipRequest, response: SipResponse): void {
    const ack = this.build('ACK', invite.uri, {
      via: invite.headers.get('Via') as string,
      from: invite.headers.get('From') as string,
      to: response.headers.get('To') as string,
      callId: invite.callId,
      cseq: invite.cseq.number,
    })
    this.send(ack)
  }

  /** A request within the dialog of an INVITE and its 2xx, from the side of the caller or the callee. */
  inDialog(method: string, side: 'caller' | 'callee', invite: SipRequest, ok: SipResponse, out: Outgoing = {}) {
    const remote = side === 'caller' ? ok : invite
    const recordRoutes = (side === 'caller' ? ok : invite).recordRoutes.map(formatNameAddr)
    const routes = side === 'caller' ? recordRoutes.toReversed() : recordRoutes
    const contact = remote.contacts === '*' ? undefined : remote.contacts?.[0]
    const uri = contact ? formatNameAddr({ uri: contact.uri, params: new Map() }).replace(/[<>]/g, '') : ''
    return this.build(method, uri, {
      from: (side === 'caller' ? invite.headers.get('From') : ok.headers.get('To')) as string,
      to: (side === 'caller' ? ok.headers.get('To') : invite.headers.get('From')) as string,
      callId: invite.callId,
      cseq: method === 'ACK' ? invite.cseq.number : 7,
      ...out,
      headers: [...routes.map((route) => ['Route', route] as const), ...(out.headers ?? [])],
    })
  }
}

function describe(message: SipMessage): string {
  return message.kind === 'request' ? message.method : `${message.status} ${message.cseq.method}`
}

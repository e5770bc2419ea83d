/**
 * A scripted phone: registers, calls and is called over any transport, and keeps all that it received, so that tests can look
 * at single messages. It can lie about its own address, as a phone behind a NAT does without knowing.
 */

import { randomBytes } from 'node:crypto'
import {
  computeHa1,
  type DigestAlgorithm,
  digestAlgorithm,
  digestResponse,
  formatCredentials,
  parseChallenge,
} from '@thor-node/core'
import { sdpFor } from './sdp.ts'
import { branchOf, header, headers, isStale, listOf, methodOf, type SipText, statusOf, uriIn } from './sip-message.ts'
import { type Reply, Wire, type WireTransport } from './wire.ts'

export { sdpFor }

export interface PhoneInit {
  user: string
  password: string
  domain?: string
  /** Its own loopback address. */
  address: string
  /** Of the node that it sends to. */
  proxy: string
  transport?: WireTransport
  /** `10.0.0.5:5060`: what it says in Via and Contact instead of its own address. */
  claim?: string
  /** What it does when it is called. */
  behaviour?: Behaviour
}

/** `ring` waits for CANCEL or for `pickUp`; a number is the answer. */
export type Behaviour = 'answer' | 'ring' | number

export interface Dialog {
  callId: string
  local: string
  remote: string
  target: string
  routes: string[]
  cseq: number
}

export interface RequestOptions {
  /** Another node to send this one to. */
  proxy?: string
  headers?: [string, string][]
  body?: string
  to?: string
  dialog?: Dialog
  /** Answers challenges unless false. */
  authenticate?: boolean
  algorithm?: DigestAlgorithm
  callId?: string
  maxForwards?: number
  /** Below its own. */
  vias?: string[]
  /** How long a final answer to each message is waited for; default 15 s. */
  limitMs?: number
  userAgent?: string
  onProvisional?(response: SipText): void
}

export interface CallResult {
  status: number
  response: SipText
  /** Present when it was answered. */
  dialog?: Dialog
}

interface Waiting {
  method: string
  take(response: SipText): void
}

const T1_MS = 500
const LIMIT_MS = 15_000
const hex = (bytes: number): string => randomBytes(bytes).toString('hex')

export class Phone {
  readonly init: PhoneInit
  /** Requests that came, retransmissions left out. */
  readonly requests: SipText[] = []
  readonly aor: string
  behaviour: Behaviour
  /** Dialogs of calls that it took. */
  readonly taken: Dialog[] = []
  readonly #waiting = new Map<string, Waiting>()
  readonly #answers = new Map<string, SipText>()
  readonly #ringing = new Map<string, { invite: SipText; reply: Reply }>()
  readonly #registration = hex(8)
  readonly #wire: Wire
  readonly #timers = new Set<NodeJS.Timeout>()
  #registerCseq = 0

  constructor(init: PhoneInit) {
    this.init = init
    this.behaviour = init.behaviour ?? 'answer'
    this.#wire = new Wire({
      address: init.address,
      transport: init.transport ?? 'udp',
      onMessage: (message, reply) => this.#receive(message, reply),
    })
    this.aor = `${init.user}@${init.domain ?? 'thor.local'}`
  }

  async start(): Promise<this> {
    await this.#wire.start(this.init.proxy)
    return this
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer)
    await this.#wire.stop()
  }

  /** What it calls itself in Via and Contact. */
  get name(): string {
    if (this.init.claim) return this.init.claim
    // A browser does not know its address (RFC 7118 §5.1).
    if (this.#web) return `${this.#registration}.invalid`
    const { address } = this.init
    return `${address.includes(':') ? `[${address}]` : address}:${this.#wire.port}`
  }

  get #web(): boolean {
    return this.init.transport === 'ws' || this.init.transport === 'wss'
  }

  get contact(): string {
    const { transport = 'udp' } = this.init
    const param = transport === 'udp' ? '' : `;transport=${this.#web ? 'ws' : transport}`
    return `<sip:${this.init.user}@${this.name}${param}>`
  }

  /** The final response; the contacts that it names are `contactsIn`. */
  async register(options: { expires?: number; contact?: string } & RequestOptions = {}): Promise<SipText> {
    const { expires = 600, contact = this.contact, ...rest } = options
    const domain = this.aor.split('@')[1] as string
    const more: [string, string][] =
      contact === ''
        ? []
        : [
            ['Contact', contact],
            ['Expires', String(expires)],
          ]
    return this.request('REGISTER', `sip:${domain}`, {
      ...rest,
      callId: this.#registration,
      to: `<sip:${this.aor}>`,
      headers: [...more, ...(rest.headers ?? [])],
    })
  }

  async call(user: string, options: RequestOptions = {}): Promise<CallResult> {
    const isUri = /^(sips?|tel|urn):/.test(user)
    const uri = isUri ? user : user.includes('@') ? `sip:${user}` : `sip:${user}@${this.aor.split('@')[1]}`
    const body = options.body ?? sdpFor(this.init.address, 20_000)
    const { response, sent } = await this.#exchange('INVITE', uri, { ...options, body })
    const status = statusOf(response)
    if (status >= 300) return { status, response }
    const dialog: Dialog = {
      callId: header(response, 'Call-ID'),
      local: header(sent, 'From'),
      remote: header(response, 'To'),
      target: uriIn(header(response, 'Contact')),
      routes: listOf(response, 'Record-Route').reverse(),
      cseq: Number(header(response, 'CSeq').split(' ')[0]),
    }
    this.acknowledge(dialog, options.proxy)
    return { status, response, dialog }
  }

  acknowledge(dialog: Dialog, proxy?: string): void {
    this.#wire.send(this.#build('ACK', dialog.target, { dialog }, dialog.cseq), proxy ?? this.init.proxy)
  }

  /** Cancels the call to `uri` that was begun with this Call-ID: the INVITE that was sent last. */
  async cancel(): Promise<SipText> {
    const invite = this.#lastInvite
    if (!invite) throw new Error('nothing to cancel')
    const keep = ['Via', 'From', 'To', 'Call-ID', 'Max-Forwards', 'Route']
    const copied = invite.headers.filter(([name]) => keep.includes(name))
    const cseq: [string, string] = ['CSeq', `${header(invite, 'CSeq').split(' ')[0]} CANCEL`]
    const cancel = { first: invite.first.replace('INVITE', 'CANCEL'), headers: [...copied, cseq], body: '' }
    return this.#transact(cancel, 'CANCEL', this.init.proxy)
  }
  #lastInvite: SipText | undefined

  async bye(dialog: Dialog, options: RequestOptions = {}): Promise<number> {
    return statusOf(await this.request('BYE', dialog.target, { ...options, dialog }))
  }

  async request(method: string, uri: string, options: RequestOptions = {}): Promise<SipText> {
    return (await this.#exchange(method, uri, options)).response
  }

  async #exchange(method: string, uri: string, options: RequestOptions): Promise<{ response: SipText; sent: SipText }> {
    const proxy = options.proxy ?? this.init.proxy
    const from = options.dialog?.local ?? `<sip:${this.aor}>;tag=${hex(5)}`
    const callId = options.dialog?.callId ?? options.callId ?? hex(10)
    const next = (): number =>
      options.dialog ? ++options.dialog.cseq : method === 'REGISTER' ? ++this.#registerCseq : ++cseq
    let cseq = 0
    let sent = this.#build(method, uri, { ...options, callId }, next(), from)
    let response = await this.#transact(sent, method, proxy, options)
    // Once, and again when the nonce was too old: a range that has another home by then asks anew (RFC 7616 §3.3).
    for (let tries = 0; tries < 2; tries++) {
      const isAsked = [401, 407].includes(statusOf(response)) && options.authenticate !== false
      if (!isAsked || (tries > 0 && !isStale(response))) break
      const [name, value] = this.#credentials(response, method, uri, options.algorithm)
      const more = [...(options.headers ?? []), [name, value] as [string, string]]
      sent = this.#build(method, uri, { ...options, callId, headers: more }, next(), from)
      response = await this.#transact(sent, method, proxy, options)
    }
    return { response, sent }
  }

  #build(method: string, uri: string, options: RequestOptions, cseq: number, from?: string): SipText {
    const { dialog } = options
    const transport = (this.init.transport ?? 'udp').toUpperCase()
    const fields: [string, string][] = [
      ['Via', `SIP/2.0/${transport} ${this.name};branch=z9hG4bK${hex(8)};rport`],
      ...(options.vias ?? []).map((via): [string, string] => ['Via', via]),
      ['Max-Forwards', String(options.maxForwards ?? 70)],
      ['From', dialog?.local ?? from ?? ''],
      ['To', dialog?.remote ?? options.to ?? `<${uri}>`],
      ['Call-ID', dialog?.callId ?? options.callId ?? ''],
      ['CSeq', `${cseq} ${method}`],
      ...(dialog?.routes ?? []).map((route): [string, string] => ['Route', route]),
      ...(['INVITE', 'SUBSCRIBE'].includes(method) ? [['Contact', this.contact] as [string, string]] : []),
      ['User-Agent', options.userAgent ?? 'scripted phone'],
      ...(options.headers ?? []),
      ...(options.body && !options.headers?.some(([name]) => name === 'Content-Type')
        ? [['Content-Type', 'application/sdp'] as [string, string]]
        : []),
    ]
    return { first: `${method} ${uri} SIP/2.0`, headers: fields, body: options.body ?? '' }
  }

  #credentials(response: SipText, method: string, uri: string, wanted: DigestAlgorithm = 'MD5'): [string, string] {
    const proxy = statusOf(response) === 407
    const values = headers(response, proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate')
    const challenges = values.flatMap((value) => parseChallenge(value) ?? [])
    const challenge = challenges.find(({ algorithm }) => digestAlgorithm(algorithm) === wanted)
    if (!challenge) throw new Error(`no challenge for ${wanted} in ${values.join(' | ')}`)
    const { realm, nonce, opaque, algorithm } = challenge
    const [user, password] = [this.init.user, this.init.password]
    const counted = challenge.qop ? { qop: 'auth', nc: '00000001', cnonce: hex(8) } : {}
    const ha1 = computeHa1(wanted, user, realm, password)
    const digest = digestResponse({ algorithm: wanted, ha1, method, uri, nonce, ...counted })
    return [
      proxy ? 'Proxy-Authorization' : 'Authorization',
      formatCredentials({ username: user, realm, nonce, uri, response: digest, algorithm, opaque, ...counted }),
    ]
  }

  #transact(
    request: SipText,
    method: string,
    proxy: string,
    { onProvisional, limitMs = LIMIT_MS }: Pick<RequestOptions, 'onProvisional' | 'limitMs'> = {},
  ): Promise<SipText> {
    const key = `${branchOf(request)} ${method}`
    if (method === 'INVITE') this.#lastInvite = request
    return new Promise((resolve, reject) => {
      let waitMs = T1_MS
      let timer: NodeJS.Timeout | undefined
      const stopTimers = (): void => {
        clearTimeout(timer)
        if (timer) this.#timers.delete(timer)
      }
      const again = (): void => {
        this.#wire.send(request, proxy)
        if ((this.init.transport ?? 'udp') !== 'udp') return
        timer = setTimeout(again, waitMs)
        this.#timers.add(timer)
        waitMs = Math.min(waitMs * 2, 4_000)
      }
      const limit = setTimeout(() => {
        stopTimers()
        this.#waiting.delete(key)
        reject(new Error(`no final answer to ${request.first} from ${proxy}`))
      }, limitMs)
      this.#timers.add(limit)
      const take = (response: SipText): void => {
        if (method === 'INVITE') stopTimers()
        if (statusOf(response) < 200) {
          onProvisional?.(response)
          return
        }
        stopTimers()
        clearTimeout(limit)
        if (method === 'INVITE' && statusOf(response) >= 300) this.#acknowledgeRefusal(request, response, proxy)
        resolve(response)
      }
      this.#waiting.set(key, { method, take })
      again()
    })
  }

  #acknowledgeRefusal(invite: SipText, response: SipText, proxy: string): void {
    const keep = invite.headers.filter(([name]) => ['Via', 'Max-Forwards', 'From', 'Call-ID', 'Route'].includes(name))
    const cseq = `${header(invite, 'CSeq').split(' ')[0]} ACK`
    const more: [string, string][] = [
      ['To', header(response, 'To')],
      ['CSeq', cseq],
    ]
    this.#wire.send({ first: invite.first.replace('INVITE', 'ACK'), headers: [...keep, ...more], body: '' }, proxy)
  }

  #receive(message: SipText, reply: Reply): void {
    if (statusOf(message) > 0) {
      this.#waiting.get(`${branchOf(message)} ${methodOf(message)}`)?.take(message)
      return
    }
    const key = `${branchOf(message)} ${methodOf(message)}`
    const answered = this.#answers.get(key)
    const seen = this.requests.some((known) => `${branchOf(known)} ${methodOf(known)}` === key)
    if (answered) reply(answered)
    if (answered || seen) return
    this.requests.push(message)
    this.#serve(message, (response) => {
      if (statusOf(response) >= 200) this.#answers.set(key, response)
      reply(response)
    })
  }

  #serve(request: SipText, reply: Reply): void {
    const method = methodOf(request)
    if (method === 'ACK') return
    if (method === 'INVITE') {
      this.#called(request, reply)
      return
    }
    reply(this.#response(request, 200, 'OK'))
    if (method === 'CANCEL') {
      const ringing = this.#ringing.get(header(request, 'Call-ID'))
      if (ringing) ringing.reply(this.#response(ringing.invite, 487, 'Request Terminated'))
      this.#ringing.delete(header(request, 'Call-ID'))
    }
  }

  #called(invite: SipText, reply: Reply): void {
    const inDialog = /;tag=/.test(header(invite, 'To'))
    if (typeof this.behaviour === 'number') {
      reply(this.#response(invite, this.behaviour, 'Refused'))
      return
    }
    if (!inDialog) {
      reply(this.#response(invite, 180, 'Ringing'))
      this.#ringing.set(header(invite, 'Call-ID'), { invite, reply })
      if (this.behaviour === 'ring') return
    }
    this.#pick(invite, reply, inDialog)
  }

  /** Takes the call that rings. */
  pickUp(): void {
    for (const { invite, reply } of this.#ringing.values()) this.#pick(invite, reply, false)
  }

  #pick(invite: SipText, reply: Reply, inDialog: boolean): void {
    this.#ringing.delete(header(invite, 'Call-ID'))
    const response = this.#response(invite, 200, 'OK', sdpFor(this.init.address, 20_002))
    reply(response)
    if (inDialog) return
    this.taken.push({
      callId: header(invite, 'Call-ID'),
      local: header(response, 'To'),
      remote: header(invite, 'From'),
      target: uriIn(header(invite, 'Contact')),
      routes: listOf(invite, 'Record-Route'),
      cseq: 0,
    })
  }

  #response(request: SipText, status: number, reason: string, body = ''): SipText {
    const copied = request.headers.filter(([name]) =>
      ['via', 'from', 'call-id', 'cseq', 'record-route'].includes(name.toLowerCase()),
    )
    const to = header(request, 'To')
    const tagged = /;tag=/.test(to) ? to : `${to};tag=${this.init.user}${header(request, 'Call-ID').slice(0, 8)}`
    const more: [string, string][] = [
      ['To', tagged],
      ['Contact', this.contact],
      ['User-Agent', 'scripted phone'],
    ]
    if (body) more.push(['Content-Type', 'application/sdp'])
    return { first: `SIP/2.0 ${status} ${reason}`, headers: [...copied, ...more], body }
  }
}

/** Contacts in a 200 to REGISTER, as written. */
export const contactsIn = (response: SipText): string[] => listOf(response, 'Contact')

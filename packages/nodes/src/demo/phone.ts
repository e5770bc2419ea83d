/**
 * A small, honest SIP phone: it registers, calls, answers by itself, talks and hangs up. It knows nothing of the ring but the
 * address of one node, its outbound proxy, which may be changed at any time.
 */
import { type Address, type Aor, formatAddress, randomHex, splitAor, type Timer } from '@thor-node/core'
import { makeRequest, makeResponse, type SipRequest, type SipResponse } from '@thor-node/sip'
import { AudioStream } from './audio.ts'
import { PhoneCall } from './call.ts'
import { isStale, type Secret, withCredentials } from './credentials.ts'
import { ackFor, calleeDialog, callerDialog, nextRequest } from './dialog.ts'
import { Exchange, type PhoneComponents, T1_MS, T2_MS } from './exchange.ts'
import { PHONE_TABLE_MAX } from './limits.ts'
import { audioAddress, makeSdp } from './sdp.ts'

export interface PhoneInit extends Omit<Secret, 'user'> {
  aor: Aor
  /** The address of the phone itself. */
  host: string
  /** All that it sends goes there. */
  proxy: Address
  toneHz: number
  peerToneHz: number
  /** How long a request may take, with its retransmissions; default 6 s. */
  requestLimitMs?: number
}

/** What became of a request: its final status, 408 when nothing answered. */
export interface Outcome {
  status: number
  reason: string
  /** From the request to the final response. */
  tookMs: number
}

const USER_AGENT = 'thor-node demo phone'
const EXPIRES_SECONDS = 300
const ALLOW = 'INVITE, ACK, BYE, CANCEL, OPTIONS'
/** Challenge, stale nonce, and the answer. */
const ATTEMPTS_MAX = 3
/** The 2xx is repeated for so long without ACK (RFC 3261 §13.3.1.4: 64 × T1). */
const ACK_LIMIT_MS = 64 * T1_MS

export class Phone {
  readonly aor: Aor
  /** In order of their start; ended ones stay. */
  readonly calls: PhoneCall[] = []
  readonly #components: PhoneComponents
  readonly #init: PhoneInit
  readonly #secret: Secret
  readonly #exchange: Exchange
  readonly #registrationId: string
  readonly #unacknowledged = new Map<string, Timer>()
  #registerCseq = 0
  #contact = ''
  #proxy: Address

  constructor(components: PhoneComponents, init: PhoneInit) {
    this.#components = components
    this.#init = init
    this.aor = init.aor
    this.#proxy = init.proxy
    this.#secret = { user: splitAor(init.aor)?.user ?? '', password: init.password, algorithm: init.algorithm }
    this.#registrationId = randomHex(components.random, 10)
    this.#exchange = new Exchange(components, {
      host: init.host,
      onRequest: (request, from) => this.#onRequest(request, from),
      onRepeatedAnswer: (response) => this.#onRepeatedAnswer(response),
    })
  }

  async start(): Promise<void> {
    const local = await this.#exchange.start()
    this.#contact = `<sip:${this.#secret.user}@${formatAddress(local)}>`
  }

  async stop(): Promise<void> {
    for (const timer of this.#unacknowledged.values()) timer.cancel()
    this.#unacknowledged.clear()
    await Promise.all(this.calls.map((call) => call.audio.close()))
    await this.#exchange.stop()
  }

  /** From now on everything goes through this node, requests of running calls as well. */
  useProxy(proxy: Address): void {
    this.#proxy = proxy
  }

  /** Binds this phone to its account, with digest; again = refresh. */
  async register(): Promise<Outcome> {
    const domain = splitAor(this.aor)?.domain ?? ''
    const request = makeRequest({
      method: 'REGISTER',
      uri: `sip:${domain}`,
      from: `<sip:${this.aor}>;tag=${this.#newTag()}`,
      to: `<sip:${this.aor}>`,
      callId: this.#registrationId,
      cseq: ++this.#registerCseq,
      headers: [
        ['Contact', this.#contact],
        ['Expires', String(EXPIRES_SECONDS)],
        ['User-Agent', USER_AGENT],
      ],
    })
    const asked = await this.#ask(request)
    this.#registerCseq = asked.request.cseq.number
    return asked.outcome
  }

  /** Calls an address. The call is there when the status is 200. */
  async call(aor: Aor): Promise<Outcome & { call?: PhoneCall }> {
    const audio = this.#newAudio()
    const local = await audio.open()
    const invite = makeRequest({
      method: 'INVITE',
      uri: `sip:${aor}`,
      from: `<sip:${this.aor}>;tag=${this.#newTag()}`,
      to: `<sip:${aor}>`,
      callId: randomHex(this.#components.random, 12),
      cseq: 1,
      headers: [
        ['Contact', this.#contact],
        ['Allow', ALLOW],
        ['User-Agent', USER_AGENT],
        ['Content-Type', 'application/sdp'],
      ],
      body: makeSdp(local, this.#components.random.int(2 ** 31)),
    })
    const { request, response, outcome } = await this.#ask(invite)
    if (!response || response.status >= 300) {
      await audio.close()
      return outcome
    }
    const dialog = callerDialog(request, response, this.#contact)
    const call = this.#keep(new PhoneCall(dialog, audio, this.#components.clock.now()))
    this.#exchange.sendOnce(ackFor(dialog), this.#proxy)
    const remote = audioAddress(response.body)
    if (remote) audio.talk(remote)
    return { ...outcome, call }
  }

  /** BYE, through whatever node is the proxy now. */
  async hangUp(call: PhoneCall): Promise<Outcome> {
    const { request, dialog } = nextRequest(call.dialog, 'BYE')
    request.headers.append('User-Agent', USER_AGENT)
    call.dialog = dialog
    const at = this.#components.clock.now()
    const asked = await this.#ask(request)
    await call.finish(at, 'us')
    return asked.outcome
  }

  /** The call with this Call-ID, once it is there. */
  callWith(callId: string): PhoneCall | undefined {
    return this.calls.find((call) => call.callId === callId)
  }

  /** Sends a request, and again with credentials when it is challenged. */
  async #ask(first: SipRequest): Promise<{ request: SipRequest; response: SipResponse | undefined; outcome: Outcome }> {
    const { clock, random } = this.#components
    const startedAt = clock.now()
    let request = first
    let response = await this.#exchange.request(request, this.#proxy, this.#init.requestLimitMs)
    for (let attempt = 2; attempt <= ATTEMPTS_MAX; attempt++) {
      if (!response || (response.status !== 401 && response.status !== 407)) break
      // Credentials that were refused are not given again, unless only their nonce was too old.
      if (attempt > 2 && !isStale(response)) break
      const again = withCredentials(request, response, this.#secret, random)
      if (!again) break
      request = again
      response = await this.#exchange.request(request, this.#proxy, this.#init.requestLimitMs)
    }
    const outcome: Outcome = {
      status: response?.status ?? 408,
      reason: response?.reason ?? 'no answer',
      tookMs: clock.now() - startedAt,
    }
    return { request, response, outcome }
  }

  #onRequest(request: SipRequest, from: Address): void {
    const { method, callId } = request
    const call = this.callWith(callId)
    if (method === 'ACK') {
      this.#unacknowledged.get(callId)?.cancel()
      this.#unacknowledged.delete(callId)
    } else if (method === 'INVITE' && !call) {
      this.#answer(request, from).catch((error: unknown) => {
        this.#components.logger.warn('the call could not be answered', { error })
        this.#exchange.respond(request, makeResponse(request, 500, undefined, { toTag: this.#newTag() }), from)
      })
    } else if (method === 'BYE') {
      this.#reply(request, from, call && !call.end ? 200 : 481)
      void call?.finish(this.#components.clock.now(), 'peer')
    } else {
      // A call that goes on is not changed: a re-INVITE leaves it as it is (RFC 3261 §14.2).
      const status = method === 'INVITE' ? 488 : method === 'OPTIONS' || method === 'CANCEL' ? 200 : 501
      this.#reply(request, from, status)
    }
  }

  #reply(request: SipRequest, to: Address, status: number): void {
    const headers = [
      ['Allow', ALLOW],
      ['User-Agent', USER_AGENT],
    ] as const
    this.#exchange.respond(request, makeResponse(request, status, undefined, { toTag: this.#newTag(), headers }), to)
  }

  /** Rings, and picks up at once. */
  async #answer(invite: SipRequest, from: Address): Promise<void> {
    const toTag = this.#newTag()
    const headers = [
      ['Contact', this.#contact],
      ['User-Agent', USER_AGENT],
    ] as const
    this.#exchange.respond(invite, makeResponse(invite, 180, undefined, { toTag, recordRoute: true, headers }), from)
    const remote = audioAddress(invite.body)
    if (!remote || this.calls.filter((call) => !call.end).length >= PHONE_TABLE_MAX) {
      this.#exchange.respond(invite, makeResponse(invite, remote ? 486 : 488, undefined, { toTag }), from)
      return
    }
    const audio = this.#newAudio()
    const local = await audio.open()
    const answer = makeResponse(invite, 200, undefined, {
      toTag,
      recordRoute: true,
      headers: [...headers, ['Allow', ALLOW], ['Content-Type', 'application/sdp']],
      body: makeSdp(local, this.#components.random.int(2 ** 31)),
    })
    const dialog = calleeDialog(invite, toTag, this.#contact)
    this.#keep(new PhoneCall(dialog, audio, this.#components.clock.now()))
    audio.talk(remote)
    this.#answerUntilAck(invite, answer, from)
  }

  /** RFC 3261 §13.3.1.4: the 2xx goes end to end, so its retransmission is the callee's. */
  #answerUntilAck(invite: SipRequest, answer: SipResponse, to: Address): void {
    const { clock } = this.#components
    const until = clock.now() + ACK_LIMIT_MS
    let waitMs = T1_MS
    const send = (): void => {
      if (clock.now() >= until) {
        this.#unacknowledged.delete(invite.callId)
        return
      }
      this.#unacknowledged.set(invite.callId, clock.after(waitMs, send))
      waitMs = Math.min(waitMs * 2, T2_MS)
      this.#exchange.respond(invite, answer, to)
    }
    send()
  }

  #onRepeatedAnswer(response: SipResponse): void {
    const call = this.callWith(response.callId)
    if (call) this.#exchange.sendOnce(ackFor(call.dialog), this.#proxy)
  }

  #keep(call: PhoneCall): PhoneCall {
    this.calls.push(call)
    if (this.calls.length > PHONE_TABLE_MAX) this.calls.shift()
    return call
  }

  #newAudio(): AudioStream {
    const { host, toneHz, peerToneHz } = this.#init
    return new AudioStream(this.#components, { host, toneHz, peerToneHz })
  }

  #newTag(): string {
    return randomHex(this.#components.random, 5)
  }
}

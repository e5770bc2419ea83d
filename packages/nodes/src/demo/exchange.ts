/**
 * Requests and answers of one phone over UDP: what RFC 3261 §17 asks of a small user agent. A request is sent again until
 * something answers; an answer is kept and sent again when its request comes again.
 */
import type { Address, Clock, Logger, Net, Random, UdpSocket } from '@thor-node/core'
import { randomHex } from '@thor-node/core'
import type { SipMessage, SipRequest, SipResponse } from '@thor-node/sip'
import { formatVia, makeRequest, parseMessage, SipParseError, serializeMessage } from '@thor-node/sip'
import { PHONE_TABLE_MAX, REQUEST_LIMIT_MS } from './limits.ts'

export const T1_MS = 500
export const T2_MS = 4_000

export interface PhoneComponents {
  clock: Clock
  random: Random
  net: Net
  logger: Logger
}

export interface ExchangeInit {
  /** Where it binds: any free port. */
  host: string
  /** New requests; ACKs of failed INVITEs never come here. */
  onRequest(request: SipRequest, from: Address): void
  /** A 2xx to INVITE that has been taken already: its ACK was lost. */
  onRepeatedAnswer(response: SipResponse): void
}

interface Waiting {
  request: SipRequest
  to: Address
  take(response: SipResponse): void
}

const keyOf = (branch: string, method: string): string => `${branch}|${method}`
const branchOf = (message: SipMessage): string => message.vias[0]?.params.get('branch') ?? ''

function trim<V>(table: Map<string, V>): void {
  for (const key of table.keys()) {
    if (table.size <= PHONE_TABLE_MAX) return
    table.delete(key)
  }
}

export class Exchange {
  readonly #components: PhoneComponents
  readonly #init: ExchangeInit
  readonly #log: Logger
  readonly #waiting = new Map<string, Waiting>()
  /** Requests that have been seen, with the last answer to each. */
  readonly #answers = new Map<string, SipResponse | undefined>()
  readonly #closers = new Set<() => void>()
  #socket: UdpSocket | undefined
  #opening: Promise<UdpSocket> | undefined

  constructor(components: PhoneComponents, init: ExchangeInit) {
    this.#components = components
    this.#init = init
    this.#log = components.logger.forComponent('demo:phone')
  }

  async start(): Promise<Address> {
    const { net } = this.#components
    this.#opening ??= net.udp({ host: this.#init.host, port: 0 }, (bytes, from) => this.#onDatagram(bytes, from))
    this.#socket = await this.#opening
    return this.#socket.local
  }

  /** What still waits for an answer gets none. */
  async stop(): Promise<void> {
    for (const close of [...this.#closers]) close()
    await this.#socket?.close()
    this.#socket = undefined
  }

  /**
   * Sends a request with a Via of its own and resolves with the final response; undefined when none came in time. An INVITE
   * that was refused gets its ACK here (§17.1.1.3).
   */
  request(request: SipRequest, to: Address, limitMs = REQUEST_LIMIT_MS): Promise<SipResponse | undefined> {
    const { clock } = this.#components
    const branch = this.#addVia(request)
    const invite = request.method === 'INVITE'
    return new Promise((resolve) => {
      let waitMs = T1_MS
      const repeat = (): void => {
        this.#send(request, to)
        retransmission = clock.after(waitMs, repeat)
        waitMs = invite ? waitMs * 2 : Math.min(waitMs * 2, T2_MS)
      }
      const finish = (response: SipResponse | undefined): void => {
        retransmission.cancel()
        limit.cancel()
        this.#closers.delete(close)
        // A refused INVITE stays, so that a refusal that comes again gets its ACK again.
        if (!invite || !response) this.#waiting.delete(keyOf(branch, request.method))
        resolve(response)
      }
      const close = (): void => finish(undefined)
      const take = (response: SipResponse): void => {
        if (response.status < 200) {
          if (invite) retransmission.cancel()
          return
        }
        if (invite && response.status >= 300) this.#acknowledge(request, response, to)
        if (this.#closers.has(close)) finish(response)
        else if (response.status < 300) this.#init.onRepeatedAnswer(response)
      }
      const limit = clock.after(limitMs, close)
      let retransmission = clock.after(0, () => undefined)
      this.#closers.add(close)
      this.#waiting.set(keyOf(branch, request.method), { request, to, take })
      trim(this.#waiting)
      repeat()
    })
  }

  /** ACK for a 2xx, or whatever else is sent once and never answered. */
  sendOnce(request: SipRequest, to: Address): void {
    this.#addVia(request)
    this.#send(request, to)
  }

  /** Answers a request; retransmissions of it get the same again. */
  respond(request: SipRequest, response: SipResponse, to: Address): void {
    this.#answers.set(keyOf(branchOf(request), request.method), response)
    this.#send(response, to)
  }

  #addVia(request: SipRequest): string {
    const branch = `z9hG4bK${randomHex(this.#components.random, 8)}`
    const local = this.#socket?.local ?? { host: this.#init.host, port: 5060 }
    const params = new Map([
      ['branch', branch],
      ['rport', ''],
    ])
    request.headers.prepend('Via', formatVia({ transport: 'UDP', ...local, params }))
    return branch
  }

  #send(message: SipMessage, to: Address): void {
    this.#socket?.send(serializeMessage(message), to)
  }

  #acknowledge(invite: SipRequest, refusal: SipResponse, to: Address): void {
    const { headers } = invite
    const ack = makeRequest({
      method: 'ACK',
      uri: invite.uri,
      from: headers.get('From') ?? '',
      to: refusal.headers.get('To') ?? '',
      callId: invite.callId,
      cseq: invite.cseq.number,
      headers: headers.getAll('Route').map((route) => ['Route', route] as const),
    })
    ack.headers.prepend('Via', headers.get('Via') ?? '')
    this.#send(ack, to)
  }

  #onDatagram(bytes: Buffer, from: Address): void {
    if (bytes.length <= 4) return
    try {
      const message = parseMessage(bytes)
      if (message.kind === 'response') this.#onResponse(message)
      else this.#onRequest(message, from)
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error
      this.#log.warn('unreadable message', { from, error })
    }
  }

  #onResponse(response: SipResponse): void {
    this.#waiting.get(keyOf(branchOf(response), response.cseq.method))?.take(response)
  }

  #onRequest(request: SipRequest, from: Address): void {
    const key = keyOf(branchOf(request), request.method)
    const ackOfRefusal = request.method === 'ACK' && this.#answers.has(keyOf(branchOf(request), 'INVITE'))
    if (ackOfRefusal) return
    if (request.method !== 'ACK' && this.#answers.has(key)) {
      const answer = this.#answers.get(key)
      if (answer) this.#send(answer, from)
      return
    }
    if (request.method !== 'ACK') {
      this.#answers.set(key, undefined)
      trim(this.#answers)
    }
    this.#init.onRequest(request, from)
  }
}

import type { Timer, TimerQueue } from '@thor-node/core'
import type { SipRequest, SipResponse, Via } from '../message/contract.ts'
import { HeaderList } from '../message/header-list.ts'
import { Request } from '../message/message.ts'
import { defaultPort, transportNamed } from '../transport/names.ts'
import * as invite from './client-invite.ts'
import * as nonInvite from './client-non-invite.ts'
import type { ClientTransaction, ClientTransactionUser, Hop } from './contract.ts'
import type { Context, Effect } from './machine.ts'
import type { TimerName } from './timers.ts'

export interface ClientInit {
  branch: string
  context: Context
  timers: TimerQueue
  /** Runs the CANCEL of this transaction as a transaction of its own (RFC 3261 §9.1). */
  cancel(request: SipRequest): void
  onEnd(): void
}

/** Drives one client machine: its timers, its messages, its user. */
export class Client implements ClientTransaction {
  readonly branch: string
  readonly #request: SipRequest
  readonly #hop: Hop
  readonly #user: ClientTransactionUser
  readonly #init: ClientInit
  readonly #timers = new Map<TimerName, Timer>()
  #state: invite.State | nonInvite.State
  #sent = 0
  #response: SipResponse | undefined
  #provisional = false
  #cancelling: { reason: string | undefined } | undefined
  #cancelled = false

  constructor(request: SipRequest, hop: Hop, user: ClientTransactionUser, init: ClientInit) {
    this.#request = request
    this.#hop = hop
    this.#user = user
    this.#init = init
    this.branch = init.branch
    this.#state = request.method === 'INVITE' ? 'calling' : 'trying'
  }

  start(): void {
    this.#apply({ type: 'start' })
  }

  /** Is this topmost Via of a response the one that was put on the request (RFC 3261 §18.1.2)? */
  isOwn(via: Via | undefined): boolean {
    const { transport, host, port } = this.#hop.via
    const written = via?.port ?? defaultPort(transportNamed(transport) ?? 'udp')
    return via?.host === host.toLowerCase() && written === port
  }

  receive(response: SipResponse): void {
    this.#response = response
    if (response.status < 200) this.#provisional = true
    try {
      this.#apply({ type: 'response', status: response.status })
    } finally {
      // Also when the user could make nothing of it: the CANCEL that waits for it is all that ends this transaction.
      if (this.#cancelling && response.status < 200) this.#sendCancel()
      if (response.status >= 200) this.#request.headers.forgetParsed()
    }
  }

  cancel(reason?: string): void {
    if (this.#request.method !== 'INVITE' || (this.#state !== 'calling' && this.#state !== 'proceeding')) return
    this.#cancelling ??= { reason }
    if (this.#provisional) this.#sendCancel()
  }

  abandon(): void {
    this.#end()
  }

  snapshot(): Record<string, unknown> {
    return { branch: this.branch, method: this.#request.method, state: this.#state, sent: this.#sent }
  }

  #sendCancel(): void {
    if (this.#cancelled) return
    this.#cancelled = true
    // Nothing final within this time: the INVITE counts as cancelled (RFC 3261 §9.1).
    this.#arm('B', 64 * this.#init.context.t1)
    const cancel = this.#hopByHop('CANCEL', this.#request.headers.get('to') ?? '')
    const reason = this.#cancelling?.reason
    if (reason !== undefined) cancel.headers.append('Reason', reason)
    this.#init.cancel(cancel)
  }

  #sendAck(): void {
    const ack = this.#hopByHop('ACK', this.#response?.headers.get('to') ?? '')
    this.#send(ack).catch(() => undefined)
  }

  /** A message that cannot even be written is one that cannot be sent: whoever starts this must get it back. */
  #send(message: SipRequest): Promise<void> {
    try {
      return this.#hop.send(message)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** ACK (RFC 3261 §17.1.1.3) and CANCEL (§9.1) travel like the INVITE, hop by hop. */
  #hopByHop(method: string, to: string): Request {
    const { headers } = this.#request
    const list = new HeaderList()
    list.append('Via', headers.get('via') ?? '')
    for (const route of headers.getAll('route')) list.append('Route', route)
    list.append('Max-Forwards', '70')
    list.append('From', headers.get('from') ?? '')
    list.append('To', to)
    list.append('Call-ID', headers.get('call-id') ?? '')
    list.append('CSeq', `${this.#request.cseq.number} ${method}`)
    return new Request(method, this.#request.uri, list)
  }

  #apply(input: invite.Input): void {
    if (this.#state === 'terminated') return
    const { context } = this.#init
    const { state, effects } =
      this.#request.method === 'INVITE'
        ? invite.step(this.#state as invite.State, input, context)
        : nonInvite.step(this.#state as nonInvite.State, input, context)
    this.#state = state
    // What the user makes of a response may fail, of a broken one above all: the timers that end the machine are set all the same.
    let failure: { error: unknown } | undefined
    for (const effect of effects) {
      try {
        this.#perform(effect)
      } catch (error) {
        failure ??= { error }
      }
    }
    if (failure) throw failure.error
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case 'send-request':
        this.#sent++
        this.#send(this.#request).catch(() => this.#apply({ type: 'transport-error' }))
        break
      case 'send-ack':
        this.#sendAck()
        break
      case 'pass-up':
        if (this.#response) this.#user.onResponse(this.#response)
        break
      case 'fail':
        this.#user.onFailure(effect.cause)
        break
      case 'start':
        this.#arm(effect.timer, effect.afterMs)
        break
      case 'stop':
        this.#timers.get(effect.timer)?.cancel()
        break
      case 'end':
        this.#end()
        break
      case 'send-response':
        break
    }
  }

  #arm(timer: TimerName, afterMs: number): void {
    this.#timers.get(timer)?.cancel()
    const fire = (): void => this.#apply({ type: 'timer', timer, attempt: this.#sent })
    if (afterMs === 0) fire()
    else this.#timers.set(timer, this.#init.timers.after(afterMs, fire))
  }

  #end(): void {
    this.#state = 'terminated'
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    this.#init.onEnd()
    this.#user.onEnd?.()
  }
}

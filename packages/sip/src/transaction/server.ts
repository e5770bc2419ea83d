import type { Timer, TimerQueue } from '@thor-node/core'
import type { SipRequest, SipResponse } from '../message/contract.ts'
import type { Source } from '../transport/contract.ts'
import type { ServerTransaction } from './contract.ts'
import type { Context, Effect } from './machine.ts'
import * as invite from './server-invite.ts'
import * as nonInvite from './server-non-invite.ts'
import type { TimerName } from './timers.ts'

/** What all server transactions of a node share. */
export interface ServerHost {
  timers: TimerQueue
  send(response: SipResponse, server: Server): Promise<void>
  /** Sends the final response to a request other than INVITE over datagrams, and keeps it in place of the transaction. */
  sendLast(response: SipResponse, server: Server): void
  onAck(ack: SipRequest, server: Server): void
  onEnd(server: Server): void
}

/**
 * Drives one server machine. The completed state of a request other than INVITE over datagrams is not kept here but by the host, as
 * the bytes of its answer (answers.ts).
 */
export class Server implements ServerTransaction {
  readonly request: SipRequest
  readonly source: Source
  readonly key: string
  onCancel: ((cancel: SipRequest) => void) | undefined
  onEnd: ((cause: 'done' | 'timeout' | 'transport') => void) | undefined
  readonly #host: ServerHost
  readonly #context: Context
  #timers: Map<TimerName, Timer> | undefined
  #state: invite.State | nonInvite.State
  #last: SipResponse | undefined
  #sent = 0
  #answered = false
  #cause: 'done' | 'timeout' | 'transport' = 'done'

  constructor(request: SipRequest, source: Source, key: string, init: { host: ServerHost; context: Context }) {
    this.request = request
    this.source = source
    this.key = key
    this.#host = init.host
    this.#context = init.context
    this.#state = request.method === 'INVITE' ? 'proceeding' : 'trying'
  }

  get answered(): boolean {
    return this.#answered
  }

  respond(response: SipResponse): void {
    // What a machine ignores must not replace what it would retransmit.
    const before = this.#last
    this.#last = response
    const wasAnswered = this.#answered
    if (response.status >= 200) this.#answered = true
    const performed = this.#apply({ type: 'respond', status: response.status })
    if (!performed) {
      this.#last = before
      this.#answered = wasAnswered
    }
  }

  receiveAgain(): void {
    if (this.#last) this.#apply({ type: 'request' })
  }

  receiveAck(ack: SipRequest): void {
    if (this.request.method === 'INVITE') this.#apply({ type: 'ack' }, ack)
  }

  /** Ends it without a word. */
  abandon(): void {
    if (this.#state !== 'terminated') this.#end()
  }

  snapshot(): Record<string, unknown> {
    return { method: this.request.method, callId: this.request.callId, state: this.#state, answered: this.#answered }
  }

  #apply(input: invite.Input, ack?: SipRequest): boolean {
    if (this.#state === 'terminated') return false
    const context = this.#context
    const { state, effects } =
      this.request.method === 'INVITE'
        ? invite.step(this.#state as invite.State, input, context)
        : nonInvite.step(this.#state as nonInvite.State, input as nonInvite.Input, context)
    this.#state = state
    for (const effect of effects) this.#perform(effect, ack)
    return effects.length > 0
  }

  #perform(effect: Effect, ack: SipRequest | undefined): void {
    switch (effect.type) {
      case 'send-response':
        if (!this.#last) break
        this.#sent++
        if (this.#keptByHost) {
          this.#host.sendLast(this.#last, this)
          break
        }
        this.#host.send(this.#last, this).catch(() => this.#apply({ type: 'transport-error' }))
        // What follows is half a minute of waiting for retransmissions.
        if (this.#last.status >= 200) {
          this.request.headers.forgetParsed()
          this.#last.headers.forgetParsed()
        }
        break
      case 'pass-up':
        if (ack) this.#host.onAck(ack, this)
        break
      case 'fail':
        this.#cause = effect.cause
        break
      case 'start':
        if (this.#keptByHost) this.#end()
        else this.#arm(effect.timer, effect.afterMs)
        break
      case 'stop':
        this.#timers?.get(effect.timer)?.cancel()
        break
      case 'end':
        this.#end()
        break
      case 'send-request':
      case 'send-ack':
        break
    }
  }

  get #keptByHost(): boolean {
    return this.#answered && !this.#context.reliable && this.request.method !== 'INVITE'
  }

  #arm(timer: TimerName, afterMs: number): void {
    this.#timers ??= new Map()
    this.#timers.get(timer)?.cancel()
    if (timer === 'G' && !this.#timers.has('G')) this.#sent = 1
    const fire = (): void => void this.#apply({ type: 'timer', timer, attempt: this.#sent })
    if (afterMs === 0) fire()
    else this.#timers.set(timer, this.#host.timers.after(afterMs, fire))
  }

  #end(): void {
    this.#state = 'terminated'
    for (const timer of this.#timers?.values() ?? []) timer.cancel()
    this.#timers = undefined
    this.#host.onEnd(this)
    this.onEnd?.(this.#cause)
  }
}

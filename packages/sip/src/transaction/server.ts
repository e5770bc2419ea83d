import type { Timer } from '@thor-node/core'
import type { SipRequest, SipResponse } from '../message/contract.ts'
import type { Source } from '../transport/contract.ts'
import type { ServerTransaction } from './contract.ts'
import type { Context, Effect } from './machine.ts'
import * as invite from './server-invite.ts'
import * as nonInvite from './server-non-invite.ts'
import type { TimerName, TimerQueue } from './timers.ts'

export interface ServerInit {
  context: Context
  timers: TimerQueue
  send(response: SipResponse): Promise<void>
  onAck(ack: SipRequest): void
  onEnd(): void
}

/** Drives one server machine. */
export class Server implements ServerTransaction {
  readonly request: SipRequest
  readonly source: Source
  onCancel: ((cancel: SipRequest) => void) | undefined
  onEnd: ((cause: 'done' | 'timeout' | 'transport') => void) | undefined
  readonly #init: ServerInit
  readonly #timers = new Map<TimerName, Timer>()
  #state: invite.State | nonInvite.State
  #last: SipResponse | undefined
  #sent = 0
  #answered = false
  #cause: 'done' | 'timeout' | 'transport' = 'done'

  constructor(request: SipRequest, source: Source, init: ServerInit) {
    this.request = request
    this.source = source
    this.#init = init
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
    const { context } = this.#init
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
        this.#init.send(this.#last).catch(() => this.#apply({ type: 'transport-error' }))
        // What follows is half a minute of waiting for retransmissions.
        if (this.#last.status >= 200) {
          this.request.headers.forgetParsed()
          this.#last.headers.forgetParsed()
        }
        break
      case 'pass-up':
        if (ack) this.#init.onAck(ack)
        break
      case 'fail':
        this.#cause = effect.cause
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
      case 'send-request':
      case 'send-ack':
        break
    }
  }

  #arm(timer: TimerName, afterMs: number): void {
    this.#timers.get(timer)?.cancel()
    if (timer === 'G' && !this.#timers.has('G')) this.#sent = 1
    const fire = (): void => void this.#apply({ type: 'timer', timer, attempt: this.#sent })
    if (afterMs === 0) fire()
    else this.#timers.set(timer, this.#init.timers.after(afterMs, fire))
  }

  #end(): void {
    this.#state = 'terminated'
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    this.#init.onEnd()
    this.onEnd?.(this.#cause)
  }
}

/** Driver of a response context: runs the client transactions of one request and answers its server transaction. */
import type { Clock, Timer } from '@thor-node/core'
import type { SipRequest, SipResponse } from '../message/contract.ts'
import { makeResponse, retryAfterOf, splitList } from '../message/index.ts'
import type { ClientTransaction, ServerTransaction, TransactionLayer } from '../transaction/contract.ts'
import type { RemoteHop } from './hops.ts'
import type { Replier } from './reply.ts'
import { type ContextEffect, type ContextInput, type ContextState, initialContext, step } from './response-context.ts'

/** RFC 3326 §2: the phone shows no missed call then. */
const ANSWERED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'

/** RFC 5626 §11.5: an outside proxy has lost the flow to the device. */
const FLOW_FAILED = 430
const FLOW_PATIENCE_MS = 3_000
/**
 * A silent address counts as failed after so long, while there is another one. INVITE is answered 100 at once; for others a
 * working server says 100 after 3.5 s (RFC 4320 §4.1).
 */
const ADDRESS_PATIENCE_MS = { invite: 4_000, other: 6_000 } as const

export interface Branch {
  request: SipRequest
  group: number
  /** Found when the branch is started; a rejection fails the branch. */
  hop(): RemoteHop | Promise<RemoteHop>
  /**
   * Of a trunk: the request once more with an answer to the challenge in `response`, or undefined when there is none. The
   * caller is never asked for the password of a carrier: without an answer the trunk has failed.
   */
  answer?(sent: SipRequest, response: SipResponse): SipRequest | undefined
  /** Another flow of the same device, for when this one failed (RFC 5626 §5.1), or another trunk; undefined when all were tried. */
  otherFlow?(): Attempt | undefined
  /** A device of ours: when its flow is broken it is offline, which is 480 and no fault of the server. */
  device: boolean
}

type Attempt = Pick<Branch, 'request' | 'hop' | 'answer'>

export interface ForkTimes {
  /** Timer C in ms (RFC 3261 §16.6 step 11: over 3 minutes). */
  timerC: number
  /** How long (ms) devices of one q ring before those of the next. */
  groupMs: number
  /** T1 in ms. */
  t1: number
}

export interface ForkHooks {
  /** A response about to go upstream, its top Via gone. Undefined: it does not go. A final one that rejects becomes 502. */
  prepare(branch: number, response: SipResponse, hop: RemoteHop | undefined): Promise<SipResponse | undefined>
  /** A final response went upstream; for INVITE more 2xx may follow. */
  onFinal(status: number): void
}

/** Hooks of requests that are no calls: responses pass as they are. */
export const passing: ForkHooks = {
  prepare: async (_, response) => response,
  onFinal: () => undefined,
}

export class Fork {
  readonly #transactions: TransactionLayer
  readonly #clock: Clock
  readonly #replier: Replier
  readonly #timerC: number
  readonly #groupMs: number
  readonly #workingMs: number
  readonly #server: ServerTransaction
  readonly #branches: readonly Branch[]
  readonly #hooks: ForkHooks
  readonly #clients: (ClientTransaction | undefined)[] = []
  readonly #hops: (RemoteHop | undefined)[] = []
  readonly #finals: (SipResponse | undefined)[] = []
  readonly #timers = new Map<number, Timer>()
  readonly #patience = new Set<Timer>()
  readonly #cancelled = new Set<number>()
  /** Of the caller's CANCEL. */
  #reason: string | undefined
  #working: Timer | undefined
  #groupTimer: Timer | undefined
  #state: ContextState
  /** Responses leave in the order in which they came, though some must wait for a relay. */
  #tail: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(
    components: { transactions: TransactionLayer; clock: Clock; replier: Replier },
    init: { server: ServerTransaction; branches: readonly Branch[]; hooks: ForkHooks } & ForkTimes,
  ) {
    this.#transactions = components.transactions
    this.#clock = components.clock
    this.#replier = components.replier
    this.#server = init.server
    this.#branches = init.branches
    this.#hooks = init.hooks
    this.#timerC = init.timerC
    this.#groupMs = init.groupMs
    // When Timer E has reached T2 (RFC 4320 §4.1).
    this.#workingMs = 7 * init.t1
    const invite = init.server.request.method === 'INVITE'
    this.#state = initialContext(
      invite,
      init.branches.map((branch) => branch.group),
    )
  }

  start(): void {
    const { request } = this.#server
    if (request.method !== 'INVITE') {
      this.#working = this.#clock.after(this.#workingMs, () => this.#server.respond(makeResponse(request, 100)))
    }
    this.#feed({ type: 'start' })
  }

  /** The caller sent CANCEL, maybe with a reason (RFC 3326). */
  cancel(reason?: string): void {
    this.#reason = reason
    this.#feed({ type: 'cancel' })
  }

  /** Lets go of timers and transactions; nothing is answered any more. */
  stop(): void {
    this.#stopped = true
    this.#working?.cancel()
    this.#groupTimer?.cancel()
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
    for (const timer of this.#patience) timer.cancel()
    this.#patience.clear()
    for (const client of this.#clients) client?.abandon()
  }

  #feed(input: ContextInput, response?: SipResponse): void {
    if (this.#stopped) return
    const { state, effects } = step(this.#state, input)
    this.#state = state
    for (const effect of effects) this.#apply(effect, input, response)
  }

  #apply(effect: ContextEffect, input: ContextInput, response: SipResponse | undefined): void {
    switch (effect.type) {
      case 'start-branch':
        void this.#startBranch(effect.branch, this.#branches[effect.branch])
        return
      case 'cancel-branch':
        this.#cancelled.add(effect.branch)
        this.#clients[effect.branch]?.cancel(this.#reasonFor(input))
        return
      case 'start-timer-c':
        this.#timers.get(effect.branch)?.cancel()
        this.#timers.set(
          effect.branch,
          this.#clock.after(this.#timerC, () => this.#feed({ type: 'timer-c', branch: effect.branch })),
        )
        return
      case 'start-group-timer':
        this.#groupTimer?.cancel()
        this.#groupTimer = this.#clock.after(this.#groupMs, () => this.#feed({ type: 'group-timer' }))
        return
      case 'stop-timer-c':
        this.#timers.get(effect.branch)?.cancel()
        this.#timers.delete(effect.branch)
        return
      case 'forward':
        if (response && 'branch' in input) this.#forward(input.branch, response)
        return
      case 'respond':
        this.#respond(effect.branch, effect.status)
    }
  }

  async #startBranch(index: number, attempt: Attempt | undefined): Promise<void> {
    if (!attempt) return
    try {
      const hop = await attempt.hop()
      if (this.#stopped) return
      if (this.#cancelled.has(index)) return this.#feed({ type: 'response', branch: index, status: 487 })
      this.#send(index, attempt, hop)
    } catch {
      if (!this.#tryOtherFlow(index)) this.#feed({ type: 'failure', branch: index, cause: 'transport' })
    }
  }

  #tryOtherFlow(index: number): boolean {
    if (this.#stopped || this.#cancelled.has(index)) return false
    const attempt = this.#branches[index]?.otherFlow?.()
    if (!attempt) return false
    this.#clients[index] = undefined
    void this.#startBranch(index, attempt)
    return true
  }

  /** To one address after another until one speaks (RFC 3263 §4.3), and then to one flow after another. */
  #send(index: number, attempt: Attempt, hop: RemoteHop): void {
    const { next } = hop
    const { request, answer } = attempt
    let spoke = false
    let rang = false
    /** Another flow of the device is tried: of this one only a 2xx counts, should it come yet. */
    let passed = false
    let patience: Timer | undefined
    const { device = false, otherFlow } = this.#branches[index] ?? {}
    const goOn = (): boolean => {
      if (spoke || this.#stopped || this.#cancelled.has(index)) return false
      // Other transports of the host are ways like other flows of a device.
      if (!next) return !device && this.#tryOtherFlow(index)
      this.#send(index, attempt, next)
      return true
    }
    const failed = (): void => {
      if (!spoke && !this.#cancelled.has(index)) hop.judge?.(false)
    }
    /** What a trunk says that is not for the caller: a challenge, and that another trunk should be tried. */
    const keeps = (response: SipResponse): boolean => {
      if (!answer || passed || this.#stopped || this.#cancelled.has(index)) return false
      const { status } = response
      const challenged = status === 401 || status === 407
      if (challenged) {
        const again = answer(request, response)
        if (again) {
          this.#clients[index] = undefined
          this.#send(index, { ...attempt, request: again }, hop)
          return true
        }
      }
      if (!challenged && (status < 500 || status >= 600)) return false
      if (!rang && this.#tryOtherFlow(index)) return true
      if (!challenged) return false
      this.#feed({ type: 'response', branch: index, status: 502 })
      return true
    }
    this.#hops[index] = hop
    const more = next !== undefined || otherFlow !== undefined
    let client: ClientTransaction | undefined
    client = this.#transactions.request(more || answer ? request.clone() : request, hop, {
      onResponse: (response) => {
        patience?.cancel()
        if (passed && (response.status < 200 || response.status >= 300)) return
        if (passed) {
          this.#hops[index] = hop
          this.#clients[index]?.cancel(ANSWERED_ELSEWHERE)
        }
        if (response.status > 100 && response.status < 200) rang = true
        const busy = response.status === 503
        hop.judge?.(!busy, busy ? retryAfterOf(response.headers.get('Retry-After')) : undefined)
        if (busy && goOn()) return
        if (keeps(response)) return
        if (response.status === FLOW_FAILED && !spoke && this.#tryOtherFlow(index)) return
        // 100 is the next hop's word that it has the request, not that it can do anything with it.
        if (response.status > 100) spoke = true
        this.#receive(index, response)
      },
      onFailure: (cause) => {
        patience?.cancel()
        failed()
        if (passed || goOn() || (!spoke && this.#tryOtherFlow(index))) return
        this.#feed({ type: 'failure', branch: index, cause })
      },
      // Whatever else ended it: no branch may stay open without a transaction.
      onEnd: () => {
        if (client && this.#clients[index] === client) this.#feed({ type: 'failure', branch: index, cause: 'timeout' })
      },
    })
    this.#clients[index] = client
    if (!more) return
    const method = request.method === 'INVITE' ? 'invite' : 'other'
    patience = this.#waitForWord(device ? FLOW_PATIENCE_MS : ADDRESS_PATIENCE_MS[method], () => {
      if (spoke || this.#clients[index] !== client) return
      failed()
      if (!(device ? this.#tryOtherFlow(index) : goOn())) return
      passed = true
      client.cancel()
    })
  }

  /** A flow that is silent for so long has failed, as far as can be told while there is another one. */
  #waitForWord(ms: number, giveUp: () => void): Timer {
    const timer = this.#clock.after(ms, () => {
      this.#patience.delete(timer)
      if (!this.#stopped) giveUp()
    })
    this.#patience.add(timer)
    return timer
  }

  #receive(branch: number, response: SipResponse): void {
    // Somebody took the caller's Via away: as good as no answer, for it leads nowhere (§16.7 step 3).
    if (response.vias.length < 2) {
      if (response.status >= 200) this.#feed({ type: 'response', branch, status: 502 })
      return
    }
    // Flows are our affair: for the caller the device is offline.
    if (response.status === FLOW_FAILED && this.#branches[branch]?.device) {
      this.#feed({ type: 'response', branch, status: 480 })
      return
    }
    if (response.status >= 200) this.#finals[branch] ??= response
    this.#feed({ type: 'response', branch, status: response.status }, response)
  }

  /** What a device is told of why it must stop ringing. */
  #reasonFor(input: ContextInput): string | undefined {
    if (input.type === 'cancel') return this.#reason
    return input.type === 'response' && input.status < 300 ? ANSWERED_ELSEWHERE : undefined
  }

  #forward(branch: number, received: SipResponse): void {
    const response = withoutTopVia(received)
    const hop = this.#hops[branch]
    if (!response) return
    this.#queue(async () => {
      let prepared: SipResponse | undefined
      try {
        prepared = await this.#hooks.prepare(branch, response, hop)
      } catch {
        // A response that cannot be worked with must not leave the caller without one.
        if (received.status >= 200) prepared = this.#replier.make(this.#server.request, 502)
      }
      if (prepared) this.#respondWith(prepared)
    })
  }

  #respond(branch: number, status: number): void {
    const received = this.#finals[branch]
    const offline = this.#branches[branch]?.device === true
    this.#queue(async () => {
      let response: SipResponse | undefined
      if (received && received.status === status) {
        response = withoutTopVia(received)
        // §16.7 step 6: the overload of one next hop is not ours.
        if (response && status === 503) response = this.#replier.make(this.#server.request, 500)
        if (response && (status === 401 || status === 407)) this.#addChallenges(response, received)
      }
      response ??= this.#replier.make(this.#server.request, status === 503 ? (offline ? 480 : 500) : status)
      this.#respondWith(response)
    })
  }

  #respondWith(response: SipResponse): void {
    if (this.#stopped) return
    if (response.status >= 200) {
      this.#working?.cancel()
      this.#groupTimer?.cancel()
      this.#hooks.onFinal(response.status)
    }
    this.#server.respond(response)
  }

  /** §16.7 step 7: the caller gets to see what every branch asks for. */
  #addChallenges(response: SipResponse, chosen: SipResponse): void {
    for (const other of this.#finals) {
      if (!other || other === chosen || (other.status !== 401 && other.status !== 407)) continue
      for (const name of ['WWW-Authenticate', 'Proxy-Authenticate']) {
        for (const value of other.headers.getAll(name)) response.headers.append(name, value)
      }
    }
  }

  #queue(work: () => Promise<void>): void {
    this.#tail = this.#tail.then(work).catch(() => undefined)
  }
}

/** §16.7 step 3; undefined when nothing is left: then it was for us. */
export function withoutTopVia(received: SipResponse): SipResponse | undefined {
  const response = received.clone()
  // A peer may have folded several into one header.
  const values = response.headers.getAll('Via').flatMap(splitList)
  if (values.length < 2) return undefined
  response.headers.setAll('Via', values.slice(1))
  return response
}

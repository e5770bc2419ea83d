/** Driver of a response context: runs the client transactions of one request and answers its server transaction. */
import type { Clock, Timer } from '@thor-node/core'
import type { SipRequest, SipResponse } from '../message/contract.ts'
import { makeResponse, splitList } from '../message/index.ts'
import type { ClientTransaction, ServerTransaction, TransactionLayer } from '../transaction/contract.ts'
import type { RemoteHop } from './hops.ts'
import type { Replier } from './reply.ts'
import { type ContextEffect, type ContextInput, type ContextState, initialContext, step } from './response-context.ts'

/** RFC 3326 §2: the phone shows no missed call then. */
const ANSWERED_ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'

export interface Branch {
  request: SipRequest
  group: number
  /** Found when the branch is started; a rejection fails the branch. */
  hop(): RemoteHop | Promise<RemoteHop>
  /** A device of ours: when its flow is broken it is offline, which is 480 and no fault of the server. */
  device: boolean
}

export interface ForkHooks {
  /** A response about to go upstream, its top Via gone. Undefined: it does not go. A final one that rejects becomes 502. */
  prepare(branch: number, response: SipResponse, hop: RemoteHop | undefined): Promise<SipResponse | undefined>
  /** A final response went upstream; for INVITE more 2xx may follow. */
  onFinal(status: number): void
}

export class Fork {
  readonly #transactions: TransactionLayer
  readonly #clock: Clock
  readonly #replier: Replier
  readonly #timerC: number
  readonly #workingMs: number
  readonly #server: ServerTransaction
  readonly #branches: readonly Branch[]
  readonly #hooks: ForkHooks
  readonly #clients: (ClientTransaction | undefined)[] = []
  readonly #hops: (RemoteHop | undefined)[] = []
  readonly #finals: (SipResponse | undefined)[] = []
  readonly #timers = new Map<number, Timer>()
  readonly #cancelled = new Set<number>()
  /** Of the caller's CANCEL. */
  #reason: string | undefined
  #working: Timer | undefined
  #state: ContextState
  /** Responses leave in the order in which they came, though some must wait for a relay. */
  #tail: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(
    components: { transactions: TransactionLayer; clock: Clock; replier: Replier },
    init: { server: ServerTransaction; branches: readonly Branch[]; hooks: ForkHooks; timerC: number; t1: number },
  ) {
    this.#transactions = components.transactions
    this.#clock = components.clock
    this.#replier = components.replier
    this.#server = init.server
    this.#branches = init.branches
    this.#hooks = init.hooks
    this.#timerC = init.timerC
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
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
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
        void this.#startBranch(effect.branch)
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

  async #startBranch(index: number): Promise<void> {
    const branch = this.#branches[index]
    if (!branch) return
    try {
      const hop = await branch.hop()
      if (this.#stopped) return
      if (this.#cancelled.has(index)) return this.#feed({ type: 'response', branch: index, status: 487 })
      this.#send(index, branch.request, hop)
    } catch {
      this.#feed({ type: 'failure', branch: index, cause: 'transport' })
    }
  }

  /** To one address after another until one speaks (RFC 3263 §4.3). */
  #send(index: number, request: SipRequest, hop: RemoteHop): void {
    const { next } = hop
    let spoke = false
    const goOn = (): boolean => {
      if (!next || spoke || this.#stopped || this.#cancelled.has(index)) return false
      this.#send(index, request, next)
      return true
    }
    this.#hops[index] = hop
    const client = this.#transactions.request(next ? request.clone() : request, hop, {
      onResponse: (response) => {
        if (response.status === 503 && goOn()) return
        spoke = true
        this.#receive(index, response)
      },
      onFailure: (cause) => {
        if (!goOn()) this.#feed({ type: 'failure', branch: index, cause })
      },
      // Whatever else ended it: no branch may stay open without a transaction.
      onEnd: () => {
        if (this.#clients[index] === client) this.#feed({ type: 'failure', branch: index, cause: 'timeout' })
      },
    })
    this.#clients[index] = client
  }

  #receive(branch: number, response: SipResponse): void {
    // Somebody took the caller's Via away: as good as no answer, for it leads nowhere (§16.7 step 3).
    if (response.vias.length < 2) {
      if (response.status >= 200) this.#feed({ type: 'response', branch, status: 502 })
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
    if (!response) return
    this.#queue(async () => {
      let prepared: SipResponse | undefined
      try {
        prepared = await this.#hooks.prepare(branch, response, this.#hops[branch])
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

/** Driver of a response context: runs the client transactions of one request and answers its server transaction. */
import type { Clock, Timer } from '@thor-node/core'
import type { SipRequest, SipResponse } from '../message/contract.ts'
import { splitList } from '../message/index.ts'
import type { ClientTransaction, ServerTransaction, TransactionLayer } from '../transaction/contract.ts'
import type { RemoteHop } from './hops.ts'
import type { Replier } from './reply.ts'
import { type ContextEffect, type ContextInput, type ContextState, initialContext, step } from './response-context.ts'

export interface Branch {
  request: SipRequest
  group: number
  /** Found when the branch is started; a rejection fails the branch. */
  hop(): RemoteHop | Promise<RemoteHop>
  /** A device of ours: when its flow is broken it is offline, which is 480 and no fault of the server. */
  device: boolean
}

export interface ForkHooks {
  /** A response about to go upstream, its top Via gone. Undefined: it does not go. Must not reject. */
  prepare(branch: number, response: SipResponse, hop: RemoteHop | undefined): Promise<SipResponse | undefined>
  /** A final response went upstream; for INVITE more 2xx may follow. */
  onFinal(status: number): void
}

export class Fork {
  readonly #transactions: TransactionLayer
  readonly #clock: Clock
  readonly #replier: Replier
  readonly #timerC: number
  readonly #server: ServerTransaction
  readonly #branches: readonly Branch[]
  readonly #hooks: ForkHooks
  readonly #clients: (ClientTransaction | undefined)[] = []
  readonly #hops: (RemoteHop | undefined)[] = []
  readonly #finals: (SipResponse | undefined)[] = []
  readonly #timers = new Map<number, Timer>()
  readonly #cancelled = new Set<number>()
  #state: ContextState
  /** Responses leave in the order in which they came, though some must wait for a relay. */
  #tail: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(
    components: { transactions: TransactionLayer; clock: Clock; replier: Replier },
    init: { server: ServerTransaction; branches: readonly Branch[]; hooks: ForkHooks; timerC: number },
  ) {
    this.#transactions = components.transactions
    this.#clock = components.clock
    this.#replier = components.replier
    this.#server = init.server
    this.#branches = init.branches
    this.#hooks = init.hooks
    this.#timerC = init.timerC
    const invite = init.server.request.method === 'INVITE'
    this.#state = initialContext(
      invite,
      init.branches.map((branch) => branch.group),
    )
  }

  start(): void {
    this.#feed({ type: 'start' })
  }

  /** The caller sent CANCEL. */
  cancel(): void {
    this.#feed({ type: 'cancel' })
  }

  /** Lets go of timers and transactions; nothing is answered any more. */
  stop(): void {
    this.#stopped = true
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
        this.#clients[effect.branch]?.cancel()
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
      this.#hops[index] = hop
      this.#clients[index] = this.#transactions.request(branch.request, hop, {
        onResponse: (response) => {
          if (response.status >= 200) this.#finals[index] ??= response
          this.#feed({ type: 'response', branch: index, status: response.status }, response)
        },
        onFailure: (cause) => this.#feed({ type: 'failure', branch: index, cause }),
      })
    } catch {
      this.#feed({ type: 'failure', branch: index, cause: 'transport' })
    }
  }

  #forward(branch: number, received: SipResponse): void {
    const response = withoutTopVia(received)
    if (!response) return
    this.#queue(async () => {
      const prepared = await this.#hooks.prepare(branch, response, this.#hops[branch])
      if (!prepared || this.#stopped) return
      if (prepared.status >= 200) this.#hooks.onFinal(prepared.status)
      this.#server.respond(prepared)
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
      if (this.#stopped) return
      this.#hooks.onFinal(response.status)
      this.#server.respond(response)
    })
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

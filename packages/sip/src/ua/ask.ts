/** A request of our own to an address outside, and its final answer: OPTIONS and REGISTER of trunks. */
import { type Clock, ThorError, type Timer } from '@thor-node/core'
import type { SipRequest, SipResponse, SipUri } from '../message/contract.ts'
import { retryAfterOf } from '../message/index.ts'
import type { Hops, RemoteHop } from '../proxy/hops.ts'
import type { TransactionLayer } from '../transaction/contract.ts'

/** A silent address counts as failed after so long, while there is another one. */
const PATIENCE_MS = 4_000

export interface Asked {
  response: SipResponse
  /** Which address answered. */
  hop: RemoteHop
}

/** What speaks to the outside in this node's own name. */
export interface Agent {
  /**
   * Sends what `make` makes for the hop that is tried, to one address of the host after another (RFC 3263 §4.3) until one
   * answers with something else than 503. Rejects with `SIP_UNANSWERED`, `SIP_NEXT_HOP_UNKNOWN`, `SIP_NEXT_HOP_BUSY`.
   */
  ask(uri: SipUri, make: (hop: RemoteHop) => SipRequest, limitMs: number): Promise<Asked>
}

export class OutsideAgent implements Agent {
  readonly #transactions: TransactionLayer
  readonly #hops: Hops
  readonly #clock: Clock

  constructor(components: { transactions: TransactionLayer; hops: Hops; clock: Clock }) {
    this.#transactions = components.transactions
    this.#hops = components.hops
    this.#clock = components.clock
  }

  async ask(uri: SipUri, make: (hop: RemoteHop) => SipRequest, limitMs: number): Promise<Asked> {
    const until = this.#clock.now() + limitMs
    let hop: RemoteHop | undefined = await this.#hops.byUri(uri)
    let refused: Asked | undefined
    while (hop) {
      const left = until - this.#clock.now()
      if (left <= 0) break
      const response = await this.#once(make(hop), hop, hop.next ? Math.min(left, PATIENCE_MS) : left)
      const busy = response?.status === 503
      hop.judge?.(response !== undefined && !busy, busy ? retryAfterOf(response.headers.get('Retry-After')) : undefined)
      if (response && response.status !== 503) return { response, hop }
      if (response) refused ??= { response, hop }
      hop = hop.next
    }
    if (refused) return refused
    throw new ThorError('SIP_UNANSWERED', `no answer from ${uri.host}`)
  }

  /** The final response; undefined when there is none in time. */
  #once(request: SipRequest, hop: RemoteHop, limitMs: number): Promise<SipResponse | undefined> {
    return new Promise((resolve) => {
      let timer: Timer | undefined
      const end = (response?: SipResponse): void => {
        timer?.cancel()
        resolve(response)
      }
      const client = this.#transactions.request(request, hop, {
        onResponse: (response) => {
          if (response.status >= 200) end(response)
        },
        onFailure: () => end(),
        onEnd: () => end(),
      })
      timer = this.#clock.after(limitMs, () => client.abandon())
    })
  }
}

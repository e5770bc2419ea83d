/** What becomes of a request of somebody who is refused: ahead of all state, so that it costs little. */
import { type Random, randomHex } from '@thor-node/core'
import { makeResponse } from '../message/build.ts'
import type { SipMessage, SipRequest } from '../message/contract.ts'
import type { Source, TransportLayer } from '../transport/contract.ts'
import type { Guard } from './guard.ts'

export class Doorkeeper {
  readonly #guard: Guard
  readonly #transport: Pick<TransportLayer, 'send'>
  /** The same each time, so that a retransmission gets the same answer (RFC 3261 §8.2.7). */
  readonly #tag: string

  constructor(components: { guard: Guard; transport: Pick<TransportLayer, 'send'>; random: Random }) {
    this.#guard = components.guard
    this.#transport = components.transport
    this.#tag = randomHex(components.random, 6)
  }

  /** False: the message ends here, answered or not. What belongs to something that runs always passes. */
  passes(message: SipMessage, source: Source): boolean {
    if (message.kind === 'response' || !begins(message)) return true
    const verdict = this.#guard.judge(source.remote.host, message.headers.get('User-Agent'))
    if (verdict === 'pass') return true
    if (verdict !== 'silent') this.#refuse(message, source, verdict.retryAfterSeconds)
    return false
  }

  #refuse(request: SipRequest, source: Source, retryAfterSeconds: number): void {
    const response = makeResponse(request, 403, undefined, {
      toTag: this.#tag,
      headers: [['Retry-After', `${retryAfterSeconds}`]],
    })
    // To where it came from, whatever its Via says.
    this.#transport.send(response, { flow: source.flow }).catch(() => undefined)
  }
}

/** No To tag, and no part of a transaction that runs. What has no readable To goes on to where that is answered. */
function begins(request: SipRequest): boolean {
  if (request.method === 'ACK' || request.method === 'CANCEL') return false
  try {
    return !request.to.params.has('tag')
  } catch {
    return false
  }
}

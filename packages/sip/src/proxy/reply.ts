/** Answers that this node gives itself. */
import { type Random, randomHex } from '@thor-node/core'
import type { SipRequest, SipResponse } from '../message/contract.ts'
import { makeResponse } from '../message/index.ts'

export const SERVER = 'thor-node'
export const ALLOW =
  'INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, UPDATE, INFO, PRACK, MESSAGE, SUBSCRIBE, NOTIFY, REFER, PUBLISH'
export const SUPPORTED = 'path, outbound, gruu'
/** Seconds after which a client may come again when a home or a relay could not be asked. */
const RETRY_AFTER = '2'

export type HeaderField = readonly [name: string, value: string]

/** The header of a refusal that ends by itself. */
export const retryAfter = (refusal: { retryAfter?: number }): HeaderField[] =>
  refusal.retryAfter === undefined ? [] : [['Retry-After', `${refusal.retryAfter}`]]

/** Makes replies with a To tag (RFC 3261 §8.2.6.2) from the node's own chance. */
export class Replier {
  readonly #random: Random

  constructor(components: { random: Random }) {
    this.#random = components.random
  }

  make(request: SipRequest, status: number, reason?: string, headers: readonly HeaderField[] = []): SipResponse {
    return makeResponse(request, status, reason, {
      toTag: randomHex(this.#random, 5),
      headers: [...headers, ['Server', SERVER]],
    })
  }

  /** 503 with Retry-After: what stands behind this node cannot answer now. */
  unavailable(request: SipRequest): SipResponse {
    return this.make(request, 503, undefined, [['Retry-After', RETRY_AFTER]])
  }
}

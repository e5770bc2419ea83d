/** Challenges and answers of digest in SIP messages (RFC 3261 §22, RFC 8760). */
import {
  type Clock,
  digestAlgorithm,
  entityHash,
  formatChallenge,
  parseCredentials,
  type Random,
} from '@thor-node/core'
import { makeNonce } from '../auth.ts'
import type { DigestAnswer } from '../delegates.ts'
import type { SipRequest } from '../message/contract.ts'
import { isWeb, transportNamed } from '../transport/names.ts'
import type { HeaderField } from './reply.ts'

export const DEFAULT_ALGORITHMS: readonly string[] = ['SHA-256', 'MD5']

/**
 * Clients that give up at a challenge whose algorithm they do not know, although another challenge stands beside it: they
 * are offered MD5 alone. baresip before 3 (libre's digest of that time) is one.
 */
const MD5_ONLY_AGENTS = /^baresip v?[0-2]\./i

/**
 * Over WebSocket MD5 stands last. Libraries for browsers (JsSIP, SIP.js) keep the last challenge of several, and give up when
 * it is not MD5; what takes the first that it knows (RFC 8760 §2.4) is served as well.
 */
function inPlace(offers: readonly string[], request: SipRequest): readonly string[] {
  const transport = transportNamed(request.vias[0]?.transport ?? '')
  if (!transport || !isWeb(transport) || !offers.includes('MD5')) return offers
  return [...offers.filter((name) => name !== 'MD5'), 'MD5']
}

export class Challenger {
  readonly #clock: Clock
  readonly #random: Random
  readonly #cookieKey: Uint8Array
  /** Algorithms that are named in challenges, the preferred first. */
  readonly offers: readonly string[]
  readonly #qop: string

  constructor(
    components: { clock: Clock; random: Random; cookieKey: Uint8Array },
    init: { algorithms?: readonly string[]; qop?: readonly string[] },
  ) {
    this.#clock = components.clock
    this.#random = components.random
    this.#cookieKey = components.cookieKey
    this.offers = init.algorithms ?? DEFAULT_ALGORITHMS
    this.#qop = (init.qop ?? ['auth']).join(',')
  }

  /** One header for each algorithm, in our order of preference (see `inPlace`). */
  headers(
    request: SipRequest,
    name: 'WWW-Authenticate' | 'Proxy-Authenticate',
    realm: string,
    asked: { stale: boolean; algorithms: readonly string[] },
  ): HeaderField[] {
    const known = MD5_ONLY_AGENTS.test(request.headers.get('User-Agent') ?? '')
      ? ['MD5']
      : inPlace(this.offers, request)
    const wanted = known.filter((algorithm) => asked.algorithms.includes(algorithm))
    const nonce = makeNonce(this.#cookieKey, this.#clock.wall(), this.#random)
    return (wanted.length > 0 ? wanted : asked.algorithms).map((algorithm) => [
      name,
      formatChallenge({ realm, nonce, algorithm, qop: this.#qop, ...(asked.stale && { stale: true }) }),
    ])
  }
}

/** The credentials for a realm that `accepts`, if the request has any; the first of several wins. */
export function answerOf(
  request: SipRequest,
  header: 'Authorization' | 'Proxy-Authorization',
  accepts: (realm: string) => boolean,
): DigestAnswer | undefined {
  for (const value of request.headers.getAll(header)) {
    const found = parseCredentials(value)
    if (!found || !accepts(found.realm.toLowerCase())) continue
    const { username, realm, nonce, uri, response, algorithm = 'MD5', cnonce, nc, qop } = found
    const answer = { username, realm, nonce, uri, response, algorithm, cnonce, nc, qop, method: request.method }
    const hashes = qop?.toLowerCase() === 'auth-int' ? digestAlgorithm(algorithm) : undefined
    return hashes ? { ...answer, bodyHash: entityHash(hashes, request.body) } : answer
  }
  return undefined
}

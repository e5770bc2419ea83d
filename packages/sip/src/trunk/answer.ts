/** The other side of digest: a challenge that somebody else's server made, answered (RFC 3261 §22.2, RFC 7616, RFC 8760). */
import {
  computeHa1,
  type DigestChallenge,
  digestAlgorithm,
  digestResponse,
  entityHash,
  formatCredentials,
  parseChallenge,
  type Random,
  randomHex,
} from '@thor-node/core'
import type { SipRequest, SipResponse } from '../message/contract.ts'

export interface Credentials {
  user: string
  password: string
}

const HEADERS = {
  401: ['WWW-Authenticate', 'Authorization'],
  407: ['Proxy-Authenticate', 'Proxy-Authorization'],
} as const

export const isChallenge = (status: number): status is 401 | 407 => status === 401 || status === 407

/** Without qop it is the form of RFC 2069; `auth` rather than `auth-int`. Undefined: neither is offered. */
function qopOf({ qop }: DigestChallenge): 'auth' | 'auth-int' | 'none' | undefined {
  if (qop === undefined) return 'none'
  const offered = new Set(qop.toLowerCase().split(/[,\s]+/))
  if (offered.has('auth')) return 'auth'
  return offered.has('auth-int') ? 'auth-int' : undefined
}

/**
 * The header that answers the first challenge that can be answered: servers name what they prefer first (RFC 8760 §2.3).
 * Undefined when there is none.
 */
export function answerChallenge(
  request: SipRequest,
  response: SipResponse,
  { user, password }: Credentials,
  random: Random,
): readonly [name: string, value: string] | undefined {
  if (!isChallenge(response.status)) return undefined
  const [asks, answers] = HEADERS[response.status]
  for (const value of response.headers.getAll(asks)) {
    const challenge = parseChallenge(value)
    const algorithm = challenge && digestAlgorithm(challenge.algorithm)
    const qop = challenge && qopOf(challenge)
    if (!challenge || !algorithm || !qop) continue
    const { realm, nonce, opaque } = challenge
    const counted = qop === 'none' ? {} : { qop, nc: '00000001', cnonce: randomHex(random, 8) }
    const common = { method: request.method, uri: request.uri, nonce, ...counted }
    const hashed = qop === 'auth-int' ? { bodyHash: entityHash(algorithm, request.body) } : {}
    const ha1 = computeHa1(algorithm, user, realm, password)
    const digest = digestResponse({ algorithm, ha1, ...common, ...hashed })
    const { method: _, ...shown } = common
    const named = challenge.algorithm !== undefined && { algorithm: challenge.algorithm }
    return [
      answers,
      formatCredentials({
        username: user,
        realm,
        response: digest,
        ...shown,
        ...named,
        ...(opaque !== undefined && { opaque }),
      }),
    ]
  }
  return undefined
}

/** The phone's half of digest authentication (RFC 7616, RFC 8760). */
import {
  computeHa1,
  type DigestAlgorithm,
  type DigestChallenge,
  digestAlgorithm,
  digestResponse,
  formatCredentials,
  parseChallenge,
  type Random,
  randomHex,
} from '@thor-node/core'
import type { SipRequest, SipResponse } from '@thor-node/sip'

export interface Secret {
  user: string
  password: string
  /** The one that the phone answers if it is offered; else the first that it knows. */
  algorithm: DigestAlgorithm
}

/** The challenge of a 401 or 407 that the phone answers, and the header for the answer. */
function chooseChallenge(
  response: SipResponse,
  wanted: DigestAlgorithm,
): { challenge: DigestChallenge; algorithm: DigestAlgorithm; header: string } | undefined {
  const proxy = response.status === 407
  const header = proxy ? 'Proxy-Authorization' : 'Authorization'
  const found = response.headers.getAll(proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate').flatMap((value) => {
    const challenge = parseChallenge(value)
    const algorithm = challenge && digestAlgorithm(challenge.algorithm)
    return challenge && algorithm ? [{ challenge, algorithm, header }] : []
  })
  return found.find(({ algorithm }) => algorithm === wanted) ?? found[0]
}

/** Only the nonce was too old; the password may be right. */
export function isStale({ headers }: SipResponse): boolean {
  const values = [...headers.getAll('WWW-Authenticate'), ...headers.getAll('Proxy-Authenticate')]
  return values.some((value) => parseChallenge(value)?.stale === true)
}

/**
 * The request again with credentials for this challenge and the next CSeq, without Via; undefined when the challenge cannot
 * be answered.
 */
export function withCredentials(
  request: SipRequest,
  response: SipResponse,
  secret: Secret,
  random: Random,
): SipRequest | undefined {
  const chosen = chooseChallenge(response, secret.algorithm)
  if (!chosen) return undefined
  const { challenge, algorithm, header } = chosen
  const { realm, nonce, opaque } = challenge
  const qop = challenge.qop?.split(',').some((word) => word.trim().toLowerCase() === 'auth') ? 'auth' : undefined
  const counted = qop === undefined ? {} : { qop, nc: '00000001', cnonce: randomHex(random, 8) }
  const { method, uri } = request
  const ha1 = computeHa1(algorithm, secret.user, realm, secret.password)
  const digest = digestResponse({ algorithm, ha1, method, uri, nonce, ...counted })
  const again = request.clone()
  again.headers.remove('Via')
  again.headers.set('CSeq', `${request.cseq.number + 1} ${method}`)
  again.headers.set(
    header,
    formatCredentials({
      username: secret.user,
      realm,
      nonce,
      uri,
      response: digest,
      algorithm: challenge.algorithm,
      opaque,
      ...counted,
    }),
  )
  return again
}

import { ThorError } from '@thor-node/core'
import type { IssuerRequest, Signed } from '@thor-node/overlay'
import { pack, unpack } from 'msgpackr'

/**
 * What travels between a node and the machine that has the root key, as one line of text: `thor-issuer-request-…` there, and
 * `thor-issuer-certificate-…` back. Neither is secret.
 */
const REQUEST = 'thor-issuer-request-'
const CERTIFICATE = 'thor-issuer-certificate-'
const CHARS_MAX = 8_000

export function encodeIssuerRequest({ ringId, nodeId, publicKey }: IssuerRequest): string {
  return REQUEST + Buffer.from(pack({ ringId, nodeId, publicKey })).toString('base64url')
}

/** Throws `NODE_ISSUER_TEXT`. */
export function decodeIssuerRequest(text: string): IssuerRequest {
  const { ringId, nodeId, publicKey } = decode(text, REQUEST, 'a request for an issuer key')
  if (typeof ringId !== 'string' || typeof nodeId !== 'string' || !(publicKey instanceof Uint8Array)) {
    throw notOne('a request for an issuer key')
  }
  return { ringId, nodeId, publicKey: Uint8Array.from(publicKey) }
}

export function encodeIssuerCertificate({ body, signature }: Signed): string {
  return CERTIFICATE + Buffer.from(pack({ body, signature })).toString('base64url')
}

/** Throws `NODE_ISSUER_TEXT`. */
export function decodeIssuerCertificate(text: string): Signed {
  const { body, signature } = decode(text, CERTIFICATE, 'a certificate of an issuer')
  if (!(body instanceof Uint8Array) || !(signature instanceof Uint8Array)) throw notOne('a certificate of an issuer')
  return { body: Uint8Array.from(body), signature: Uint8Array.from(signature) }
}

function decode(text: string, prefix: string, what: string): Record<string, unknown> {
  const line = text.trim()
  if (!line.startsWith(prefix) || line.length > CHARS_MAX) throw notOne(what)
  try {
    const value: unknown = unpack(Buffer.from(line.slice(prefix.length), 'base64url'))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Said below.
  }
  throw notOne(what)
}

function notOne(what: string): ThorError {
  return new ThorError('NODE_ISSUER_TEXT', `this is not ${what}; copy the whole line that "thor-node rotate" printed`)
}

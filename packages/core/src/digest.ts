/**
 * HTTP digest as SIP, MSRP relays and XCAP use it: RFC 7616, with the algorithms of RFC 8760 and, for old devices, the
 * form without qop of RFC 2069. For `auth-int` whoever has the body hashes it (`entityHash`), so that the place where the
 * password is needs the hash alone. `-sess` variants are not spoken: they need a session per client, which a ring of nodes
 * has not got. Nor is `userhash`: it hides a name that From and To of the same message say, and nobody could tell from the
 * hash where the account lives.
 */
import { hash, timingSafeEqual } from 'node:crypto'

export type DigestAlgorithm = 'MD5' | 'SHA-256' | 'SHA-512-256'

const HASH_NAMES: Record<DigestAlgorithm, string> = {
  MD5: 'md5',
  'SHA-256': 'sha256',
  'SHA-512-256': 'sha512-256',
}

/** The algorithm that this token names, whatever its case; undefined for those not spoken. Absent means MD5. */
export function digestAlgorithm(token: string | undefined): DigestAlgorithm | undefined {
  const upper = (token ?? 'MD5').toUpperCase()
  return Object.hasOwn(HASH_NAMES, upper) ? (upper as DigestAlgorithm) : undefined
}

/** H(user ":" realm ":" password) in lower-case hex. What is stored in place of a password. */
export function computeHa1(algorithm: DigestAlgorithm, user: string, realm: string, password: string): string {
  return hash(HASH_NAMES[algorithm], Buffer.from(`${user}:${realm}:${password}`, 'utf8'), 'hex')
}

/** H(entity-body) of `qop=auth-int` in lower-case hex (RFC 7616 §3.4.3); of a message without one: of nothing. */
export function entityHash(algorithm: DigestAlgorithm, body: Uint8Array): string {
  return hash(HASH_NAMES[algorithm], body, 'hex')
}

export interface DigestInput {
  algorithm: DigestAlgorithm
  /** Lower-case hex. */
  ha1: string
  method: string
  uri: string
  nonce: string
  /** `auth` or `auth-int`; absent for the form of RFC 2069. `nc` and `cnonce` are needed with it. */
  qop?: string
  /** What `entityHash` says; needed for `auth-int`. */
  bodyHash?: string
  nc?: string
  cnonce?: string
}

/** The `response` of RFC 7616 §3.4.1 in lower-case hex. Field values are the octets of the message as latin1 text. */
export function digestResponse(input: DigestInput): string {
  const name = HASH_NAMES[input.algorithm]
  const h = (text: string): string => hash(name, Buffer.from(text, 'latin1'), 'hex')
  const whole = input.qop?.toLowerCase() === 'auth-int' ? `:${input.bodyHash ?? ''}` : ''
  const ha2 = h(`${input.method}:${input.uri}${whole}`)
  if (input.qop === undefined) return h(`${input.ha1}:${input.nonce}:${ha2}`)
  return h(`${input.ha1}:${input.nonce}:${input.nc ?? ''}:${input.cnonce ?? ''}:${input.qop}:${ha2}`)
}

/** Compares two digests in a time that does not depend on where they differ. */
export function equalDigests(a: string, b: string): boolean {
  const left = Buffer.from(a.toLowerCase(), 'latin1')
  const right = Buffer.from(b.toLowerCase(), 'latin1')
  return left.length === right.length && timingSafeEqual(left, right)
}

export interface DigestChallenge {
  realm: string
  nonce: string
  /** As written; MD5 when absent. */
  algorithm?: string
  qop?: string
  opaque?: string
  stale?: boolean
}

/** The value of a WWW-Authenticate or Proxy-Authenticate header. */
export function formatChallenge(challenge: DigestChallenge): string {
  const parts = [`realm=${quote(challenge.realm)}`, `nonce=${quote(challenge.nonce)}`]
  if (challenge.opaque !== undefined) parts.push(`opaque=${quote(challenge.opaque)}`)
  if (challenge.stale) parts.push('stale=true')
  if (challenge.algorithm !== undefined) parts.push(`algorithm=${challenge.algorithm}`)
  if (challenge.qop !== undefined) parts.push(`qop=${quote(challenge.qop)}`)
  return `Digest ${parts.join(', ')}`
}

/** A challenge, or undefined when the value is none for digest. */
export function parseChallenge(value: string): DigestChallenge | undefined {
  const fields = parseDigestFields(value)
  const realm = fields?.get('realm')
  const nonce = fields?.get('nonce')
  if (!fields || realm === undefined || nonce === undefined) return undefined
  return {
    realm,
    nonce,
    algorithm: fields.get('algorithm'),
    qop: fields.get('qop'),
    opaque: fields.get('opaque'),
    stale: fields.get('stale')?.toLowerCase() === 'true',
  }
}

export interface DigestCredentials {
  username: string
  realm: string
  nonce: string
  uri: string
  response: string
  /** As written; MD5 when absent. */
  algorithm?: string
  cnonce?: string
  nc?: string
  qop?: string
  opaque?: string
}

/** The value of an Authorization or Proxy-Authorization header, or undefined when it is none for digest or lacks a field. */
export function parseCredentials(value: string): DigestCredentials | undefined {
  const fields = parseDigestFields(value)
  if (!fields) return undefined
  const username = fields.get('username')
  const realm = fields.get('realm')
  const nonce = fields.get('nonce')
  const uri = fields.get('uri')
  const response = fields.get('response')
  if (username === undefined || realm === undefined || nonce === undefined) return undefined
  if (uri === undefined || response === undefined) return undefined
  return {
    username,
    realm,
    nonce,
    uri,
    response,
    algorithm: fields.get('algorithm'),
    cnonce: fields.get('cnonce'),
    nc: fields.get('nc'),
    qop: fields.get('qop'),
    opaque: fields.get('opaque'),
  }
}

export function formatCredentials(credentials: DigestCredentials): string {
  const { username, realm, nonce, uri, response, algorithm, cnonce, nc, qop, opaque } = credentials
  const parts = [
    `username=${quote(username)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(uri)}`,
    `response=${quote(response)}`,
  ]
  if (algorithm !== undefined) parts.push(`algorithm=${algorithm}`)
  if (cnonce !== undefined) parts.push(`cnonce=${quote(cnonce)}`)
  if (qop !== undefined) parts.push(`qop=${qop}`)
  if (nc !== undefined) parts.push(`nc=${nc}`)
  if (opaque !== undefined) parts.push(`opaque=${quote(opaque)}`)
  return `Digest ${parts.join(', ')}`
}

const quote = (text: string): string =>
  text.includes('"') || text.includes('\\') ? `"${text.replace(/[\\"]/g, '\\$&')}"` : `"${text}"`

const FIELDS_MAX = 32

/** `Digest name=value, name="value"…` as a map with lower-case names; undefined for another scheme or bad syntax. */
function parseDigestFields(value: string): Map<string, string> | undefined {
  const scheme = /^\s*digest\s+/i.exec(value)
  if (!scheme) return undefined
  const fields = new Map<string, string>()
  for (let at = scheme[0].length; at < value.length; ) {
    const nameAt = skipSpace(value, at)
    let nameEnd = nameAt
    while (isTokenCode(value.charCodeAt(nameEnd))) nameEnd++
    // Only trailing space and commas may be left over.
    if (nameEnd === nameAt) return /^[\s,]*$/.test(value.slice(at)) ? fields : undefined
    const equals = skipSpace(value, nameEnd)
    if (value.charCodeAt(equals) !== 61) return undefined
    const start = skipSpace(value, equals + 1)
    const quoted = value.charCodeAt(start) === 34
    const end = quoted ? quotedEnd(value, start) : bareEnd(value, start)
    if (end < 0) return undefined
    const name = value.slice(nameAt, nameEnd).toLowerCase()
    // Said twice: which one would count is anybody's guess, so it does not count at all.
    if (fields.has(name) || fields.size >= FIELDS_MAX) return undefined
    fields.set(name, quoted ? withoutEscapes(value.slice(start + 1, end - 1)) : value.slice(start, end))
    const comma = skipSpace(value, end)
    if (comma < value.length && value.charCodeAt(comma) !== 44) return undefined
    at = comma + 1
  }
  return fields
}

const isSpaceCode = (code: number): boolean => code === 32 || (code >= 9 && code <= 13) || code === 0xa0

function skipSpace(text: string, at: number): number {
  let next = at
  while (isSpaceCode(text.charCodeAt(next))) next++
  return next
}

/** The token characters of HTTP (RFC 9110 §5.6.2). */
const TOKEN_CODES = new Set([..."!#$%&'*+.^_`|~-"].map((char) => char.charCodeAt(0)))
const isTokenCode = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || TOKEN_CODES.has(code)

/** Behind the closing quote; -1 when there is none. */
function quotedEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 34) return i + 1
    if (code === 92) i++
  }
  return -1
}

function bareEnd(text: string, start: number): number {
  let end = start
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (code === 44 || code === 34 || isSpaceCode(code)) break
  }
  return end
}

const withoutEscapes = (text: string): string => (text.includes('\\') ? text.replace(/\\(.)/g, '$1') : text)

import { SipParseError } from '../errors.ts'
import { messageLimits } from '../limits.ts'
import type { Params, SipUri } from './contract.ts'
import { readHostPort } from './headers/host.ts'
import { NO_PARAMS } from './headers/params.ts'

/** No space, control, quote or angle bracket; bytes above ASCII pass, as devices send UTF-8 unescaped. */
const URI_TEXT = /^[!#-;=?-[\]^-~\x80-\xff]+$/
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/

/**
 * Reads a URI (RFC 3261 §19.1, RFC 3966). `user`, `password` and parameters stay escaped as written (`unescapeUser`). Of a
 * scheme other than sip, sips and tel all that follows the colon is `user`.
 */
export function parseUri(text: string): SipUri {
  const colon = text.indexOf(':')
  if (colon <= 0 || !URI_TEXT.test(text)) throw bad(text)
  const written = text.slice(0, colon)
  if (written === 'sip' || written === 'sips') return parseSip(written, text, colon + 1)
  if (!SCHEME.test(written)) throw bad(text)
  const scheme = written.toLowerCase()
  if (scheme === 'sip' || scheme === 'sips') return parseSip(scheme, text, colon + 1)
  if (scheme === 'tel') return parseTel(text, colon + 1)
  if (colon + 1 === text.length) throw bad(text)
  return { scheme, user: text.slice(colon + 1), host: '', params: NO_PARAMS }
}

function parseSip(scheme: string, text: string, start: number): SipUri {
  const uri: SipUri = { scheme, user: undefined, password: undefined, host: '', port: undefined, params: NO_PARAMS }
  const cursor = { text, at: start }
  const at = text.indexOf('@', start)
  if (at >= 0) {
    if (text.indexOf('@', at + 1) >= 0) throw bad(text)
    const colon = text.indexOf(':', start)
    const userEnd = colon < 0 ? at : Math.min(colon, at)
    if (userEnd === start) throw bad(text)
    uri.user = text.slice(start, userEnd)
    if (userEnd < at) uri.password = text.slice(userEnd + 1, at)
    checkEscapes(text, start, at)
    cursor.at = at + 1
  }
  const { host, port } = readHostPort(cursor)
  uri.host = host
  uri.port = port
  let end = text.length
  const question = text.indexOf('?', cursor.at)
  if (question >= 0) {
    uri.headers = text.slice(question + 1)
    end = question
  }
  if (cursor.at < end && text.charCodeAt(cursor.at) !== 59) throw bad(text)
  if (cursor.at < end) uri.params = parseParams(text, cursor.at, end)
  return uri
}

function parseTel(text: string, start: number): SipUri {
  const semicolon = text.indexOf(';', start)
  const end = semicolon < 0 ? text.length : semicolon
  const number = text.slice(start, end)
  if (!/^(?:\+[0-9\-.()]+|[0-9A-Fa-f*#\-.()]+)$/.test(number)) throw bad(text)
  if (number.startsWith('+') && !/[0-9]/.test(number)) throw bad(text)
  return { scheme: 'tel', user: number, host: '', params: parseParams(text, end, text.length) }
}

function parseParams(text: string, start: number, end: number): Params {
  if (start >= end) return NO_PARAMS
  const params = new Map<string, string>()
  let at = start
  while (at < end) {
    at++ // the semicolon
    let next = text.indexOf(';', at)
    if (next < 0 || next > end) next = end
    if (next > at) {
      const equals = text.indexOf('=', at)
      const has = equals >= 0 && equals < next
      const name = text.slice(at, has ? equals : next).toLowerCase()
      if (name === '') throw bad(text)
      // RFC 3261 §19.1.1: no name twice; the first one counts.
      if (!params.has(name)) params.set(name, has ? text.slice(equals + 1, next) : '')
      if (params.size > messageLimits.paramsMax) throw new SipParseError('too many URI parameters')
    }
    at = next
  }
  return params
}

function checkEscapes(text: string, start: number, end: number): void {
  for (let i = text.indexOf('%', start); i >= 0 && i < end; i = text.indexOf('%', i + 1)) {
    if (!/^[0-9A-Fa-f]{2}$/.test(text.slice(i + 1, Math.min(i + 3, end)))) throw bad(text)
  }
}

const bad = (text: string): SipParseError => new SipParseError(`not a URI: ${text.slice(0, 80)}`, { reason: 'Bad URI' })

/** IPv6 in brackets. */
export const formatHost = (host: string): string => (host.includes(':') ? `[${host}]` : host)

export function formatUri(uri: SipUri): string {
  let out = `${uri.scheme}:${uri.user ?? ''}`
  if (uri.host !== '') {
    if (uri.password !== undefined) out += `:${uri.password}`
    if (uri.user !== undefined) out += '@'
    out += formatHost(uri.host)
    if (uri.port !== undefined) out += `:${uri.port}`
  }
  for (const [name, value] of uri.params) out += value === '' ? `;${name}` : `;${name}=${value}`
  return uri.headers === undefined ? out : `${out}?${uri.headers}`
}

/** Without what may not stand in a Request-URI (RFC 3261 §19.1.1, table 1): headers, and the parameter `method`. */
export function asRequestUri(text: string): string {
  if (!/\?|;method=/i.test(text)) return text
  const { headers: _, params, ...uri } = parseUri(text)
  return formatUri({ ...uri, params: new Map([...params].filter(([name]) => name !== 'method')) })
}

/** Resolves %HH of a part of a URI: for comparing users with names of accounts. Bytes stay bytes (latin1). */
export function unescapeUser(text: string): string {
  if (!text.includes('%')) return text
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Escapes what may not stand in the user part as it is (RFC 3261 §25.1 user-unreserved). Text beyond latin1 as UTF-8. */
export function escapeUser(user: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: anything beyond one byte
  const bytes = /[^\x00-\xff]/.test(user) ? Buffer.from(user, 'utf8').toString('latin1') : user
  return bytes.replace(
    /[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )
}

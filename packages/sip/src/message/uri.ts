import { SipParseError } from '../errors.ts'
import type { Params, SipUri } from './contract.ts'
import { formatParams, parseParams } from './params.ts'

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?)$/
const IPV6 = /^[0-9A-Fa-f:.]+$/
/** RFC 3261 §25.1 user: unreserved, escaped, user-unreserved. `#` and others occur in the wild and harm nobody. */
const USER = /^(?:[^\s"<>@\\^`{|}%]|%[0-9A-Fa-f]{2})*$/

/**
 * Parses a SIP, SIPS or tel URI; others keep everything behind the scheme in `user`.
 * @throws SipParseError
 */
export function parseUri(text: string): SipUri {
  const match = SCHEME.exec(text)
  if (!match) throw new SipParseError(`not a URI: ${text.slice(0, 80)}`)
  const scheme = (match[1] as string).toLowerCase()
  const rest = text.slice((match[0] as string).length)
  if (scheme === 'sip' || scheme === 'sips') return parseSip(scheme, rest)
  const semicolon = scheme === 'tel' ? rest.indexOf(';') : -1
  const user = semicolon < 0 ? rest : rest.slice(0, semicolon)
  if (user === '' || /[\s<>"]/.test(user)) throw new SipParseError(`not a ${scheme} URI: ${text.slice(0, 80)}`)
  return { scheme, user, host: '', params: semicolon < 0 ? new Map() : parseParams(rest, semicolon) }
}

function parseSip(scheme: string, rest: string): SipUri {
  const question = rest.indexOf('?', Math.max(0, rest.indexOf('@')))
  const headers = question < 0 ? undefined : rest.slice(question + 1)
  const main = question < 0 ? rest : rest.slice(0, question)
  // A user part may hold `;` and `?`, a host may not hold `@`.
  const at = main.lastIndexOf('@')
  const uri: SipUri = { scheme, host: '', params: new Map() }
  if (at >= 0) {
    const info = main.slice(0, at)
    const colon = info.indexOf(':')
    uri.user = colon < 0 ? info : info.slice(0, colon)
    if (colon >= 0) uri.password = info.slice(colon + 1)
    if (uri.user === '' || !USER.test(info)) throw new SipParseError(`bad user in URI: ${rest.slice(0, 80)}`)
  }
  const semicolon = main.indexOf(';', at + 1)
  const hostport = semicolon < 0 ? main.slice(at + 1) : main.slice(at + 1, semicolon)
  const { host, port } = parseHostPort(hostport)
  uri.host = host
  if (port !== undefined) uri.port = port
  if (semicolon >= 0) uri.params = parseParams(main, semicolon)
  if (headers !== undefined) uri.headers = headers
  return uri
}

/** `host`, `host:port`, `[v6]:port`. @throws SipParseError */
export function parseHostPort(text: string): { host: string; port?: number } {
  let host: string
  let portText: string | undefined
  if (text.startsWith('[')) {
    const close = text.indexOf(']')
    host = text.slice(1, close)
    if (close < 0 || !IPV6.test(host) || !host.includes(':')) throw new SipParseError(`bad host: ${text.slice(0, 80)}`)
    const after = text.slice(close + 1).trim()
    if (after !== '' && !after.startsWith(':')) throw new SipParseError(`bad host: ${text.slice(0, 80)}`)
    if (after !== '') portText = after.slice(1).trim()
  } else {
    const colon = text.indexOf(':')
    host = (colon < 0 ? text : text.slice(0, colon)).trim()
    if (colon >= 0) portText = text.slice(colon + 1).trim()
    if (!HOST.test(host)) throw new SipParseError(`bad host: ${text.slice(0, 80)}`)
  }
  if (portText === undefined) return { host: host.toLowerCase() }
  if (!/^\d{1,5}$/.test(portText) || Number(portText) > 65_535)
    throw new SipParseError(`bad port: ${text.slice(0, 80)}`)
  return { host: host.toLowerCase(), port: Number(portText) }
}

export const formatHost = (host: string): string => (host.includes(':') ? `[${host}]` : host)

export function formatUri(uri: SipUri): string {
  if (uri.scheme !== 'sip' && uri.scheme !== 'sips') return `${uri.scheme}:${uri.user ?? ''}${formatParams(uri.params)}`
  const user = uri.user === undefined ? '' : `${uri.user}${uri.password === undefined ? '' : `:${uri.password}`}@`
  const port = uri.port === undefined ? '' : `:${uri.port}`
  const headers = uri.headers === undefined ? '' : `?${uri.headers}`
  return `${uri.scheme}:${user}${formatHost(uri.host)}${port}${formatParams(uri.params)}${headers}`
}

/** Undoes %HH of characters; malformed escapes stay as they are. */
export function unescapeUser(user: string): string {
  return user.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** Parameters that must be equal or absent on both sides (RFC 3261 §19.1.4). */
const DECISIVE = ['user', 'ttl', 'method', 'maddr', 'transport']

/** RFC 3261 §19.1.4. */
export function equalUris(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme || a.host !== b.host || a.port !== b.port) return false
  if (unescapeUser(a.user ?? '') !== unescapeUser(b.user ?? '') || a.password !== b.password) return false
  if (DECISIVE.some((name) => !sameParam(a.params, b.params, name, true))) return false
  for (const name of a.params.keys()) if (!sameParam(a.params, b.params, name, false)) return false
  return equalHeaders(a.headers, b.headers)
}

function sameParam(a: Params, b: Params, name: string, absentDiffers: boolean): boolean {
  const left = a.get(name)
  const right = b.get(name)
  if (left === undefined || right === undefined) return left === right || !absentDiffers
  return left.toLowerCase() === right.toLowerCase()
}

function equalHeaders(a: string | undefined, b: string | undefined): boolean {
  const sorted = (text: string | undefined): string => (text ?? '').split('&').sort().join('&')
  return a === b || sorted(a) === sorted(b)
}

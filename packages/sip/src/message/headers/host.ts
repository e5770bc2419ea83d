import { SipParseError } from '../../errors.ts'
import { isIpv6 } from '../ip.ts'
import { type Cursor, skipSpace } from './params.ts'

/**
 * `host`, `host:port`, `[v6]:port` (RFC 3261 §25.1 hostport): lower case, v6 without brackets. Space around the colon is
 * taken where the grammar of sent-by allows it.
 */
export function readHostPort(cursor: Cursor): { host: string; port: number | undefined } {
  const host = readHost(cursor)
  const { text } = cursor
  let port: number | undefined
  const before = cursor.at
  skipSpace(cursor)
  if (text.charCodeAt(cursor.at) === 58) {
    cursor.at++
    skipSpace(cursor)
    port = readPort(cursor)
  } else {
    cursor.at = before
  }
  return { host, port }
}

function readHost(cursor: Cursor): string {
  const { text, at } = cursor
  if (text.charCodeAt(at) === 91) {
    const end = text.indexOf(']', at)
    const inner = end < 0 ? '' : text.slice(at + 1, end)
    if (!isIpv6(inner)) throw new SipParseError('not an IPv6 address in brackets')
    cursor.at = end + 1
    return inner.toLowerCase()
  }
  let end = at
  let upper = false
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end)
    if (code >= 65 && code <= 90) upper = true
    else if (
      !((code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code === 45 || code === 46 || code === 95)
    ) {
      break
    }
  }
  if (end === at) throw new SipParseError('no host where one must be')
  cursor.at = end
  const host = text.slice(at, end)
  return upper ? host.toLowerCase() : host
}

function readPort(cursor: Cursor): number {
  const { text, at } = cursor
  let port = 0
  let end = at
  for (; end < text.length; end++) {
    const digit = text.charCodeAt(end) - 48
    if (digit < 0 || digit > 9) break
    port = port * 10 + digit
    if (port > 65_535) break
  }
  if (end === at || port > 65_535) throw new SipParseError('not a port number')
  cursor.at = end
  return port
}

/** A whole text that is a host with or without port. */
export function parseHostPort(text: string): { host: string; port: number | undefined } {
  const cursor = { text: text.trim(), at: 0 }
  const out = readHostPort(cursor)
  if (cursor.at < cursor.text.length) throw new SipParseError('text after a host')
  return out
}

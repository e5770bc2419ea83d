import { SipParseError } from '../../errors.ts'
import { messageLimits } from '../../limits.ts'
import type { NameAddr } from '../contract.ts'
import { formatUri, parseUri } from '../uri.ts'
import { type Cursor, formatParams, quote, quotedEnd, readParams, skipSpace, unquote } from './params.ts'

/** One name-addr or addr-spec with header parameters: From, To, Refer-To (RFC 3261 §20.10). */
export function parseNameAddr(value: string): NameAddr {
  const cursor = { text: value, at: 0 }
  const out = readNameAddr(cursor)
  if (cursor.at < value.length) throw new SipParseError('more than one address where one must be')
  return out
}

/** All values of the comma lists in `values`: Route, Record-Route, Path, Contact. */
export function parseNameAddrList(values: readonly string[]): NameAddr[] {
  const out: NameAddr[] = []
  for (const text of values) {
    const cursor = { text, at: 0 }
    if (text === '') continue
    for (;;) {
      out.push(readNameAddr(cursor))
      if (out.length > messageLimits.listValuesMax) throw new SipParseError('too many addresses')
      if (cursor.at >= text.length) break
      cursor.at++ // the comma
    }
  }
  return out
}

function readNameAddr(cursor: Cursor): NameAddr {
  const { text } = cursor
  skipSpace(cursor)
  let displayName: string | undefined
  const start = cursor.at
  let open = start
  if (text.charCodeAt(start) === 34) {
    cursor.at = quotedEnd(text, start)
    displayName = unquote(text.slice(start, cursor.at))
    skipSpace(cursor)
    open = cursor.at
    if (text.charCodeAt(open) !== 60) throw new SipParseError('no address after the display name')
  } else {
    open = findOpen(text, start)
    if (open > start) displayName = text.slice(start, open).trimEnd() || undefined
  }
  let uri: string
  if (open >= 0) {
    const close = text.indexOf('>', open)
    if (close < 0) throw new SipParseError('an address in < does not end')
    uri = text.slice(open + 1, close)
    cursor.at = close + 1
  } else {
    let end = start
    while (end < text.length && !isAddrSpecEnd(text.charCodeAt(end))) end++
    uri = text.slice(start, end)
    // RFC 3261 §20: a URI with a comma, question mark or semicolon must stand in angle brackets.
    if (uri.includes('?')) throw new SipParseError('a URI with headers must stand in angle brackets')
    cursor.at = end
  }
  const params = readParams(cursor)
  if (cursor.at < text.length && text.charCodeAt(cursor.at) !== 44) throw new SipParseError('text after an address')
  return displayName === undefined ? { uri: parseUri(uri), params } : { displayName, uri: parseUri(uri), params }
}

/** Index of the `<` that follows a display name of tokens, or −1 for an addr-spec. */
function findOpen(text: string, start: number): number {
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 60) return i
    if (code === 58 || code === 44 || code === 59 || code === 34) return -1
  }
  return -1
}

const isAddrSpecEnd = (code: number): boolean => code === 59 || code === 44 || code === 32 || code === 9

/** Always with angle brackets; the display name quoted when it is no list of tokens with one space between. */
export function formatNameAddr({ displayName, uri, params }: NameAddr): string {
  const name =
    displayName === undefined
      ? ''
      : `${/^[A-Za-z0-9\-.!%*_+`'~]+(?: [A-Za-z0-9\-.!%*_+`'~]+)*$/.test(displayName) ? displayName : quote(displayName)} `
  return `${name}<${formatUri(uri)}>${formatParams(params)}`
}

import { SipParseError } from '../../errors.ts'
import { messageLimits } from '../../limits.ts'
import type { Via } from '../contract.ts'
import { formatHost } from '../uri.ts'
import { readHostPort } from './host.ts'
import { type Cursor, formatParams, readParams, readToken, skipSpace } from './params.ts'

/** Every value of every Via header, topmost first (RFC 3261 §20.42). */
export function parseVias(values: readonly string[]): Via[] {
  const out: Via[] = []
  for (const text of values) {
    const cursor = { text, at: 0 }
    for (;;) {
      out.push(readVia(cursor))
      if (out.length > messageLimits.viasMax) throw new SipParseError('too many Vias', { reason: 'Too Many Vias' })
      if (cursor.at >= text.length) break
      cursor.at++ // the comma
    }
  }
  if (out.length === 0) throw new SipParseError('no Via', { reason: 'Missing Via' })
  return out
}

export function parseVia(value: string): Via {
  const cursor = { text: value, at: 0 }
  const via = readVia(cursor)
  if (cursor.at < value.length) throw bad(value)
  return via
}

function readVia(cursor: Cursor): Via {
  const { text } = cursor
  skipSpace(cursor)
  if (text.startsWith('SIP/2.0/', cursor.at)) {
    cursor.at += 8
  } else {
    // RFC 3261 §25.1: space around the slashes is allowed, and the name is case-insensitive.
    const name = readToken(cursor)
    readSlash(cursor)
    const version = readToken(cursor)
    readSlash(cursor)
    if (name.toUpperCase() !== 'SIP' || version !== '2.0') throw bad(text)
  }
  const transport = readToken(cursor).toUpperCase()
  const before = cursor.at
  skipSpace(cursor)
  if (transport === '' || cursor.at === before) throw bad(text)
  const { host, port } = readHostPort(cursor)
  const params = readParams(cursor)
  skipSpace(cursor)
  if (cursor.at < text.length && text.charCodeAt(cursor.at) !== 44) throw bad(text)
  return { transport, host, port, params }
}

function readSlash(cursor: Cursor): void {
  skipSpace(cursor)
  if (cursor.text.charCodeAt(cursor.at) !== 47) throw bad(cursor.text)
  cursor.at++
  skipSpace(cursor)
}

const bad = (text: string): SipParseError => new SipParseError(`not a Via: ${text.slice(0, 80)}`, { reason: 'Bad Via' })

export function formatVia({ transport, host, port, params }: Via): string {
  return `SIP/2.0/${transport} ${formatHost(host)}${port === undefined ? '' : `:${port}`}${formatParams(params)}`
}

import { SipParseError } from '../../errors.ts'
import { messageLimits } from '../../limits.ts'
import type { Params } from '../contract.ts'

/**
 * A place in a header value. The readers of this folder move it forward and throw SipParseError when they cannot.
 */
export interface Cursor {
  readonly text: string
  at: number
}

export function skipSpace(cursor: Cursor): void {
  const { text } = cursor
  let code = text.charCodeAt(cursor.at)
  while (code === 32 || code === 9) code = text.charCodeAt(++cursor.at)
}

/** Index after the closing quote of the quoted string that begins at `start` (RFC 3261 §25.1). */
export function quotedEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 34) return i + 1
    if (code === 92) i++
  }
  throw new SipParseError('a quoted string does not end')
}

const isTokenCode = (code: number): boolean =>
  (code >= 97 && code <= 122) ||
  (code >= 65 && code <= 90) ||
  (code >= 48 && code <= 57) ||
  code === 45 || // -
  code === 46 || // .
  code === 95 || // _
  code === 33 || // !
  code === 37 || // %
  code === 42 || // *
  code === 43 || // +
  code === 96 || // `
  code === 39 || // '
  code === 126 // ~

/** The token at the cursor; '' when there is none. */
export function readToken(cursor: Cursor): string {
  const { text, at } = cursor
  let end = at
  while (end < text.length && isTokenCode(text.charCodeAt(end))) end++
  cursor.at = end
  return text.slice(at, end)
}

/** Most URIs and many headers have none, and share this. */
export const NO_PARAMS: Params = new Map()

/**
 * `;name=value…` up to a comma or the end. Names become lower case, values stay as written: a quoted one keeps its quotes
 * (`unquote`). Of a name said twice the first counts.
 */
export function readParams(cursor: Cursor): Params {
  let params: Map<string, string> | undefined
  const { text } = cursor
  for (;;) {
    skipSpace(cursor)
    if (text.charCodeAt(cursor.at) !== 59) return params ?? NO_PARAMS
    cursor.at++
    skipSpace(cursor)
    const name = readToken(cursor)
    if (name === '') {
      const code = text.charCodeAt(cursor.at)
      if (code === 59 || code === 44 || cursor.at >= text.length) continue
      throw new SipParseError('a parameter has no name')
    }
    skipSpace(cursor)
    let value = ''
    if (text.charCodeAt(cursor.at) === 61) {
      cursor.at++
      skipSpace(cursor)
      value = readValue(cursor)
    }
    const key = name.toLowerCase()
    params ??= new Map()
    if (!params.has(key)) params.set(key, value)
    if (params.size > messageLimits.paramsMax) throw new SipParseError('too many parameters')
  }
}

/** gen-value: token, host (so also `[2001:db8::1]`) or quoted string. */
function readValue(cursor: Cursor): string {
  const { text, at } = cursor
  if (text.charCodeAt(at) === 34) {
    cursor.at = quotedEnd(text, at)
  } else {
    let end = at
    while (end < text.length && isValueCode(text.charCodeAt(end))) end++
    cursor.at = end
  }
  return text.slice(at, cursor.at)
}

/** Wider than the grammar, as devices are: all but separators that would end the parameter, quotes and controls. */
const isValueCode = (code: number): boolean =>
  code > 32 && code !== 59 && code !== 44 && code !== 34 && code !== 60 && code !== 62 && code !== 127

/** A whole text of `;name=value…`. */
export function parseParams(text: string): Params {
  const cursor = { text, at: 0 }
  const params = readParams(cursor)
  if (cursor.at < text.length) throw new SipParseError('text after parameters')
  return params
}

export function formatParams(params: Params): string {
  let out = ''
  for (const [name, value] of params) out += value === '' ? `;${name}` : `;${name}=${value}`
  return out
}

/** The text of a quoted string, escapes resolved; anything else as it is. */
export function unquote(value: string): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value
  const inner = value.slice(1, -1)
  return inner.includes('\\') ? inner.replace(/\\(.)/gs, '$1') : inner
}

export const quote = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`

/** Splits a comma list whose values may hold quoted strings and `<…>`. Empty values are dropped. */
export function splitList(value: string): string[] {
  const out: string[] = []
  let start = 0
  let angle = false
  const push = (end: number): void => {
    const item = value.slice(start, end).trim()
    if (item !== '') out.push(item)
  }
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code === 34 && !angle) i = quotedEnd(value, i) - 1
    else if (code === 60) angle = true
    else if (code === 62) angle = false
    else if (code === 44 && !angle) {
      push(i)
      start = i + 1
    }
  }
  push(value.length)
  return out
}

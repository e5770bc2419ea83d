import { SipParseError } from '../../errors.ts'
import { messageLimits } from '../../limits.ts'
import { quote, quotedEnd, readToken, skipSpace, unquote } from './params.ts'

/**
 * `scheme name=value, name="value"` as Authorization, WWW-Authenticate and Authentication-Info have it. Names are lower
 * case; values have lost their quotes. (Digest itself is read by `parseCredentials` of core.)
 */
export interface AuthValue {
  /** As written; '' for Authentication-Info, which has none. */
  scheme: string
  params: Map<string, string>
}

export function parseAuth(value: string, options: { scheme: boolean } = { scheme: true }): AuthValue {
  const cursor = { text: value, at: 0 }
  skipSpace(cursor)
  const scheme = options.scheme ? readToken(cursor) : ''
  if (options.scheme && scheme === '') throw new SipParseError('no authentication scheme')
  const params = new Map<string, string>()
  while (cursor.at < value.length) {
    skipSpace(cursor)
    if (value.charCodeAt(cursor.at) === 44) {
      cursor.at++
      continue
    }
    if (cursor.at >= value.length) break
    const name = readToken(cursor).toLowerCase()
    skipSpace(cursor)
    if (name === '' || value.charCodeAt(cursor.at) !== 61) throw new SipParseError('bad authentication parameter')
    cursor.at++
    skipSpace(cursor)
    const start = cursor.at
    if (value.charCodeAt(start) === 34) cursor.at = quotedEnd(value, start)
    else while (cursor.at < value.length && !', \t"'.includes(value.charAt(cursor.at))) cursor.at++
    // Said twice: which one would count is anybody's guess.
    if (params.has(name) || params.size >= messageLimits.paramsMax)
      throw new SipParseError(`authentication parameter ${name} again`)
    params.set(name, unquote(value.slice(start, cursor.at)))
    skipSpace(cursor)
    if (cursor.at < value.length && value.charCodeAt(cursor.at) !== 44) {
      throw new SipParseError('bad authentication parameter')
    }
  }
  return { scheme, params }
}

/** RFC 7616 §3.4 wants these bare, everything else quoted. */
const BARE = new Set(['algorithm', 'stale', 'nc'])

/** `qop` is quoted in a challenge and bare in credentials: name it in `bare` for the latter. */
export function formatAuth({ scheme, params }: AuthValue, bare: readonly string[] = []): string {
  const parts = [...params].map(([name, value]) =>
    BARE.has(name) || bare.includes(name) ? `${name}=${value}` : `${name}=${quote(value)}`,
  )
  return scheme === '' ? parts.join(', ') : `${scheme} ${parts.join(', ')}`
}

import type { Params, SipUri } from './contract.ts'

/** Parameters that must match when either URI has them. */
const ALWAYS_COMPARED = ['user', 'ttl', 'method', 'maddr', 'transport']

/** RFC 3261 §19.1.4. Not an equivalence: `sip:a@b;x=1` equals `sip:a@b` equals `sip:a@b;x=2`. */
export function equalUris(a: SipUri, b: SipUri): boolean {
  if (a.scheme !== b.scheme || a.host !== b.host) return false
  if (a.scheme === 'tel') return telsEqual(a, b)
  if (normalize(a.user) !== normalize(b.user) || normalize(a.password) !== normalize(b.password)) return false
  // A port that is absent differs from the default port said aloud.
  return a.port === b.port && paramsEqual(a.params, b.params) && headersEqual(a.headers, b.headers)
}

function paramsEqual(a: Params, b: Params): boolean {
  for (const name of ALWAYS_COMPARED) if (a.has(name) !== b.has(name)) return false
  for (const [name, value] of a) {
    const other = b.get(name)
    if (other !== undefined && normalize(value)?.toLowerCase() !== normalize(other)?.toLowerCase()) return false
  }
  return true
}

function headersEqual(a: string | undefined, b: string | undefined): boolean {
  if (a === b) return true
  const sorted = (text: string): string =>
    text
      .split('&')
      .map((part) => {
        const equals = part.indexOf('=')
        const name = normalize(equals < 0 ? part : part.slice(0, equals)) as string
        return `${name.toLowerCase()}=${equals < 0 ? '' : normalize(part.slice(equals + 1))}`
      })
      .sort()
      .join('&')
  return sorted(a ?? '') === sorted(b ?? '')
}

/** RFC 3966 §4: visual separators do not count, all parameters do. */
function telsEqual(a: SipUri, b: SipUri): boolean {
  const digits = (uri: SipUri): string => (uri.user ?? '').replace(/[-.()]/g, '').toLowerCase()
  if (digits(a) !== digits(b) || a.params.size !== b.params.size) return false
  for (const [name, value] of a.params) {
    if (b.params.get(name)?.toLowerCase() !== value.toLowerCase()) return false
  }
  return true
}

/** An escaped character equals itself unescaped unless it is reserved (RFC 2396 §2.2). */
function normalize(text: string | undefined): string | undefined {
  if (!text?.includes('%')) return text
  return text.replace(/%([0-9A-Fa-f]{2})/g, (escaped, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16))
    return ';/?:@&=+$,%'.includes(char) ? escaped.toUpperCase() : char
  })
}

/** Header names: one lower-case key for the long form, the compact form, and any case of either. */

/** Long names in the case that we write, with their compact forms (RFC 3261 §7.3.3 and the IANA registry). */
const LONG_AND_COMPACT: readonly (readonly [long: string, compact?: string])[] = [
  ['Accept'],
  ['Accept-Contact', 'a'],
  ['Accept-Encoding'],
  ['Accept-Language'],
  ['Alert-Info'],
  ['Allow'],
  ['Allow-Events', 'u'],
  ['Authentication-Info'],
  ['Authorization'],
  ['Call-ID', 'i'],
  ['Call-Info'],
  ['Contact', 'm'],
  ['Content-Disposition'],
  ['Content-Encoding', 'e'],
  ['Content-Language'],
  ['Content-Length', 'l'],
  ['Content-Type', 'c'],
  ['CSeq'],
  ['Date'],
  ['Diversion'],
  ['Error-Info'],
  ['Event', 'o'],
  ['Expires'],
  ['From', 'f'],
  ['Identity', 'y'],
  ['In-Reply-To'],
  ['Max-Forwards'],
  ['MIME-Version'],
  ['Min-Expires'],
  ['Min-SE'],
  ['Organization'],
  ['P-Asserted-Identity'],
  ['P-Preferred-Identity'],
  ['Path'],
  ['Priority'],
  ['Privacy'],
  ['Proxy-Authenticate'],
  ['Proxy-Authorization'],
  ['Proxy-Require'],
  ['RAck'],
  ['Reason'],
  ['Record-Route'],
  ['Refer-To', 'r'],
  ['Referred-By', 'b'],
  ['Reject-Contact', 'j'],
  ['Replaces'],
  ['Reply-To'],
  ['Request-Disposition', 'd'],
  ['Require'],
  ['Retry-After'],
  ['Route'],
  ['RSeq'],
  ['Server'],
  ['Service-Route'],
  ['Session-Expires', 'x'],
  ['SIP-ETag'],
  ['SIP-If-Match'],
  ['Subject', 's'],
  ['Subscription-State'],
  ['Supported', 'k'],
  ['Timestamp'],
  ['To', 't'],
  ['Unsupported'],
  ['User-Agent'],
  ['Via', 'v'],
  ['Warning'],
  ['WWW-Authenticate'],
]

const KEYS = new Map<string, string>()
const LONG_NAMES = new Map<string, string>()
for (const [long, compact] of LONG_AND_COMPACT) {
  const key = long.toLowerCase()
  LONG_NAMES.set(key, long)
  for (const form of [long, key, long.toUpperCase()]) KEYS.set(form, key)
  if (compact) for (const form of [compact, compact.toUpperCase()]) KEYS.set(form, key)
}

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/

export const isToken = (text: string): boolean => TOKEN.test(text)

/** The key of a name as written; undefined when it is no token. Known names always give the same string object. */
export function headerKey(name: string): string | undefined {
  const known = KEYS.get(name)
  if (known !== undefined) return known
  if (!TOKEN.test(name)) return undefined
  const lower = name.toLowerCase()
  return KEYS.get(lower) ?? lower
}

/** How we write a name: the registered case, or as given. */
export function headerName(name: string): string {
  const key = headerKey(name)
  return (key && LONG_NAMES.get(key)) ?? name
}

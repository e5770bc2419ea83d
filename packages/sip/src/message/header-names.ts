/** Compact forms (RFC 3261 §7.3.3, IANA registry) and the spelling in which we write the headers that we add. */
const compact: Record<string, string> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  n: 'identity-info',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
}

const known = new Map<string, string>()

/** The one key under which all spellings of a header name meet: lower case, long form. */
export function headerKey(name: string): string {
  let key = known.get(name)
  if (key === undefined) {
    const lower = name.toLowerCase()
    key = compact[lower] ?? lower
    if (known.size < 1_000) known.set(name, key)
  }
  return key
}

/** Headers whose value is a comma list, so that several lines are one list (RFC 3261 §7.3.1). */
export const listHeaders: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'allow',
  'allow-events',
  'contact',
  'in-reply-to',
  'path',
  'proxy-require',
  'record-route',
  'require',
  'route',
  'service-route',
  'supported',
  'unsupported',
  'via',
  'warning',
])

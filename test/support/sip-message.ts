/** Just enough SIP text for a scripted phone, apart from the product's own parser on purpose: two readings, one protocol. */

export interface SipText {
  /** Request line or status line. */
  first: string
  headers: [name: string, value: string][]
  body: string
}

const COMPACT: Record<string, string> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
}
const canonical = (name: string): string => COMPACT[name.toLowerCase()] ?? name.toLowerCase()

export function readSip(text: string): SipText {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = (end < 0 ? text : text.slice(0, end)).split('\r\n')
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
  })
  return { first, headers, body: end < 0 ? '' : text.slice(end + 4) }
}

export function writeSip({ first, headers, body }: SipText): string {
  const lines = [first, ...headers.map(([name, value]) => `${name}: ${value}`), `Content-Length: ${body.length}`]
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

export const header = (message: SipText, name: string): string => headers(message, name)[0] ?? ''

export function headers(message: SipText, name: string): string[] {
  return message.headers.filter(([known]) => canonical(known) === canonical(name)).map(([, value]) => value)
}

/** 0 for a request. */
export const statusOf = ({ first }: SipText): number => Number(/^SIP\/2\.0 (\d+)/.exec(first)?.[1] ?? 0)
/** Of a request, or of the request that a response answers. */
export const methodOf = (message: SipText): string => header(message, 'CSeq').split(/\s+/)[1] ?? ''
export const branchOf = (message: SipText): string => /;\s*branch=([^;,\s]+)/.exec(header(message, 'Via'))?.[1] ?? ''
export const uriIn = (value: string): string => /<([^>]*)>/.exec(value)?.[1] ?? value.split(';')[0] ?? ''
/** Values of a header that may hold several in one line, such as Record-Route. */
export const listOf = (message: SipText, name: string): string[] =>
  headers(message, name).flatMap((value) => value.split(/,(?=\s*<)/).map((part) => part.trim()))

/** Takes whole messages off the front of a stream; `rest` is what has not come completely. */
export function splitStream(bytes: string): { messages: SipText[]; rest: string } {
  const messages: SipText[] = []
  let rest = bytes.replace(/^(\r\n)+/, '')
  for (;;) {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) return { messages, rest }
    const length = Number(header(readSip(rest.slice(0, end + 4)), 'Content-Length') || 0)
    if (rest.length < end + 4 + length) return { messages, rest }
    messages.push(readSip(rest.slice(0, end + 4 + length)))
    rest = rest.slice(end + 4 + length).replace(/^(\r\n)+/, '')
  }
}

/** Whether it asks anew only because the nonce was too old. */
export const isStale = (response: SipText): boolean =>
  ['Proxy-Authenticate', 'WWW-Authenticate'].some((name) =>
    headers(response, name).some((value) => /\bstale="?true/i.test(value)),
  )

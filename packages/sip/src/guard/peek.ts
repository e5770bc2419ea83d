/** As much of a message as shedding must know, from its bytes, without parsing it; and the refusal that costs as little. */

/**
 * `kept`: what belongs to something that runs, and whatever is not understood here. Then by what is already spent on it:
 * `proven` requests carry credentials, `first` ones do not, `probe` is OPTIONS.
 */
export type PeekClass = 'kept' | 'proven' | 'first' | 'probe'

export interface Peeked {
  class: PeekClass
  /** Branch of the topmost Via, by which a retransmission is known; '' where there is none. */
  branch: string
}

const PEEK_BYTES = 4_096
const KEPT: Peeked = { class: 'kept', branch: '' }
/** Requests that end or go on with something, and those that nobody answers. */
const ALWAYS = /^(?:SIP\/2\.0|ACK|BYE|CANCEL|PRACK|UPDATE) /i
const TO = /\r\n(?:to|t)[ \t]*:([^\r]*)/i
const BRANCH = /;[ \t]*branch[ \t]*=[ \t]*([^;,\s]+)/i
const CREDENTIALS = /\r\n(?:proxy-)?authorization[ \t]*:/i

export function peek(bytes: Buffer): Peeked {
  const text = bytes.toString('latin1', 0, PEEK_BYTES)
  if (ALWAYS.test(text)) return KEPT
  const to = TO.exec(text)?.[1]
  // Without a To in sight it is broken or strange: the parser has an answer for that.
  if (to === undefined || /;[ \t]*tag[ \t]*=/i.test(to)) return KEPT
  const branch = BRANCH.exec(text)?.[1] ?? ''
  if (text.startsWith('OPTIONS ')) return { class: 'probe', branch }
  return { class: CREDENTIALS.test(text) ? 'proven' : 'first', branch }
}

const COPIED = /^(?:via|v|from|f|to|t|call-id|i|cseq)[ \t]*:/i

/** 503 with the headers that a response must copy (RFC 3261 §8.2.6.2), as they stand; undefined where they do not fit. */
export function refusal(bytes: Buffer, tag: string, retryAfterSeconds: number): Buffer | undefined {
  const text = bytes.toString('latin1', 0, PEEK_BYTES)
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const lines: string[] = []
  let copying = false
  for (const line of text.slice(0, end).split('\r\n').slice(1)) {
    // A folded line belongs to the one above.
    const folded = line.startsWith(' ') || line.startsWith('\t')
    if (!folded) copying = COPIED.test(line)
    if (!copying) continue
    if (folded) lines.push(line)
    else lines.push(/^(?:to|t)[ \t]*:/i.test(line) ? `${line};tag=${tag}` : line)
  }
  const head = ['SIP/2.0 503 Service Unavailable', ...lines, `Retry-After: ${retryAfterSeconds}`, 'Content-Length: 0']
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1')
}

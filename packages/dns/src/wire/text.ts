/** Words of zone files: quoting and escapes (RFC 1035 §5.1). */
import { invalid } from '../errors.ts'

export interface Word {
  /** As written, without the quotes, escapes as they are. */
  text: string
  quoted: boolean
}

/** The words of one entry. Throws `DNS_INVALID_VALUE` for a quote that does not end. */
export function wordsOf(value: string, field = 'value'): Word[] {
  const words: Word[] = []
  let at = 0
  while (at < value.length) {
    const character = value[at] as string
    if (character === ' ' || character === '\t' || character === '\r' || character === '\n') {
      at++
      continue
    }
    if (character === ';') break
    const quoted = character === '"'
    const from = quoted ? at + 1 : at
    at = from
    while (at < value.length) {
      const next = value[at] as string
      if (next === '\\') at++
      else if (quoted ? next === '"' : /[\s;"]/.test(next)) break
      at++
    }
    if (quoted && at >= value.length) throw invalid(field, 'has a quote that does not end')
    words.push({ text: value.slice(from, at), quoted })
    if (quoted) at++
  }
  return words
}

/** Octets of a word: UTF-8 of what is written, escapes resolved. */
export function octetsOf(text: string, field = 'value'): Buffer {
  if (!text.includes('\\')) return Buffer.from(text, 'utf8')
  const parts: Buffer[] = []
  const pattern = /\\(\d{3}|.)|[^\\]+|\\$/gs
  for (const [piece, escaped] of text.matchAll(pattern)) {
    if (escaped === undefined) {
      if (piece === '\\') throw invalid(field, 'ends in a backslash')
      parts.push(Buffer.from(piece, 'utf8'))
    } else if (/^\d{3}$/.test(escaped)) {
      if (Number(escaped) > 255) throw invalid(field, `\\${escaped} is no octet`)
      parts.push(Buffer.of(Number(escaped)))
    } else parts.push(Buffer.from(escaped, 'utf8'))
  }
  return Buffer.concat(parts)
}

/** One character-string: up to 255 octets, with their number in front. */
export function characterString(text: string, field: string): Buffer {
  const octets = octetsOf(text, field)
  if (octets.length > 255) throw invalid(field, 'is longer than 255 octets')
  return Buffer.concat([Buffer.of(octets.length), octets])
}

export function quote(octets: Uint8Array): string {
  let text = '"'
  for (const octet of octets) {
    if (octet === 0x22 || octet === 0x5c) text += `\\${String.fromCharCode(octet)}`
    else if (octet < 0x20 || octet > 0x7e) text += `\\${String(octet).padStart(3, '0')}`
    else text += String.fromCharCode(octet)
  }
  return `${text}"`
}

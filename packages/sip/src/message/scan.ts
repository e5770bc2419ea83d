/** Small scanners that know quoted strings, angle brackets and escapes. All work on latin1 strings. */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const LESS = 0x3c
const GREATER = 0x3e

/** Index of `code` at or after `from`, outside quoted strings and `<…>`; -1 when absent. */
export function indexOutside(text: string, code: number, from = 0): number {
  let quoted = false
  let angle = false
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (quoted) {
      if (c === BACKSLASH) i++
      else if (c === QUOTE) quoted = false
    } else if (c === code && !angle) return i
    else if (c === QUOTE && !angle) quoted = true
    else if (c === LESS) angle = true
    else if (c === GREATER) angle = false
  }
  return -1
}

/** Splits a comma list; elements are trimmed, empty ones dropped. */
export function splitList(text: string): string[] {
  const out: string[] = []
  let start = 0
  for (;;) {
    const comma = indexOutside(text, 0x2c, start)
    const item = (comma < 0 ? text.slice(start) : text.slice(start, comma)).trim()
    if (item !== '') out.push(item)
    if (comma < 0) return out
    start = comma + 1
  }
}

/** The text of a quoted string without quotes and escapes; other text as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== QUOTE || text.charCodeAt(text.length - 1) !== QUOTE) return text
  const inner = text.slice(1, -1)
  return inner.includes('\\') ? inner.replace(/\\(.)/gs, '$1') : inner
}

export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** RFC 3261 §25.1 `token`. */
export const isToken = (text: string): boolean => /^[A-Za-z0-9\-.!%*_+`'~]+$/.test(text)

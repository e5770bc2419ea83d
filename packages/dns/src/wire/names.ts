/**
 * Domain names as text and as octets. Text is lower case where it is a key, without the final dot, `.` for the root; a dot or
 * backslash inside a label stands behind a backslash, and other octets as the latin1 character of the same number.
 */

export const NAME_BYTES_MAX = 255
const LABEL_BYTES_MAX = 63
const POINTER = 0xc0

/**
 * Labels of a name as people and zone files write it: with or without the final dot, octets as `\DDD`. Undefined when that is
 * no name.
 */
export function labelsOf(text: string): string[] | undefined {
  if (text === '.' || text === '') return []
  const labels: string[] = []
  let label = ''
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string
    if (character === '.') {
      if (label === '') return undefined
      labels.push(label)
      label = ''
      continue
    }
    if (character !== '\\') {
      label += character
      continue
    }
    const octet = /^\d{3}/.exec(text.slice(at + 1))
    if (octet) {
      if (Number(octet[0]) > 255) return undefined
      label += String.fromCharCode(Number(octet[0]))
      at += 3
      continue
    }
    const next = text[++at]
    if (next === undefined) return undefined
    label += next
  }
  if (label !== '') labels.push(label)
  const bytes = labels.reduce((sum, { length }) => sum + length + 1, 1)
  const fits = bytes <= NAME_BYTES_MAX && labels.every((one) => one.length <= LABEL_BYTES_MAX && isOctets(one))
  return fits ? labels : undefined
}

const isOctets = (text: string): boolean => {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 255) return false
  return true
}

const SPECIAL = /[.\\]/
const escapeLabel = (label: string): string => (SPECIAL.test(label) ? label.replace(/[.\\]/g, '\\$&') : label)

// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
const ASCII = /^[\u0000-\u007f]*$/
/** Letters of ASCII alone: names that differ in other octets are different names (RFC 4343). */
export const lowerCase = (text: string): string =>
  ASCII.test(text) ? text.toLowerCase() : text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

export const nameOf = (labels: readonly string[]): string => labels.map(escapeLabel).join('.') || '.'

/** The key form of a name: lower case, no final dot. Undefined when it is none. */
export function canonicalName(text: string): string | undefined {
  const labels = labelsOf(text)
  return labels && lowerCase(nameOf(labels))
}

/** Octets of a name that is known to be one. */
export function nameToWire(name: string): Buffer {
  const labels = labelsOf(name) ?? []
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')])),
    Buffer.of(0),
  ])
}

/** A name without pointers, as it stands, and where it ends. */
export function nameFromWire(bytes: Uint8Array, from = 0): { name: string; end: number } | undefined {
  const labels: string[] = []
  let at = from
  for (;;) {
    const length = bytes[at]
    if (length === undefined || length > LABEL_BYTES_MAX || at - from >= NAME_BYTES_MAX) return undefined
    if (length === 0) return { name: nameOf(labels), end: at + 1 }
    if (at + 1 + length >= bytes.length) return undefined
    labels.push(Buffer.from(bytes.buffer, bytes.byteOffset + at + 1, length).toString('latin1'))
    at += 1 + length
  }
}

/**
 * A name of a message, with pointers (RFC 1035 §4.1.4). Each must lead further to the front, so chains end. Undefined when it
 * is none.
 */
export function nameFromMessage(bytes: Buffer, from: number): { name: string; end: number } | undefined {
  const labels: string[] = []
  let at = from
  let limit = from
  let end: number | undefined
  let size = 0
  for (;;) {
    const length = bytes[at]
    if (length === undefined) return undefined
    if ((length & POINTER) === POINTER) {
      const low = bytes[at + 1]
      if (low === undefined) return undefined
      end ??= at + 2
      const to = ((length & 0x3f) << 8) | low
      if (to >= limit) return undefined
      at = to
      limit = to
      continue
    }
    if (length > LABEL_BYTES_MAX) return undefined
    if (length === 0) return { name: nameOf(labels), end: end ?? at + 1 }
    size += length + 1
    if (size >= NAME_BYTES_MAX || at + 1 + length > bytes.length) return undefined
    labels.push(bytes.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
}

/** `name` below `parent`, or the same. Both canonical. */
export const isWithin = (name: string, parent: string): boolean =>
  parent === '.' || name === parent || (name.endsWith(`.${parent}`) && !endsInEscape(name, parent))

/** `a\.b` is one label: it does not end in the name `b`. */
function endsInEscape(name: string, parent: string): boolean {
  let backslashes = 0
  for (let at = name.length - parent.length - 2; name[at] === '\\'; at--) backslashes++
  return backslashes % 2 === 1
}

/** The name one label up; undefined above the root. */
export function parentOf(name: string): string | undefined {
  if (name === '.') return undefined
  for (let at = 0; at < name.length; at++) {
    if (name[at] === '\\') at++
    else if (name[at] === '.') return name.slice(at + 1)
  }
  return '.'
}

import type { SipHeaders } from './contract.ts'
import { headerKey, headerName } from './names.ts'

/**
 * One header field: a piece of the text it was read from, from `start` to `end` without its line end. Never changed once
 * made (but for the cache of its value), so copies of a message share it.
 */
export interface HeaderField {
  readonly key: string
  readonly text: string
  readonly start: number
  readonly colon: number
  readonly end: number
  value: string | undefined
}

/** Fields in wire order, and the parsed forms of those that somebody has asked for. */
export class HeaderList implements SipHeaders {
  #fields: HeaderField[]
  #parsed: Map<string, unknown> | undefined
  /** The map of parsed forms belongs to a copy, too: it is copied before it is changed. */
  #shared = false

  constructor(fields: HeaderField[] = []) {
    this.#fields = fields
  }

  get(name: string): string | undefined {
    const key = keyOf(name)
    for (const field of this.#fields) if (field.key === key) return fieldValue(field)
    return undefined
  }

  getAll(name: string): string[] {
    return this.#valuesOf(keyOf(name))
  }

  has(name: string): boolean {
    const key = keyOf(name)
    for (const field of this.#fields) if (field.key === key) return true
    return false
  }

  set(name: string, value: string): void {
    this.setAll(name, [value])
  }

  append(name: string, value: string): void {
    const field = makeField(name, value)
    this.#forget(field.key)
    this.#fields.push(field)
  }

  prepend(name: string, value: string): void {
    const field = makeField(name, value)
    this.#forget(field.key)
    const at = this.#fields.findIndex((other) => other.key === field.key)
    this.#fields.splice(Math.max(at, 0), 0, field)
  }

  remove(name: string): void {
    const key = keyOf(name)
    this.#forget(key)
    this.#fields = this.#fields.filter((field) => field.key !== key)
  }

  setAll(name: string, values: readonly string[]): void {
    const key = keyOf(name)
    this.#forget(key)
    const made = values.map((value) => makeField(name, value))
    const first = this.#fields.findIndex((field) => field.key === key)
    if (first < 0) {
      this.#fields.push(...made)
      return
    }
    const kept = this.#fields.filter((field) => field.key !== key)
    kept.splice(first, 0, ...made)
    this.#fields = kept
  }

  clone(): HeaderList {
    const copy = new HeaderList(this.#fields.slice())
    if (this.#parsed) {
      copy.#parsed = this.#parsed
      copy.#shared = true
      this.#shared = true
    }
    return copy
  }

  forgetParsed(): void {
    this.#parsed = undefined
    this.#shared = false
  }

  /** Appends the fields of that name as they stand in `from`, or the first of them alone. `key` is lower case. */
  copy(from: HeaderList, key: string, which: 'all' | 'first'): void {
    for (const field of from.#fields) {
      if (field.key !== key) continue
      this.#forget(key)
      this.#fields.push(field)
      if (which === 'first') return
    }
  }

  /** What a value that was just set means, where that is known without parsing it. `key` is lower case. */
  keepParsed(key: string, value: unknown): void {
    this.#own().set(key, value)
  }

  *[Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    for (const field of this.#fields.slice()) {
      yield [field.text.slice(field.start, field.colon).trimEnd(), fieldValue(field)] as const
    }
  }

  get length(): number {
    return this.#fields.length
  }

  /** Parsed values of one header, kept until it is changed. `key` is lower case. */
  parsed<T>(key: string, parse: (values: string[]) => T): T {
    const known = this.#parsed?.get(key)
    if (known !== undefined) return known as T
    const made = parse(this.#valuesOf(key))
    this.#own().set(key, made)
    return made
  }

  #own(): Map<string, unknown> {
    if (!this.#parsed || this.#shared) {
      this.#parsed = new Map(this.#parsed)
      this.#shared = false
    }
    return this.#parsed
  }

  #forget(key: string): void {
    if (this.#parsed?.has(key)) this.#own().delete(key)
  }

  #valuesOf(key: string): string[] {
    const out: string[] = []
    for (const field of this.#fields) if (field.key === key) out.push(fieldValue(field))
    return out
  }

  /**
   * The fields as text, each with CRLF. Neighbours that came from one text are copied in one piece. `skip` names a key that
   * is left out.
   */
  write(skip?: string): string {
    let out = ''
    const fields = this.#fields
    for (let i = 0; i < fields.length; i++) {
      const first = fields[i] as HeaderField
      if (first.key === skip) continue
      let last = first
      for (let next = fields[i + 1]; next; next = fields[i + 1]) {
        if (next.text !== last.text || next.start !== last.end + 2 || next.key === skip) break
        last = next
        i++
      }
      out += `${first.text.slice(first.start, last.end)}\r\n`
    }
    return out
  }
}

/** A list over any headers: itself, or a copy of another implementation. */
export function toHeaderList(headers: SipHeaders): HeaderList {
  if (headers instanceof HeaderList) return headers
  const list = new HeaderList()
  for (const [name, value] of headers) list.append(name, value)
  return list
}

function keyOf(name: string): string {
  return headerKey(name) ?? name.toLowerCase()
}

function fieldValue(field: HeaderField): string {
  field.value ??= unfold(field.text.slice(field.colon + 1, field.end))
  return field.value
}

/** RFC 3261 §7.3.1: a line end with the space around it is one space. Line by line, so that long space takes no longer than text. */
function unfold(raw: string): string {
  if (raw.indexOf('\n') < 0) return trimSpace(raw)
  const lines = raw.split('\n').map((line) => trimSpace(line.endsWith('\r') ? line.slice(0, -1) : line))
  return lines.filter((line) => line !== '').join(' ')
}

/** SP and HT only: other bytes that JavaScript calls space (0xA0, say) belong to the value. */
function trimSpace(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return start === 0 && end === text.length ? text : text.slice(start, end)
}

const isSpace = (code: number): boolean => code === 32 || code === 9

function makeField(name: string, value: string): HeaderField {
  const { key, written } = namesOf(name)
  const clean = cleanValue(value)
  const text = `${written}: ${clean}`
  return { key, text, start: 0, colon: written.length, end: text.length, value: clean }
}

/** What is known of the names that were written first; there are not many. */
const ownNames = new Map<string, { key: string; written: string }>()
const OWN_NAMES_MAX = 500

function namesOf(name: string): { key: string; written: string } {
  let names = ownNames.get(name)
  if (!names) {
    names = { key: keyOf(name), written: headerName(name) }
    if (ownNames.size < OWN_NAMES_MAX) ownNames.set(name, names)
  }
  return names
}

/** No value may start a line of its own, whoever it came from; text beyond latin1 becomes its UTF-8 bytes. */
function cleanValue(value: string): string {
  if (/^[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?$|^$/.test(value)) return value
  // biome-ignore lint/suspicious/noControlCharactersInRegex: anything beyond one byte
  const bytes = /[^\x00-\xff]/.test(value) ? Buffer.from(value, 'utf8').toString('latin1') : value
  return trimSpace(bytes.replace(/[\r\n]+/g, ' '))
}

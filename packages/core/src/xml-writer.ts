import assert from 'node:assert'
import type { XmlElement } from './xml.ts'

const NAME = /^[^\s<>&"'/=]+$/
/** Names that were looked at: programs have few. */
const names = new Set<string>()
const NAMES_MAX = 2_000
/** What XML 1.0 cannot carry in any form (§2.2 Char), lone surrogates included. */
const FORBIDDEN = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu
/** Most texts: nothing in them is to be changed, in text or in values. */
const PLAIN = /^[ !#-%'-;=?-~]*$/
const TEXT: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' }
const VALUE: Record<string, string> = { ...TEXT, '"': '&quot;', '\n': '&#10;', '\t': '&#9;' }

/** Character data. Characters that XML cannot carry become U+FFFD. */
export function escapeText(text: string): string {
  if (PLAIN.test(text)) return text
  return text.replace(FORBIDDEN, '\ufffd').replace(/[&<>\r]/g, (character) => TEXT[character] as string)
}

/** The inside of a double-quoted attribute value. */
export function escapeAttribute(text: string): string {
  if (PLAIN.test(text)) return text
  return text.replace(FORBIDDEN, '\ufffd').replace(/[&<>"\r\n\t]/g, (character) => VALUE[character] as string)
}

/** Attributes by qualified name; those that are undefined are left out. Declarations are attributes (`xmlns:a`). */
export type XmlAttributes = Readonly<Record<string, string | undefined>>

/**
 * Writes a document front to back. Names are the program's own and asserted, text and values are escaped. Elements that
 * were opened are closed by `close`, in the right order by construction.
 */
export class XmlWriter {
  #out = ''
  readonly #open: string[] = []

  declaration(): this {
    this.#out += '<?xml version="1.0" encoding="UTF-8"?>\n'
    return this
  }

  open(name: string, attributes: XmlAttributes = {}): this {
    this.#out += `<${this.#start(name, attributes)}>`
    this.#open.push(name)
    return this
  }

  close(): this {
    const name = this.#open.pop()
    assert(name, 'no element is open')
    this.#out += `</${name}>`
    return this
  }

  /** An element with nothing, or text, inside. */
  leaf(name: string, attributes: XmlAttributes = {}, text = ''): this {
    const start = this.#start(name, attributes)
    this.#out += text === '' ? `<${start}/>` : `<${start}>${escapeText(text)}</${name}>`
    return this
  }

  text(text: string): this {
    this.#out += escapeText(text)
    return this
  }

  /** The document; everything must be closed. */
  toString(): string {
    assert(this.#open.length === 0, `${this.#open.at(-1)} is still open`)
    return this.#out
  }

  #start(name: string, attributes: XmlAttributes): string {
    checkName(name)
    let start = name
    for (const [key, value] of Object.entries(attributes)) {
      if (value === undefined) continue
      checkName(key)
      start += ` ${key}="${escapeAttribute(value)}"`
    }
    return start
  }
}

function checkName(name: string): void {
  if (names.has(name)) return
  assert(NAME.test(name), `not an XML name: ${name}`)
  if (names.size < NAMES_MAX) names.add(name)
}

/** A parsed tree as text again, with the prefixes and declarations it came with. */
export function serializeXml(element: XmlElement): string {
  const writer = new XmlWriter()
  const write = (node: XmlElement): void => {
    const attributes: Record<string, string> = {}
    for (const [prefix, uri] of node.declared) attributes[prefix === '' ? 'xmlns' : `xmlns:${prefix}`] = uri
    for (const { prefix, local, value } of node.attributes) attributes[qualified(prefix, local)] = value
    const name = qualified(node.prefix, node.local)
    if (node.children.length === 0) return void writer.leaf(name, attributes)
    writer.open(name, attributes)
    for (const child of node.children) {
      if (typeof child === 'string') writer.text(child)
      else write(child)
    }
    writer.close()
  }
  write(element)
  return writer.toString()
}

const qualified = (prefix: string, local: string): string => (prefix === '' ? local : `${prefix}:${local}`)

import { SaxesParser, type SaxesTagNS } from 'saxes'
import { ThorError } from './errors.ts'

/**
 * Namespaced XML as a small tree, for SOAP and XCAP. The reader takes documents from strangers: it knows no DTD and no
 * entity but the five of XML itself, and it has limits. Comments and processing instructions are dropped.
 */
export interface XmlAttribute {
  local: string
  prefix: string
  /** '' when the attribute has no prefix. */
  namespace: string
  value: string
}

export interface XmlElement {
  local: string
  prefix: string
  /** '' when the element is in no namespace. */
  namespace: string
  /** Without namespace declarations: those are in `declared`. */
  attributes: XmlAttribute[]
  /** In document order. CDATA and text that touch are one string. */
  children: (XmlElement | string)[]
  /** Declarations made here, prefix → URI ('' is the default namespace). */
  declared: ReadonlyMap<string, string>
  parent: XmlElement | undefined
}

export interface XmlLimits {
  /** Of the input: bytes, or UTF-16 units of a string. @default 1 MiB */
  sizeBytesMax: number
  /** Nesting of elements. @default 64 */
  depthMax: number
  /** Elements and attributes. @default 50,000 */
  nodesMax: number
}

export const xmlLimits: XmlLimits = { sizeBytesMax: 1024 * 1024, depthMax: 64, nodesMax: 50_000 }

const XMLNS = 'http://www.w3.org/2000/xmlns/'
const ENCODING = /^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']/
const ENCODINGS: Record<string, string> = {
  'utf-8': 'utf-8',
  'us-ascii': 'utf-8',
  ascii: 'utf-8',
  'iso-8859-1': 'latin1',
}

/**
 * The root element of a document. Throws `CORE_XML_INVALID` (not well-formed, unbound prefix, bad bytes),
 * `CORE_XML_FORBIDDEN` (a DTD), `CORE_XML_TOO_LARGE` (a limit).
 */
export function parseXml(input: string | Uint8Array, limits: Partial<XmlLimits> = {}): XmlElement {
  const { sizeBytesMax, depthMax, nodesMax } = { ...xmlLimits, ...limits }
  if (input.length > sizeBytesMax) {
    throw new ThorError('CORE_XML_TOO_LARGE', `the document is larger than ${sizeBytesMax} bytes`)
  }
  const text = typeof input === 'string' ? input : decodeBytes(input)
  const parser = new SaxesParser({ xmlns: true, position: false })
  let root: XmlElement | undefined
  let open: XmlElement | undefined
  let depth = 0
  let nodes = 0
  const addText = (chunk: string): void => {
    if (!open) return
    const last = open.children.length - 1
    const before = open.children[last]
    if (typeof before === 'string') open.children[last] = before + chunk
    else open.children.push(chunk)
  }
  parser.on('error', (error) => {
    throw new ThorError('CORE_XML_INVALID', `not well-formed XML: ${error.message}`)
  })
  parser.on('doctype', () => {
    throw new ThorError('CORE_XML_FORBIDDEN', 'a document type declaration is not accepted')
  })
  parser.on('opentag', (tag) => {
    depth += 1
    if (depth > depthMax) throw new ThorError('CORE_XML_TOO_LARGE', `elements are nested deeper than ${depthMax}`)
    const element = toElement(tag, open)
    nodes += 1 + element.attributes.length + element.declared.size
    if (nodes > nodesMax) throw new ThorError('CORE_XML_TOO_LARGE', `the document has more than ${nodesMax} nodes`)
    if (open) open.children.push(element)
    else root = element
    open = element
  })
  parser.on('closetag', () => {
    depth -= 1
    open = open?.parent
  })
  parser.on('text', addText)
  parser.on('cdata', addText)
  try {
    parser.write(text).close()
  } catch (cause) {
    if (cause instanceof ThorError) throw cause
    throw new ThorError('CORE_XML_INVALID', 'not well-formed XML', { cause })
  }
  if (!root) throw new ThorError('CORE_XML_INVALID', 'the document has no element')
  return root
}

function decodeBytes(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 200)).toString('latin1')
  const named = ENCODING.exec(head.replace(/^\u00ef\u00bb\u00bf/, ''))?.[1]?.toLowerCase() ?? 'utf-8'
  const encoding = Object.hasOwn(ENCODINGS, named) ? ENCODINGS[named] : undefined
  if (!encoding) throw new ThorError('CORE_XML_INVALID', `the encoding ${named} is not supported, use UTF-8`)
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new ThorError('CORE_XML_INVALID', `the document is not ${named}`, { cause })
  }
}

function toElement(tag: SaxesTagNS, parent: XmlElement | undefined): XmlElement {
  const attributes: XmlAttribute[] = []
  for (const { local, prefix, uri, value } of Object.values(tag.attributes)) {
    if (uri !== XMLNS) attributes.push({ local, prefix, namespace: uri, value })
  }
  const declared = new Map(Object.entries(tag.ns))
  return { local: tag.local, prefix: tag.prefix, namespace: tag.uri, attributes, children: [], declared, parent }
}

export function childElements(element: XmlElement): XmlElement[] {
  return element.children.filter((child) => typeof child !== 'string')
}

/** The first child element with this local name, in any namespace unless one is given. */
export function childNamed(element: XmlElement, local: string, namespace?: string): XmlElement | undefined {
  return childElements(element).find(
    (child) => child.local === local && (namespace === undefined || child.namespace === namespace),
  )
}

/** The text directly inside an element, without that of its children. */
export function textOf(element: XmlElement): string {
  let text = ''
  for (const child of element.children) if (typeof child === 'string') text += child
  return text
}

/** The value of an attribute; `namespace` '' means one without prefix, absent means any. */
export function attributeOf(element: XmlElement, local: string, namespace?: string): string | undefined {
  return element.attributes.find(
    (attribute) => attribute.local === local && (namespace === undefined || attribute.namespace === namespace),
  )?.value
}

/** The URI that a prefix is bound to at this element: for QNames inside values, such as `xsi:type="xsd:int"`. */
export function namespaceOf(element: XmlElement, prefix: string): string | undefined {
  for (let at: XmlElement | undefined = element; at; at = at.parent) {
    const uri = at.declared.get(prefix)
    if (uri !== undefined) return uri
  }
  return prefix === '' ? '' : undefined
}

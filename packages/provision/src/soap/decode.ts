import { attributeOf, childElements, textOf, type XmlElement } from '@thor-node/core'
import { invalid, wrongType } from '../errors.ts'
import { limits } from '../limits.ts'
import {
  arrays,
  isArray,
  isStruct,
  membersOf,
  type SchemaValue,
  type StructMember,
  type TypeName,
} from '../schema/types.ts'
import { ns } from './names.ts'

/**
 * Reads values by the type they should have, not by the type they claim (SOAP 1.1 §5): numbers come as strings,
 * booleans as 0 and 1, members in any order and with strangers among them, arrays with any item name. An empty element is
 * nil, unless it says that it is an empty string. Multi-reference values (`href="#id"`) are followed.
 */
export class Decoder {
  readonly #ids: ReadonlyMap<string, XmlElement>
  #left: number = limits.decodedValuesMax

  constructor(ids: ReadonlyMap<string, XmlElement>) {
    this.#ids = ids
  }

  /** undefined is nil. Throws PROVISION_INVALID_TYPE and PROVISION_INVALID_VALUE, which name `field`. */
  value(element: XmlElement, type: TypeName, field: string): SchemaValue {
    this.#left -= 1
    if (this.#left < 0) throw invalid(field, `the request has more than ${limits.decodedValuesMax} values`)
    const at = this.#follow(element, field)
    const nil = attributeOf(at, 'nil', ns.xsi)
    if (nil === 'true' || nil === '1') return undefined
    if (isStruct(type)) return this.#struct(at, membersOf(type), field)
    if (isArray(type)) return this.#array(at, arrays[type], field)
    return scalar(at, type, field)
  }

  #struct(element: XmlElement, members: readonly StructMember[], field: string): SchemaValue {
    const children = childElements(element)
    if (children.length === 0) {
      if (textOf(element).trim() !== '') throw wrongType(field, 'is text where a structure belongs')
      return undefined
    }
    const byName = new Map<string, XmlElement>()
    for (const child of children) if (!byName.has(child.local)) byName.set(child.local, child)
    const out: Record<string, SchemaValue> = {}
    for (const { name: member, type } of members) {
      const child = byName.get(member)
      const value = child && this.value(child, type, field === '' ? member : `${field}.${member}`)
      if (value !== undefined) out[member] = value
    }
    return out
  }

  #array(element: XmlElement, type: TypeName, field: string): SchemaValue {
    const children = childElements(element)
    if (children.length === 0) {
      if (textOf(element).trim() !== '') throw wrongType(field, 'is text where an array belongs')
      // An array that says it is one is empty; anything else without content is nil.
      return attributeOf(element, 'arrayType', ns.encoding) === undefined ? undefined : []
    }
    const out: SchemaValue[] = []
    for (const [index, child] of children.entries()) {
      const value = this.value(child, type, `${field}[${index}]`)
      if (value !== undefined) out.push(value)
    }
    return out
  }

  #follow(element: XmlElement, field: string): XmlElement {
    let at = element
    for (let hops = 0; ; hops++) {
      const href = attributeOf(at, 'href', '')
      if (href === undefined) return at
      const target = href.startsWith('#') ? this.#ids.get(href.slice(1)) : undefined
      if (!target || hops > 8) throw invalid(field, `refers to ${href.slice(0, 40)}, which is not in the request`)
      at = target
    }
  }
}

function scalar(element: XmlElement, type: TypeName, field: string): SchemaValue {
  if (childElements(element).length > 0) throw wrongType(field, `is a structure where a ${type} belongs`)
  const text = textOf(element)
  if (type === 'string') return text === '' && attributeOf(element, 'type', ns.xsi) === undefined ? undefined : text
  const word = text.trim()
  if (word === '') return undefined
  if (type === 'boolean') {
    if (/^(true|1)$/i.test(word)) return true
    if (/^(false|0)$/i.test(word)) return false
    throw wrongType(field, 'is not true or false')
  }
  const number = Number(word)
  const valid = type === 'int' ? /^[+-]?\d{1,15}(\.0+)?$/ : /^[+-]?(\d{1,15}(\.\d*)?|\.\d+)(e[+-]?\d{1,2})?$/i
  if (!valid.test(word)) throw wrongType(field, type === 'int' ? 'is not a whole number' : 'is not a number')
  return number
}

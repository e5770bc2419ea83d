import type { XmlWriter } from '@thor-node/core'
import { arrays, isArray, isStruct, membersOf, type SchemaValue, type TypeName } from '../schema/types.ts'

/**
 * Writes values as SOAP 1.1 §5 with what old PHP clients need: every scalar says its type, every array says what it holds and
 * how many (also none), positions are never given, nil is left out. Prefixes are those that `envelope.ts` declares.
 */
export function encodeValue(writer: XmlWriter, name: string, type: TypeName, value: SchemaValue): void {
  if (value === undefined) return
  if (isStruct(type)) {
    const members = value as Record<string, SchemaValue>
    writer.open(name)
    for (const member of membersOf(type)) encodeValue(writer, member.name, member.type, members[member.name])
    writer.close()
  } else if (isArray(type)) {
    const items = (value as SchemaValue[]).filter((item) => item !== undefined)
    const itemType = arrays[type]
    const arrayType = `${qualifiedType(itemType)}[${items.length}]`
    const attributes = { 'SOAP-ENC:arrayType': arrayType }
    if (items.length === 0) return void writer.leaf(name, attributes)
    writer.open(name, attributes)
    for (const item of items) encodeValue(writer, 'item', itemType, item)
    writer.close()
  } else {
    writer.leaf(name, { 'xsi:type': qualifiedType(type) }, String(value))
  }
}

/** As written in instances and in the WSDL: `xsd:int`, `ngnpro:SipAccount`. */
export function qualifiedType(type: TypeName): string {
  return isStruct(type) || isArray(type) ? `ngnpro:${type}` : `xsd:${type}`
}

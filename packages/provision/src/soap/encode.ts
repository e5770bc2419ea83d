import type { XmlWriter } from '@thor-node/core'
import { arrays, isArray, isStruct, membersOf, type SoapValue, type TypeName } from './types.ts'

/**
 * Writes values as SOAP 1.1 §5 with what old PHP clients need: every scalar says its type, every array says what it holds and
 * how many (also none), positions are never given, nil is left out. Prefixes are those that `envelope.ts` declares.
 */
export function encodeValue(writer: XmlWriter, name: string, type: TypeName, value: SoapValue): void {
  if (value === undefined) return
  if (isStruct(type)) {
    const members = value as Record<string, SoapValue>
    writer.open(name)
    for (const [member, memberType] of membersOf(type)) encodeValue(writer, member, memberType, members[member])
    writer.close()
  } else if (isArray(type)) {
    const items = (value as SoapValue[]).filter((item) => item !== undefined)
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

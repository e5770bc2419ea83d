import type { XmlWriter } from '@thor-node/core'
import {
  type ArrayName,
  arrays,
  isArray,
  isStruct,
  membersOf,
  type SchemaValue,
  type StructMember,
  type TypeName,
} from '../schema/types.ts'

/**
 * Writes values as SOAP 1.1 §5 with what old PHP clients need: every scalar says its type, every array says what it holds and
 * how many (also none), positions are never given, nil is left out. Where all members are, they are there and empty: an element with
 * nothing in it would be a string to those clients. Prefixes are those that `envelope.ts` declares.
 */
export function encodeValue(writer: XmlWriter, name: string, type: TypeName, value: SchemaValue): void {
  if (value === undefined) return
  if (isStruct(type)) {
    const members = value as Record<string, SchemaValue>
    const known = membersOf(type)
    writer.open(name)
    if (known.some((member) => members[member.name] !== undefined)) {
      for (const member of known) encodeValue(writer, member.name, member.type, members[member.name])
    } else for (const member of known) writer.leaf(member.name)
    writer.close()
  } else if (isArray(type)) {
    const items = openArray(writer, name, type, value)
    for (const item of items) encodeValue(writer, 'item', arrays[type], item)
    if (items.length > 0) writer.close()
  } else {
    writer.leaf(name, { 'xsi:type': qualifiedType(type) }, String(value))
  }
}

/** The same for an answer that is a long list, or has some as members: `rest` is awaited between their items. */
export async function encodeAnswer(
  writer: XmlWriter,
  name: string,
  type: TypeName,
  value: SchemaValue,
  rest: () => Promise<void> | undefined,
): Promise<void> {
  const members = value as Record<string, SchemaValue>
  const isLong = (member: StructMember): boolean => isArray(member.type) && members[member.name] !== undefined
  if (value !== undefined && isStruct(type) && membersOf(type).some(isLong)) {
    writer.open(name)
    for (const { name: member, type: its } of membersOf(type)) {
      if (isArray(its)) await encodeAnswer(writer, member, its, members[member], rest)
      else encodeValue(writer, member, its, members[member])
    }
    writer.close()
  } else if (value !== undefined && isArray(type)) {
    const items = openArray(writer, name, type, value)
    for (const item of items) {
      encodeValue(writer, 'item', arrays[type], item)
      const pause = rest()
      if (pause) await pause
    }
    if (items.length > 0) writer.close()
  } else encodeValue(writer, name, type, value)
}

/** Its items, which are to be written next; without any it is whole. */
function openArray(writer: XmlWriter, name: string, type: ArrayName, value: SchemaValue): SchemaValue[] {
  const items = (value as SchemaValue[]).filter((item) => item !== undefined)
  const attributes = { 'SOAP-ENC:arrayType': `${qualifiedType(arrays[type])}[${items.length}]` }
  if (items.length === 0) writer.leaf(name, attributes)
  else writer.open(name, attributes)
  return items
}

/** As written in instances and in the WSDL: `xsd:int`, `ngnpro:SipAccount`. */
export function qualifiedType(type: TypeName): string {
  return isStruct(type) || isArray(type) ? `ngnpro:${type}` : `xsd:${type}`
}

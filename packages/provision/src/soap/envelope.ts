import { attributeOf, childElements, childNamed, parseXml, type XmlElement, XmlWriter } from '@thor-node/core'
import type { SchemaValue, TypeName } from '../schema/types.ts'
import { encodeAnswer } from './encode.ts'
import type { Fault } from './fault.ts'
import { ns } from './names.ts'

/** A request, taken apart but not yet understood. */
export interface SoapRequest {
  headers: XmlElement[]
  operation: XmlElement
  /** Elements that others may refer to with `href="#id"`. */
  ids: ReadonlyMap<string, XmlElement>
}

/** An envelope that is none of ours is a value, since the peer is told so in the protocol's words. */
export type ParsedRequest = { request: SoapRequest } | { fault: Fault }

const client = (text: string): ParsedRequest => ({ fault: { side: 'Client', text } })

/**
 * SOAP 1.1 §4. Liberal about what does not matter: RPC/encoded with multi-reference values, RPC/literal, document/literal
 * wrapped. Throws what `parseXml` throws.
 */
export function parseRequest(body: Uint8Array): ParsedRequest {
  const root = parseXml(body)
  if (root.local !== 'Envelope') return client(`a SOAP Envelope is expected, not ${root.local}`)
  if (root.namespace !== ns.envelope) {
    const text = `SOAP 1.1 is spoken here (${ns.envelope}), not ${root.namespace || 'an Envelope without namespace'}`
    return { fault: { side: 'VersionMismatch', text } }
  }
  const header = childNamed(root, 'Header', ns.envelope)
  const headers = header ? childElements(header) : []
  for (const entry of headers) {
    if (entry.local !== 'auth' && attributeOf(entry, 'mustUnderstand', ns.envelope) === '1') {
      return { fault: { side: 'MustUnderstand', text: `the header ${entry.local} is not understood` } }
    }
  }
  const soapBody = childNamed(root, 'Body', ns.envelope)
  if (!soapBody) return client('the Envelope has no Body')
  const entries = childElements(soapBody)
  // The other children of a Body are multi-reference values: they have an id, and none of them is the root.
  const operation = entries.find(isRoot) ?? entries[0]
  if (!operation) return client('the Body has no operation')
  return { request: { headers, operation, ids: idsIn(root) } }
}

function isRoot(entry: XmlElement): boolean {
  const root = attributeOf(entry, 'root', ns.encoding)
  return root === undefined ? attributeOf(entry, 'id', '') === undefined : root === '1'
}

function idsIn(root: XmlElement): Map<string, XmlElement> {
  const ids = new Map<string, XmlElement>()
  const visit = (element: XmlElement): void => {
    const id = attributeOf(element, 'id', '')
    if (id !== undefined && !ids.has(id)) ids.set(id, element)
    for (const child of childElements(element)) visit(child)
  }
  visit(root)
  return ids
}

function openEnvelope(): XmlWriter {
  return new XmlWriter()
    .declaration()
    .open('SOAP-ENV:Envelope', {
      'xmlns:SOAP-ENV': ns.envelope,
      'xmlns:SOAP-ENC': ns.encoding,
      'xmlns:xsd': ns.xsd,
      'xmlns:xsi': ns.xsi,
      'xmlns:ngnpro': ns.types,
      'SOAP-ENV:encodingStyle': ns.encoding,
    })
    .open('SOAP-ENV:Body')
}

const closed = (writer: XmlWriter): string => writer.close().close().toString()

/** The part of a response; its name is free, and there is one or none (clients make an array of several). */
export const RESULT = 'result'

/** `rest`: what is awaited between the items of a long list. */
export async function writeResponse(
  namespace: string,
  operation: string,
  output: TypeName | undefined,
  value: SchemaValue,
  rest: () => Promise<void> | undefined,
): Promise<string> {
  const writer = openEnvelope()
  const name = `op:${operation}Response`
  if (output === undefined || value === undefined) return closed(writer.leaf(name, { 'xmlns:op': namespace }))
  writer.open(name, { 'xmlns:op': namespace })
  await encodeAnswer(writer, RESULT, output, value, rest)
  return closed(writer.close())
}

/** SOAP 1.1 §4.4, with the exception that NGNPro clients look for in the detail. */
export function writeFault({ side, text, exception }: Fault): string {
  const writer = openEnvelope().open('SOAP-ENV:Fault')
  writer.leaf('faultcode', { 'xsi:type': 'xsd:QName' }, `SOAP-ENV:${side}`)
  writer.leaf('faultstring', { 'xsi:type': 'xsd:string' }, text)
  if (exception) {
    writer.open('detail').open('exception')
    writer.leaf('name', { 'xsi:type': 'xsd:string' }, exception.name)
    writer.leaf('errorcode', { 'xsi:type': 'xsd:int' }, String(exception.code))
    writer.leaf('errorstring', { 'xsi:type': 'xsd:string' }, exception.text)
    writer.close().close()
  }
  return closed(writer.close())
}

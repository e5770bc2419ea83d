import { XmlWriter } from '@thor-node/core'
import { operations } from '../operations/index.ts'
import type { Operation, PortName } from '../schema/operation.ts'
import { type ArrayName, arrays, membersOf, type StructName, structs } from '../schema/types.ts'
import { qualifiedType } from './encode.ts'
import { RESULT } from './envelope.ts'
import { ns, portNamespace } from './names.ts'

/** The presence port was a product of its own, and is a service of its own. */
const services: readonly [name: string, has: (port: PortName) => boolean][] = [
  ['NGNPro', (port) => port !== 'Presence'],
  ['SoapSIMPLEProxy', (port) => port === 'Presence'],
]
/** Name of the encoding schema, relative to the address of the service. */
export const ENCODING_SCHEMA = 'soap-encoding.xsd'

/**
 * The WSDL 1.1 of everything that is served, RPC/encoded, with `location` as the address of every port. Written from the same
 * tables that requests are read by, so it cannot promise anything else.
 */
export function writeWsdl(location: string): string {
  const ports = [...new Set(operations.map(({ port }) => port))]
  const writer = new XmlWriter().declaration().open('wsdl:definitions', {
    name: 'NGNPro',
    targetNamespace: ns.types,
    'xmlns:wsdl': ns.wsdl,
    'xmlns:soap': ns.wsdlSoap,
    'xmlns:soapenc': ns.encoding,
    'xmlns:xsd': ns.xsd,
    'xmlns:ngnpro': ns.types,
  })
  writer.open('wsdl:types')
  writeSchema(writer, new URL(ENCODING_SCHEMA, location).href)
  writer.close()
  writer.open('wsdl:message', { name: 'AuthHeader' })
  writer.leaf('wsdl:part', { name: 'auth', type: 'ngnpro:Auth' }).close()
  for (const operation of operations) writeMessages(writer, operation)
  for (const port of ports) writePortType(writer, port)
  for (const port of ports) writeBinding(writer, port)
  for (const [name, has] of services) {
    writer.open('wsdl:service', { name })
    for (const port of ports.filter(has)) {
      writer.open('wsdl:port', { name: `${port}Port`, binding: `ngnpro:${port}Binding` })
      writer.leaf('soap:address', { location }).close()
    }
    writer.close()
  }
  return writer.close().toString()
}

/**
 * As much of the SOAP encoding schema as arrays need, served beside the WSDL so that clients fetch nothing from elsewhere.
 * It refers to nothing of its own: zeep would look for that at the address that is the namespace.
 */
export function writeEncodingSchema(): string {
  const writer = new XmlWriter().declaration().open('xsd:schema', {
    targetNamespace: ns.encoding,
    'xmlns:xsd': ns.xsd,
  })
  writer.leaf('xsd:attribute', { name: 'arrayType', type: 'xsd:string' })
  writer.open('xsd:complexType', { name: 'Array' })
  writer.open('xsd:sequence')
  writer.leaf('xsd:any', { namespace: '##any', minOccurs: '0', maxOccurs: 'unbounded', processContents: 'lax' })
  writer.close()
  writer.leaf('xsd:anyAttribute', { namespace: '##any', processContents: 'lax' })
  return writer.close().close().toString()
}

function writeSchema(writer: XmlWriter, encodingLocation: string): void {
  writer.open('xsd:schema', { targetNamespace: ns.types })
  writer.leaf('xsd:import', { namespace: ns.encoding, schemaLocation: encodingLocation })
  for (const name of Object.keys(structs) as StructName[]) {
    writer.open('xsd:complexType', { name }).open('xsd:all')
    for (const { name: member, type, key } of membersOf(name)) {
      writer.leaf('xsd:element', {
        name: member,
        type: qualifiedType(type),
        minOccurs: key ? undefined : '0',
        nillable: key ? undefined : 'true',
      })
    }
    writer.close().close()
  }
  for (const name of Object.keys(arrays) as ArrayName[]) {
    writer.open('xsd:complexType', { name }).open('xsd:complexContent')
    writer.open('xsd:restriction', { base: 'soapenc:Array' })
    writer.open('xsd:sequence')
    writer.leaf('xsd:element', {
      name: 'item',
      type: qualifiedType(arrays[name]),
      minOccurs: '0',
      maxOccurs: 'unbounded',
      nillable: 'true',
    })
    writer.close()
    writer.leaf('xsd:attribute', {
      ref: 'soapenc:arrayType',
      'wsdl:arrayType': `${qualifiedType(arrays[name])}[]`,
    })
    writer.close().close().close()
  }
  writer.close()
}

const messageName = ({ port, name }: Operation, kind: 'Request' | 'Response'): string => `${port}_${name}${kind}`

function writeMessages(writer: XmlWriter, operation: Operation): void {
  writer.open('wsdl:message', { name: messageName(operation, 'Request') })
  for (const [name, type] of Object.entries(operation.input)) {
    writer.leaf('wsdl:part', { name, type: qualifiedType(type) })
  }
  writer.close()
  writer.open('wsdl:message', { name: messageName(operation, 'Response') })
  if (operation.output) writer.leaf('wsdl:part', { name: RESULT, type: qualifiedType(operation.output) })
  writer.close()
}

function writePortType(writer: XmlWriter, port: PortName): void {
  writer.open('wsdl:portType', { name: `${port}PortType` })
  for (const operation of operations.filter((candidate) => candidate.port === port)) {
    const order = Object.keys(operation.input).join(' ')
    writer.open('wsdl:operation', { name: operation.name, parameterOrder: order === '' ? undefined : order })
    writer.leaf('wsdl:input', { message: `ngnpro:${messageName(operation, 'Request')}` })
    writer.leaf('wsdl:output', { message: `ngnpro:${messageName(operation, 'Response')}` })
    writer.close()
  }
  writer.close()
}

function writeBinding(writer: XmlWriter, port: PortName): void {
  const encoded = { use: 'encoded', encodingStyle: ns.encoding }
  const body = { ...encoded, namespace: portNamespace(port) }
  writer.open('wsdl:binding', { name: `${port}Binding`, type: `ngnpro:${port}PortType` })
  writer.leaf('soap:binding', { style: 'rpc', transport: ns.http })
  for (const operation of operations.filter((candidate) => candidate.port === port)) {
    writer.open('wsdl:operation', { name: operation.name })
    writer.leaf('soap:operation', { soapAction: '', style: 'rpc' })
    writer.open('wsdl:input').leaf('soap:body', body)
    if (operation.who !== 'anyone') {
      writer.leaf('soap:header', { message: 'ngnpro:AuthHeader', part: 'auth', ...encoded, namespace: ns.types })
    }
    writer.close()
    writer.open('wsdl:output').leaf('soap:body', body).close()
    writer.close()
  }
  writer.close()
}

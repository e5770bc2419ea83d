import { attributeOf, childElements, childNamed, parseXml, type XmlElement } from '@thor-node/core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { writeWsdl } from '../../src/index.ts'
import { operations } from '../../src/operations/index.ts'
import { ports } from '../../src/schema/operation.ts'
import { arrays, isArray, isStruct, membersOf, type StructName, structs } from '../../src/schema/types.ts'
import { portNamespace } from '../../src/soap/names.ts'

const test = suite('provision: wsdl')
const root = parseXml(writeWsdl('http://192.0.2.1:9200/'))
const all = (local: string): XmlElement[] => {
  const found: XmlElement[] = []
  const visit = (element: XmlElement): void => {
    if (element.local === local) found.push(element)
    for (const child of childElements(element)) visit(child)
  }
  visit(root)
  return found
}
const names = (elements: XmlElement[]): (string | undefined)[] =>
  elements.map((element) => attributeOf(element, 'name'))

test('names the service and its port as clients expect', () => {
  assert.is(attributeOf(root, 'targetNamespace'), 'urn:AGProjects:NGNPro')
  assert.equal(names(all('service')), ['NGNPro', 'SoapSIMPLEProxy'])
  const [ngnpro, presence] = all('service') as [XmlElement, XmlElement]
  const portNames = ['Sip', 'Voicemail', 'Enum', 'Dns', 'Customer', 'Rating', 'Network'].map((name) => `${name}Port`)
  assert.equal(names(childElements(ngnpro)).slice(0, portNames.length), portNames)
  assert.equal(names(childElements(presence)), ['PresencePort'])
  assert.is(attributeOf(all('import')[0] as XmlElement, 'schemaLocation'), 'http://192.0.2.1:9200/soap-encoding.xsd')
})

test('every operation is bound RPC/encoded with an empty action, its namespace and the auth header', () => {
  for (const port of new Set(operations.map((operation) => operation.port))) {
    const bound = all('binding').find((element) => attributeOf(element, 'name') === `${port}Binding`) as XmlElement
    const found = childElements(bound).filter(({ local }) => local === 'operation')
    const expected = operations.filter((operation) => operation.port === port).map(({ name }) => name)
    assert.equal(names(found).toSorted(), expected.toSorted())
    for (const element of found) {
      assert.is(attributeOf(childNamed(element, 'operation') as XmlElement, 'soapAction'), '')
      const [body, header] = childElements(childNamed(element, 'input') as XmlElement)
      assert.is(attributeOf(body as XmlElement, 'namespace'), portNamespace(port))
      assert.is(attributeOf(body as XmlElement, 'use'), 'encoded')
      // The presence port has a password among its arguments instead.
      assert.is(header && attributeOf(header, 'part'), port === 'Presence' ? undefined : 'auth')
    }
  }
})

test('every message and type that is referred to exists', () => {
  const messages = new Set(names(all('message')).map((name) => `ngnpro:${name}`))
  for (const element of [...all('input'), ...all('output'), ...all('header')]) {
    const message = attributeOf(element, 'message')
    if (message !== undefined) assert.ok(messages.has(message), message)
  }
  const types = new Set(names(all('complexType')).map((name) => `ngnpro:${name}`))
  for (const element of [...all('part'), ...all('element')]) {
    const type = attributeOf(element, 'type') ?? ''
    assert.ok(types.has(type) || /^xsd:(string|int|boolean|float)$/.test(type), type)
  }
})

test('the table of types is closed: members and items are types', () => {
  const known = (type: string): boolean =>
    ['string', 'int', 'boolean', 'float'].includes(type) || Object.hasOwn(structs, type) || Object.hasOwn(arrays, type)
  for (const name of Object.keys(structs) as StructName[]) {
    for (const { name: member, type } of membersOf(name)) assert.ok(known(type), `${name}.${member}`)
  }
  for (const [name, type] of Object.entries(arrays)) assert.ok(known(type), name)
  assert.is(isStruct('SipId') && isArray('SipIdArray') && !isArray('SipId'), true)
})

test('all operations of the ports that portals know are there', () => {
  const counts = Object.fromEntries(ports.map((port) => [port, operations.filter((one) => one.port === port).length]))
  const known = { Sip: 60, Voicemail: 5, Enum: 9, Dns: 15, Customer: 8, Rating: 3, Network: 2, Presence: 6 }
  for (const [port, count] of Object.entries(known)) assert.is(counts[port], count, port)
})

test('no two operations share a name within a port, or a method and path of REST', () => {
  const soapNames = operations.map(({ port, name }) => `${port}.${name}`)
  assert.is(new Set(soapNames).size, soapNames.length)
  const shapes = operations.map(({ rest }) => `${rest.method} ${rest.path.replace(/\{[^}]+\}/g, '{}')}`)
  assert.equal(
    shapes.filter((shape, index) => shapes.indexOf(shape) !== index),
    [],
  )
  for (const { name, doc } of operations) assert.match(doc, /^[A-Z].*\.$/s, `${name} says what it does`)
})

test.run()

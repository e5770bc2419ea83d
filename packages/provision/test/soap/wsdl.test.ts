import { attributeOf, childElements, childNamed, parseXml, type XmlElement } from '@thor-node/core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { writeWsdl } from '../../src/index.ts'
import { portNamespace } from '../../src/soap/names.ts'
import { operations } from '../../src/soap/services/index.ts'
import { arrays, isArray, isStruct, membersOf, type StructName, structs } from '../../src/soap/types.ts'

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
  assert.equal(names(all('service')), ['NGNPro'])
  assert.equal(names(all('port')), ['SipPort'])
  assert.is(attributeOf(all('import')[0] as XmlElement, 'schemaLocation'), 'http://192.0.2.1:9200/soap-encoding.xsd')
})

test('every operation is bound RPC/encoded with an empty action, its namespace and the auth header', () => {
  const bound = all('binding').find((element) => attributeOf(element, 'name') === 'SipBinding') as XmlElement
  const found = childElements(bound).filter(({ local }) => local === 'operation')
  assert.equal(names(found).toSorted(), operations.map(({ name }) => name).toSorted())
  for (const element of found) {
    assert.is(attributeOf(childNamed(element, 'operation') as XmlElement, 'soapAction'), '')
    const [body, header] = childElements(childNamed(element, 'input') as XmlElement)
    assert.is(attributeOf(body as XmlElement, 'namespace'), portNamespace('Sip'))
    assert.is(attributeOf(body as XmlElement, 'use'), 'encoded')
    assert.is(attributeOf(header as XmlElement, 'part'), 'auth')
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
    for (const [member, type] of membersOf(name)) assert.ok(known(type), `${name}.${member}`)
  }
  for (const [name, type] of Object.entries(arrays)) assert.ok(known(type), name)
  assert.is(isStruct('SipId') && isArray('SipIdArray') && !isArray('SipId'), true)
})

test.run()

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  attributeOf,
  childElements,
  childNamed,
  errorCode,
  namespaceOf,
  parseXml,
  serializeXml,
  textOf,
  XmlWriter,
} from '../src/index.ts'

const test = suite('core: xml')

function codeOf(fn: () => unknown): string | undefined {
  try {
    fn()
  } catch (error) {
    return errorCode(error)
  }
  return undefined
}

test('resolves namespaces of elements, attributes and prefixes inside values', () => {
  const root = parseXml('<a xmlns="urn:a" xmlns:x="urn:x"><x:b x:c="1" d="x:q"/><e xmlns="">t</e></a>')
  assert.is(root.namespace, 'urn:a')
  const [b, e] = childElements(root)
  assert.is(b?.namespace, 'urn:x')
  assert.is(b && attributeOf(b, 'c', 'urn:x'), '1')
  assert.is(b && attributeOf(b, 'd', ''), 'x:q')
  assert.is(b && attributeOf(b, 'd', 'urn:x'), undefined)
  assert.is(b && namespaceOf(b, 'x'), 'urn:x')
  assert.is(b && namespaceOf(b, 'y'), undefined)
  assert.is(e?.namespace, '')
  assert.is(e && namespaceOf(e, ''), '')
  assert.is(childNamed(root, 'e', 'urn:a'), undefined)
})

test('joins text, CDATA and references, and drops comments and instructions', () => {
  const root = parseXml('<?xml version="1.0"?><a>1 &lt;<![CDATA[<&]]>&#65;<!-- no --><?pi no?>z<b/>tail</a>')
  assert.is(textOf(root), '1 <<&Aztail')
  assert.is(root.children.length, 3)
})

test('keeps names that are properties of every object', () => {
  const root = parseXml('<__proto__ constructor="1" xmlns:__proto__="urn:p"><__proto__:toString/></__proto__>')
  assert.is(attributeOf(root, 'constructor'), '1')
  assert.is(childElements(root)[0]?.namespace, 'urn:p')
})

const refused: [what: string, input: string | Uint8Array, code: string][] = [
  ['nothing', '', 'CORE_XML_INVALID'],
  ['text only', 'hello', 'CORE_XML_INVALID'],
  ['an element left open', '<a><b></a>', 'CORE_XML_INVALID'],
  ['two roots', '<a/><b/>', 'CORE_XML_INVALID'],
  ['an unbound prefix', '<x:a/>', 'CORE_XML_INVALID'],
  ['an unbound prefix of an attribute', '<a x:b="1"/>', 'CORE_XML_INVALID'],
  ['an attribute given twice', '<a b="1" b="2"/>', 'CORE_XML_INVALID'],
  ['an unknown entity', '<a>&nbsp;</a>', 'CORE_XML_INVALID'],
  ['a document type', '<!DOCTYPE a SYSTEM "http://127.0.0.1/x"><a/>', 'CORE_XML_FORBIDDEN'],
  ['entities that multiply', '<!DOCTYPE a [<!ENTITY b "cc"><!ENTITY c "&b;&b;">]><a>&c;</a>', 'CORE_XML_FORBIDDEN'],
  ['a control character', '<a>\u0001</a>', 'CORE_XML_INVALID'],
  ['bytes that are not UTF-8', Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0x3c, 0x2f, 0x61, 0x3e]), 'CORE_XML_INVALID'],
  ['an encoding we do not have', Buffer.from('<?xml version="1.0" encoding="utf-7"?><a/>'), 'CORE_XML_INVALID'],
  ['a large document', `<a>${' '.repeat(1024 * 1024)}</a>`, 'CORE_XML_TOO_LARGE'],
  ['deep nesting', '<a>'.repeat(65) + '</a>'.repeat(65), 'CORE_XML_TOO_LARGE'],
  ['many nodes', `<a>${'<b/>'.repeat(50_000)}</a>`, 'CORE_XML_TOO_LARGE'],
]

for (const [what, input, code] of refused) {
  test(`refuses ${what}`, () => {
    assert.is(
      codeOf(() => parseXml(input)),
      code,
    )
  })
}

test('takes as much as the limits allow', () => {
  assert.is(parseXml('<a>'.repeat(64) + '</a>'.repeat(64)).local, 'a')
  assert.is(childElements(parseXml(`<a>${'<b/>'.repeat(49_999)}</a>`)).length, 49_999)
})

test('reads UTF-8 with a byte order mark, and Latin-1 when the declaration says so', () => {
  assert.is(textOf(parseXml(Buffer.from('\ufeff<a>é</a>'))), 'é')
  assert.is(textOf(parseXml(Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>', 'latin1'))), 'é')
})

test('what the writer writes, the reader reads back', () => {
  const nasty = `<&>"'\t\n\r ]]> é \u{1f600}`
  const text = new XmlWriter()
    .declaration()
    .open('p:a', { 'xmlns:p': 'urn:p', v: nasty, absent: undefined })
    .leaf('b', {}, nasty)
    .leaf('c')
    .close()
    .toString()
  const root = parseXml(text)
  assert.is(attributeOf(root, 'v'), nasty)
  assert.is(root.attributes.length, 1)
  const [b, c] = childElements(root)
  assert.is(b && textOf(b), nasty)
  assert.equal(c?.children, [])
})

test('the writer replaces what XML cannot carry, and refuses names that would break out', () => {
  assert.is(new XmlWriter().leaf('a', { b: '\u0000' }, 'x\u0001\ud800y').toString(), '<a b="\ufffd">x\ufffd\ufffdy</a>')
  assert.throws(() => new XmlWriter().leaf('a b'))
  assert.throws(() => new XmlWriter().leaf('a', { '"x': '1' }))
  assert.throws(() => new XmlWriter().open('a').toString())
  assert.throws(() => new XmlWriter().close())
})

test('a parsed tree serializes to what parses to the same', () => {
  const source = '<a xmlns="urn:a" xmlns:x="urn:x" x:y="&quot;1"><x:b>t&amp;<c·d/></x:b>\n<e xmlns=""/></a>'
  const once = serializeXml(parseXml(source))
  assert.is(serializeXml(parseXml(once)), once)
  assert.is(once, source)
})

test.run()

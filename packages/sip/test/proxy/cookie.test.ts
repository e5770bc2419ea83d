import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cookie, decodeCookie, encodeCookie, tagHash } from '../../src/proxy/cookie.ts'

const test = suite('sip: cookie')

const KEY = new Uint8Array(32).fill(3)
const full: Cookie = {
  callUuid: 'abc-0123456789abcdef01234567',
  fromTagHash: tagHash(KEY, 'tag'),
  branch: 3,
  caller: { edge: '127.0.0.1:5060', flow: 'u-1' },
  callee: { edge: '127.0.0.2:5060', flow: 'u-2' },
}

test('every combination of parts comes back as it went', () => {
  const { callUuid, caller, callee, ...bare } = full
  for (const cookie of [full, bare, { ...bare, callUuid }, { ...bare, caller }, { ...bare, callee }]) {
    const text = encodeCookie(KEY, cookie as Cookie)
    assert.match(text, /^[\w-]+$/)
    assert.equal(decodeCookie(KEY, text), cookie)
  }
})

test('a cookie of two devices stays short', () => {
  assert.ok(encodeCookie(KEY, full).length < 140)
})

test('what was changed, cut, or made with another key is nothing', () => {
  const text = encodeCookie(KEY, full)
  assert.is(decodeCookie(new Uint8Array(32), text), undefined)
  for (let i = 0; i < text.length; i++) {
    const changed = `${text.slice(0, i)}${text[i] === 'A' ? 'B' : 'A'}${text.slice(i + 1)}`
    const read = decodeCookie(KEY, changed)
    // The last character of base64url may carry bits that mean nothing.
    if (i < text.length - 1) assert.is(read, undefined, `character ${i}`)
  }
  for (const other of ['', 'AAAA', text.slice(0, 20), 'A'.repeat(10_000)]) {
    assert.is(decodeCookie(KEY, other), undefined)
  }
})

test('a call id of another form is our own mistake', () => {
  assert.throws(() => encodeCookie(KEY, { ...full, callUuid: 'x' }), /call id/)
  assert.throws(() => encodeCookie(KEY, { ...full, caller: { edge: 'e'.repeat(300), flow: '' } }), /too long/)
})

test.run()

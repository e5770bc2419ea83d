import assert from 'node:assert/strict'
import { SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { deriveKey, errorCode, Sealer, shortMac, systemRandom } from '../src/index.ts'

const test = suite('core sealer')

const secret = Buffer.alloc(32, 1)
const text = Buffer.from('a value worth hiding')
const broken = (error: unknown): boolean => errorCode(error) === 'CORE_SEAL_BROKEN'

test('what is sealed opens again, and looks different each time', () => {
  const sealer = new Sealer(deriveKey(secret, 'test'), systemRandom)
  const [first, second] = [sealer.seal(text), sealer.seal(text)]
  assert.notDeepEqual(first, second)
  assert.equal(Buffer.from(first).includes(text), false)
  assert.deepEqual(Buffer.from(sealer.open(first)), text)
  assert.deepEqual(Buffer.from(sealer.open(second)), text)
  assert.equal(sealer.open(sealer.seal(new Uint8Array(0))).length, 0)
})

test('any changed, cut or foreign byte is refused', () => {
  const sealer = new Sealer(deriveKey(secret, 'test'), new SimRandom(1))
  const sealed = sealer.seal(text)
  for (let i = 0; i < sealed.length; i++) {
    const changed = Uint8Array.from(sealed)
    changed[i] = (changed[i] as number) ^ 1
    assert.throws(() => sealer.open(changed), broken, `byte ${i}`)
  }
  for (let length = 0; length < sealed.length; length++) {
    assert.throws(() => sealer.open(sealed.subarray(0, length)), broken, `${length} bytes`)
  }
  const other = new Sealer(deriveKey(secret, 'another purpose'), new SimRandom(1))
  assert.throws(() => other.open(sealed), broken)
})

test('keys differ by purpose and by secret, and are the same on every node', () => {
  const key = deriveKey(secret, 'test')
  assert.equal(key.length, 32)
  assert.deepEqual(deriveKey(Buffer.from(secret), 'test'), key)
  assert.notDeepEqual(deriveKey(secret, 'test2'), key)
  assert.notDeepEqual(deriveKey(Buffer.alloc(32, 2), 'test'), key)
})

test('a short MAC is the head of HMAC-SHA-256', () => {
  // RFC 4231, test case 2.
  const mac = shortMac(Buffer.from('Jefe'), 'what do ya want for nothing?', 8)
  assert.equal(mac.toString('hex'), '5bdcc146bf60754e')
})

test.run()

import assert from 'node:assert/strict'
import { SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type Random, randomHex, shuffled, systemRandom } from '../src/index.ts'

const test = suite('core random')

const sources: [name: string, random: Random][] = [
  ['system', systemRandom],
  ['simulated', new SimRandom(7)],
]
for (const [name, random] of sources) {
  test(`${name}: stays in range and reaches every value`, () => {
    const seen = new Set(Array.from({ length: 1_000 }, () => random.int(5)))
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3, 4])
    for (let i = 0; i < 100; i++) {
      const float = random.float()
      assert.ok(float >= 0 && float < 1)
    }
    assert.equal(random.bytes(0).length, 0)
    assert.equal(random.bytes(33).length, 33)
    assert.equal(random.int(1), 0)
    assert.ok(random.int(2 ** 32) < 2 ** 32)
  })

  test(`${name}: hex has two digits per byte`, () => {
    assert.match(randomHex(random, 12), /^[0-9a-f]{24}$/)
    assert.notEqual(randomHex(random, 12), randomHex(random, 12))
  })

  test(`${name}: shuffling keeps every item, leaves the original and finds other orders`, () => {
    const items = Object.freeze([1, 2, 3, 4, 5, 6])
    const orders = new Set<string>()
    for (let i = 0; i < 50; i++) {
      const out = shuffled(random, items)
      assert.deepEqual(out.toSorted(), [...items])
      orders.add(out.join())
    }
    assert.ok(orders.size > 20)
    assert.deepEqual(shuffled(random, []), [])
  })
}

test.run()

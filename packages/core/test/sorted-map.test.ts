import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compareUtf8, prefixEnd, SortedMap } from '../src/sorted-map.ts'
import { SimRandom } from '../src/testing/sim-random.ts'

const test = suite('core: sorted map')

const words = [
  '',
  'a',
  'a/',
  'a0',
  'aé',
  'a\uffee',
  'a\u{1f600}',
  'a\u{1f600}b',
  'b',
  'é',
  '\ud7ff',
  '\ue000',
  '\u{10000}',
]

test('strings compare as their UTF-8 bytes do', () => {
  for (const one of words) {
    for (const other of words) {
      const expected = Buffer.compare(Buffer.from(one), Buffer.from(other))
      assert.is(Math.sign(compareUtf8(one, other)), expected, `${one} and ${other}`)
    }
  }
})

test('it lists what a sorted array of all entries would, whatever came and went', () => {
  const random = new SimRandom(5)
  const map = new SortedMap<number>()
  const plain = new Map<string, number>()
  for (let turn = 0; turn < 3_000; turn++) {
    const key = `${words[random.int(words.length)]}${random.int(40)}`
    if (random.int(3) === 0) assert.is(map.delete(key), plain.delete(key))
    else {
      map.set(key, turn)
      plain.set(key, turn)
    }
    if (random.int(20) > 0) continue
    const [from, to] = ['a', prefixEnd('a')]
    const expected = [...plain]
      .filter(([name]) => compareUtf8(name, from) >= 0 && compareUtf8(name, to) < 0)
      .sort(([one], [other]) => compareUtf8(one, other))
    assert.equal(map.range(from, to), expected)
    assert.equal(map.withPrefix('a'), expected)
    assert.is(map.size, plain.size)
  }
})

test('a key that was deleted and set again is listed once', () => {
  const map = new SortedMap<number>()
  map.set('a', 1)
  map.range('', 'z')
  map.delete('a')
  map.set('a', 2)
  assert.equal(map.range('', 'z'), [['a', 2]])
})

test.run()

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRoom } from '../src/index.ts'

const test = suite('core: room in a table')

test('nothing goes while there is room, then what came first', () => {
  const map = new Map([
    ['a', 1],
    ['b', 2],
  ])
  makeRoom(map, 3)
  assert.equal([...map.keys()], ['a', 'b'])
  map.set('c', 3)
  makeRoom(map, 3)
  assert.equal([...map.keys()], ['b', 'c'])
  map.delete('b')
  map.set('b', 2).set('d', 4)
  makeRoom(map, 3)
  assert.equal([...map.keys()], ['b', 'd'], 'what was put in anew came last')
})

test('of a large table a share at once, and each is told of', () => {
  const set = new Set(Array.from({ length: 1_280 }, (_, i) => i))
  const gone: number[] = []
  makeRoom(set, 1_280, (key) => gone.push(key))
  assert.equal(gone, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  assert.equal([set.size, set.has(10), set.has(11)], [1_269, false, true])
})

test('a table that is allowed nothing is emptied', () => {
  const set = new Set([1])
  makeRoom(set, 0)
  assert.is(set.size, 0)
})

test.run()

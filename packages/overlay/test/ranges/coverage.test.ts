import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Coverage, coverageOf, uncover } from '../../src/ranges/coverage.ts'

const test = suite('overlay: coverage of lists')

const COUNT = 20
const of = (...ranges: number[]): Uint8Array =>
  coverageOf({
    all: () => Array.from({ length: COUNT }, (_, range) => ({ range, epoch: 1, old: [] })),
    standing: (range) => (ranges.includes(range) ? 'member' : 'warming'),
  })
const all = Array.from({ length: COUNT }, (_, range) => range)
const without = (...ranges: number[]): number[] => all.filter((range) => !ranges.includes(range))

test('ranges that nobody spoke for are missing', () => {
  const coverage = new Coverage(COUNT)
  assert.is(coverage.missing, 0)
  coverage.add([of(...without(3, 17))])
  assert.is(coverage.missing, 3)
  coverage.add([of(3)])
  assert.is(coverage.missing, 17)
  coverage.add([of(17)])
  assert.is(coverage.missing, undefined)
})

test('a range counts when all pages of a node spoke for it', () => {
  const coverage = new Coverage(COUNT)
  coverage.add([of(...all), of(...without(5))])
  assert.is(coverage.missing, 5)
  coverage.add([])
  assert.is(coverage.missing, 5)
  coverage.add([undefined, of(5)])
  assert.is(coverage.missing, 5, 'what is no coverage covers nothing')
  const bits = of(...all)
  uncover(bits, 5)
  coverage.add([bits])
  assert.is(coverage.missing, 5)
})

test.run()

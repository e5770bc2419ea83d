import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { limits } from '../../src/limits.ts'
import { like, type Row, runQuery } from '../../src/operations/queries.ts'

const test = suite('provision: queries')

const patterns: [text: string, pattern: string, matches: boolean][] = [
  ['alice', 'alice', true],
  ['alice', 'alic', false],
  ['alice', 'alic_', true],
  ['alice', '_____', true],
  ['alice', '____', false],
  ['alice', '%', true],
  ['', '%', true],
  ['', '_', false],
  ['', '', true],
  ['alice', '%ice', true],
  ['alice', 'a%e', true],
  ['alice', 'a%%e', true],
  ['alice', 'a%c', false],
  ['ababab', '%ab', true],
  ['a%c', 'a\\%c', true],
  ['abc', 'a\\%c', false],
  ['a_c', 'a\\_c', true],
  ['abc', 'a\\_c', false],
  ['a.c', 'a.c', true],
  ['abc', 'a.c', false],
  ['a\\', 'a\\', true],
]

for (const [text, pattern, matches] of patterns) {
  test(`${JSON.stringify(text)} is ${matches ? '' : 'not '}like ${JSON.stringify(pattern)}`, () => {
    assert.is(like(text, pattern), matches)
  })
}

test('agrees with a regular expression on everything', () => {
  const pieces = fc.array(fc.constantFrom('a', 'b', '%', '_', '.'), { maxLength: 8 }).map((parts) => parts.join(''))
  const texts = fc.array(fc.constantFrom('a', 'b', '.'), { maxLength: 8 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(texts, pieces, (text, pattern) => {
      const source = pattern.replaceAll('.', '\\.').replaceAll('%', '.*').replaceAll('_', '.')
      return like(text, pattern) === new RegExp(`^${source}$`).test(text)
    }),
    { numRuns: 1_000 },
  )
})

const rows: Row<string>[] = [
  { fields: { name: 'a', size: 10, tags: ['x', 'y'] }, value: 'a' },
  { fields: { name: 'B', size: 9, tags: ['x'] }, value: 'B' },
  { fields: { name: 'c', size: 10, tags: [] }, value: 'c' },
]
const bySize = { attribute: 'size', direction: 'ASC' } as const

test('orders numbers as numbers, and equal ones as they came', () => {
  assert.equal(runQuery(rows, undefined, bySize).values, ['B', 'a', 'c'])
  assert.equal(runQuery(rows, { orderBy: { attribute: 'size', direction: 'desc' } }, bySize).values, ['a', 'c', 'B'])
})

test('an attribute that nobody has leaves the default order', () => {
  assert.equal(runQuery(rows, { orderBy: { attribute: 'constructor', direction: 'DESC' } }, bySize).values, [
    'B',
    'a',
    'c',
  ])
})

test('filters by text, number and list together, and counts before paging', () => {
  const find = (filter: Record<string, unknown>) => runQuery(rows, { filter }, bySize).values
  assert.equal(find({ name: 'b' }), ['B'])
  assert.equal(find({ size: 10, tags: ['x'] }), ['a'])
  assert.equal(find({ tags: ['x', 'y'] }), ['a'])
  assert.equal(find({ name: '', size: 0, tags: [''] }), ['B', 'a', 'c'])
  assert.equal(runQuery(rows, { range: { start: 1, count: 1 } }, bySize), { values: ['a'], total: 3 })
  assert.equal(runQuery(rows, { range: { start: 5, count: 1 } }, bySize), { values: [], total: 3 })
  assert.equal(runQuery(rows, { range: { start: -1, count: 0 } }, bySize).values.length, 3)
})

test('a page has a limit, whatever is asked', () => {
  const many = Array.from({ length: limits.rowsMax + 5 }, (_, size) => ({ fields: { size }, value: size }))
  for (const range of [undefined, { start: 0, count: 1_000_000 }]) {
    const { values, total } = runQuery(many, { range }, bySize)
    assert.is(values.length, limits.rowsMax)
    assert.is(total, limits.rowsMax + 5)
  }
})

test.run()

import assert from 'node:assert/strict'
import { suite } from 'uvu'
import { errorCode, errorMessage, makeAor, RANGE_COUNT, rangeOf, recordKey, splitAor, ThorError } from '../src/index.ts'

const test = suite('core names')

test('ranges are the first 12 bits of SHA-256, for ever', () => {
  // From `printf %s KEY | sha256sum | cut -c1-3`.
  const vectors: [key: string, range: number][] = [
    ['', 0xe3b],
    ['abc', 0xba7],
    ['alice@example.com', 0xff8],
    ['bob@example.com', 0x5ff],
    ['jürgen@example.com', 0x3d2],
  ]
  for (const [key, range] of vectors) assert.equal(rangeOf(key), range, key)
})

test('ranges spread evenly', () => {
  const used = new Set(Array.from({ length: 20_000 }, (_, i) => rangeOf(`user${i}@example.com`)))
  assert.ok([...used].every((range) => Number.isInteger(range) && range >= 0 && range < RANGE_COUNT))
  // Of 4096 ranges, about 31 stay empty with 20,000 keys.
  assert.ok(used.size > 4_000, `${used.size} ranges used`)
})

test('an AOR keeps the case of its user and lowers that of its host', () => {
  assert.equal(makeAor('Alice', 'Example.COM'), 'Alice@example.com')
})

test('an AOR is split at its last @', () => {
  const cases: [aor: string, parts: { user: string; domain: string } | undefined][] = [
    ['alice@example.com', { user: 'alice', domain: 'example.com' }],
    ['a@b@example.com', { user: 'a@b', domain: 'example.com' }],
    ['example.com', undefined],
    ['@example.com', undefined],
    ['alice@', undefined],
    ['', undefined],
  ]
  for (const [aor, parts] of cases) assert.deepEqual(splitAor(aor), parts, aor)
})

test('all records of an account share its range', () => {
  const aor = 'alice@example.com'
  assert.deepEqual(recordKey('acct', aor), { range: rangeOf(aor), name: 'acct/alice@example.com' })
  assert.equal(recordKey('bind', aor).range, recordKey('acct', aor).range)
})

test('errors have a code, whoever threw them', () => {
  const cause = new Error('below')
  const error = new ThorError('CORE_TEST', 'what happened', { cause })
  assert.equal(errorCode(error), 'CORE_TEST')
  assert.equal(error.cause, cause)
  assert.equal(error.name, 'ThorError')
  assert.equal(errorCode(Object.assign(new Error('x'), { code: 'ENOENT' })), 'ENOENT')
  for (const thrown of [undefined, null, 'text', 7, new Error('x'), { code: 7 }])
    assert.equal(errorCode(thrown), undefined)
  assert.equal(errorMessage(error), 'what happened')
  assert.equal(errorMessage('text'), 'text')
  assert.equal(errorMessage(undefined), 'undefined')
})

test.run()

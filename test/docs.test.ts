/** Pages tell the truth about the code, as far as that can be checked. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { writeReference } from '@thor-node/provision'
import { suite } from 'uvu'
import {
  anchorsOf,
  brokenLinks,
  codeIn,
  firstCells,
  kindsOf,
  linksOf,
  methodsOf,
  pathsIn,
  rowsOf,
} from './tidy/docs.ts'
import { limitFiles, limitsOf, withNumbers } from './tidy/limits.ts'
import type { HouseFile } from './tidy/rules.ts'

const root = resolve(import.meta.dirname, '..')
const fileAt = (path: string): HouseFile => ({ path, text: readFileSync(resolve(root, path), 'utf8') })
const readOrNot = (path: string): string | undefined => {
  const full = resolve(root, path)
  if (!existsSync(full)) return undefined
  return statSync(full).isDirectory() ? '' : readFileSync(full, 'utf8')
}
const pages = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md'], { cwd: root }).sort().map(fileAt)
const sources = globSync('packages/*/src/**/*.ts', { cwd: root }).map(fileAt)
const architecture = fileAt('docs/ARCHITECTURE.md').text
const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort()

const test = suite('docs')

test('links lead somewhere', () => {
  const wrong = pages.flatMap((page) => brokenLinks(page, readOrNot))
  assert.equal(wrong.length, 0, `\n${wrong.join('\n')}`)
})

test('files and folders that pages name exist', () => {
  const wrong = pages.flatMap(({ path, text }) =>
    pathsIn(text)
      .filter((named) => !existsSync(resolve(root, named)))
      .map((named) => `${path} names ${named}`),
  )
  assert.equal(wrong.length, 0, `\n${wrong.join('\n')}`)
})

test('docs/ARCHITECTURE.md has every method between nodes, and none that is not served', () => {
  assert.deepEqual(sorted(firstCells(architecture, 'Methods between nodes')), sorted(sources.flatMap(methodsOf)))
})

test('docs/ARCHITECTURE.md has every kind of record, and none that nobody writes', () => {
  const named = firstCells(architecture, 'Records').map((name) => name.split('/')[0] as string)
  // Pointers and the spool have names of their own (call-keys.ts, spool.ts).
  assert.deepEqual(sorted(named), sorted([...sources.flatMap(kindsOf), 'placed', 'received', 'spool']))
})

for (const [section, prefix, length] of [
  ['SIP', 'SIP', 26],
  ['ENUM', 'EN', 39],
  ['DNS', 'DN', 6],
] as const) {
  test(`docs/CAPABILITIES.md has every row of ${section}, with files that are there and tests that carry its name`, () => {
    const rows = rowsOf(fileAt('docs/CAPABILITIES.md').text, section)
    const wanted = Array.from({ length }, (_, i) => `${prefix}-${String(i + 1).padStart(2, '0')}`)
    assert.deepEqual(
      rows.map(([id]) => id),
      wanted,
    )
    const wrong: string[] = []
    for (const [id = '', promise = '', state = '', where = '', tests = '', seen = '', ...more] of rows) {
      if (more.length > 0 || promise === '' || state === '') wrong.push(`${id}: six cells, and what is promised`)
      const [files, named] = [codeIn(where), codeIn(tests)]
      for (const file of [...files, ...named]) if (!existsSync(resolve(root, file))) wrong.push(`${id} names ${file}`)
      if (files.length === 0) wrong.push(`${id} is nowhere`)
      if (state.startsWith('not yet')) continue
      if (named.length === 0 || seen === '') wrong.push(`${id} is held by no test, or was seen with nothing`)
      const carried = named.filter((file) => existsSync(resolve(root, file)) && fileAt(file).text.includes(id))
      if (carried.length === 0) wrong.push(`${id} stands in none of ${named.join(', ')}`)
    }
    assert.deepEqual(wrong, [])
  })
}

test('EN-04: each requirement of the list in docs/ENUM.md has tests that are there', () => {
  const rows = rowsOf(fileAt('docs/ENUM.md').text, 'Checklist')
  assert.ok(rows.length > 15)
  for (const [requirement, tests = ''] of rows) {
    const named = codeIn(tests)
    assert.ok(named.length > 0, requirement)
    for (const path of named)
      assert.ok(existsSync(resolve(root, path.startsWith('test/') ? path : `packages/${path}`)), path)
  }
})

test('every package has one door that says what is behind it', () => {
  for (const path of globSync('packages/*/package.json', { cwd: root })) {
    const { name, exports } = JSON.parse(readFileSync(resolve(root, path), 'utf8'))
    const door = path.replace('package.json', 'src/index.ts')
    assert.ok(existsSync(resolve(root, door)), `${name} has no ${door}`)
    assert.match(readFileSync(resolve(root, door), 'utf8'), /^\/\*\*[\s\S]*?\*\//, `${door} does not say what it is`)
    assert.equal(exports['.'].default ?? exports['.'], './src/index.ts', `${name} opens another door`)
    const others = Object.keys(exports).filter((key) => key !== '.' && key !== './package.json')
    assert.deepEqual(others, name === '@thor-node/core' ? ['./testing'] : [], name)
  }
})

test('every decision is in the index of decisions', () => {
  const index = linksOf(fileAt('docs/adr/README.md').text)
  const decisions = globSync('docs/adr/0*.md', { cwd: root }).map((path) => path.replace('docs/adr/', ''))
  assert.deepEqual(sorted(index), sorted(decisions))
})

test('docs/API.md is what the table of operations says', () => {
  assert.equal(fileAt('docs/API.md').text, writeReference(), 'run: npx node test/tidy/api.ts')
})

test('docs/LIMITS.md has every number of the code', () => {
  const page = fileAt('docs/LIMITS.md').text
  assert.equal(page, withNumbers(page, limitFiles(root)), 'run: npx node test/tidy/limits.ts')
})

test('commands in pages are commands', () => {
  const help = execFileSync(process.execPath, ['bin/thor-node.js', '--help'], { cwd: root, encoding: 'utf8' })
  const verbs = new Set([...help.matchAll(/^ {2}([a-z]+)( |$)/gm)].map((match) => match[1] as string))
  assert.ok(verbs.has('join') && verbs.has('status'))
  const wrong = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/(?:npx |`)thor-node ([a-z]+)/g)]
      .filter((match) => !verbs.has(match[1] as string))
      .map((match) => `${path}: thor-node ${match[1]}`),
  )
  assert.deepEqual(wrong, [])
})

// The checks themselves.

test('links are found in prose, not in code', () => {
  assert.deepEqual(linksOf('[a](b.md) `[c](d.md)`\n```\n[e](f.md)\n```\n![g](h.svg)'), ['b.md', 'h.svg'])
  assert.deepEqual(anchorsOf('# One, two `x`\n## A [b](c)'), ['one-two-x', 'a-b'])
})

test('broken links are told with the page', () => {
  const read = (path: string): string | undefined => (path === 'docs/there.md' ? '# Here\n' : undefined)
  const page = (text: string): HouseFile => ({ path: 'docs/a.md', text })
  assert.deepEqual(brokenLinks(page('[x](there.md) [x](there.md#here) [x](https://a.b)'), read), [])
  assert.equal(brokenLinks(page('[x](gone.md)'), read).length, 1)
  assert.equal(brokenLinks(page('[x](there.md#gone)'), read).length, 1)
})

test('limits are read with their values and comments', () => {
  const text =
    "/** One\n * more: refused. */\nexport const A_MAX = 2 * 1_024\nexport const b = {\n  /** C */\n  cMs: 5,\n  d: 'x',\n}\n"
  assert.deepEqual(limitsOf(text), [
    { name: 'A_MAX', value: '2,048', says: 'One more: refused.' },
    { name: 'cMs', value: '5', says: 'C' },
  ])
  assert.equal(withNumbers('# L\n', []), withNumbers(withNumbers('# L\n', []), []))
})

test('rows of a table are found below their heading', () => {
  const page = '# P\n\n## A\n\n| x | y |\n|---|---|\n| 1 | `a` b |\n| 2 | |\n\n## B\n| z |\n|---|\n| 3 |\n'
  assert.deepEqual(rowsOf(page, 'A'), [
    ['1', '`a` b'],
    ['2', ''],
  ])
  assert.deepEqual(codeIn('`a` b `c d`'), ['a', 'c d'])
})

test('methods, kinds and paths are found', () => {
  const file = (path: string, text: string): HouseFile => ({ path, text })
  assert.deepEqual(methodsOf(file('packages/sip/src/a.ts', "rpc.serve<A, B>('a.b', x)\n// rpc.serve('c.d')")), ['a.b'])
  assert.deepEqual(methodsOf(file('packages/sip/test/a.ts', "rpc.serve('a.b', x)")), [])
  assert.deepEqual(kindsOf(file('packages/nodes/src/a.ts', "recordKey('acct', x)")), ['acct'])
  assert.deepEqual(pathsIn('`sip/src/a.ts` `a/b` `packages/core/src`'), ['packages/sip/src/a.ts', 'packages/core/src'])
})

test.run()

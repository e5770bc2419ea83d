/**
 * The rules of the house. When one fails, its message says which file and what to do instead.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { suite } from 'uvu'
import {
  bannedCallRule,
  compareErrorCodes,
  documentedCodes,
  errorCodesOf,
  foreignPathRule,
  type HouseFile,
  importRule,
  importsOf,
  leftoverRule,
  lengthRule,
  libp2pRule,
  loneTestRule,
  makingRule,
  type Rule,
  suiteRunsRule,
  withoutComments,
} from './tidy/rules.ts'

const root = resolve(import.meta.dirname, '..')

/** Everything that is or could be committed; in a tarball without git, everything. */
function houseFiles(): HouseFile[] {
  let paths: string[]
  try {
    const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: root, encoding: 'utf8' })
    paths = listed.split('\0').filter((path) => path !== '')
  } catch {
    paths = globSync('**/*.{ts,js,json,md}', { cwd: root, exclude: (path) => path.includes('node_modules') })
  }
  return paths
    .filter((path) => /\.(ts|js|mjs|json|md|yaml|yml|html|sh|xml|txt)$/.test(path) && existsSync(resolve(root, path)))
    .map((path) => ({ path, text: readFileSync(resolve(root, path), 'utf8') }))
}

const files = houseFiles()

const test = suite('tidy')

const rules: readonly [name: string, rule: Rule][] = [
  ['packages see each other as the architecture says, through their doors', importRule],
  ['libp2p stays in the overlay', libp2pRule],
  ['time, chance and sockets are arguments', bannedCallRule],
  ['every suite runs', suiteRunsRule],
  ['no test runs alone', loneTestRule],
  ['nothing is left half done, nothing is untyped', leftoverRule],
  ['no folder of one machine is named', foreignPathRule],
  ['pages and code say what and why, not how they came about', makingRule],
  ['no file is too long', lengthRule],
]
for (const [name, rule] of rules) {
  test(name, () => {
    const wrong = files.flatMap(rule)
    assert.equal(wrong.length, 0, `\n${wrong.join('\n')}`)
  })
}

test('every error code is explained in docs/ERRORS.md, and none that is not raised', () => {
  const { missing, stale } = compareErrorCodes(files, readFileSync(resolve(root, 'docs/ERRORS.md'), 'utf8'))
  assert.equal(missing.length, 0, `\nadd to docs/ERRORS.md:\n${missing.join('\n')}`)
  assert.equal(stale.length, 0, `\ntake out of docs/ERRORS.md (nothing raises them):\n${stale.join('\n')}`)
})

test('there is something to look at', () => {
  assert.ok(files.filter(({ path }) => path.startsWith('packages/')).length > 50)
  assert.ok(files.some(({ path }) => path === 'test/tidy/rules.ts'))
})

// The rules themselves.

const says = (rule: Rule, path: string, text: string): boolean => rule({ path, text }).length > 0

test('the import rule knows who may see whom', () => {
  const cases: [path: string, specifier: string, wrong: boolean][] = [
    ['packages/core/src/a.ts', '@thor-node/sip', true],
    ['packages/core/src/a.ts', '@thor-node/core/testing', false],
    ['packages/sip/src/a.ts', '@thor-node/core', false],
    ['packages/sip/src/a.ts', '@thor-node/core/testing', true],
    ['packages/sip/src/a.ts', '@thor-node/media', true],
    ['packages/sip/test/a.test.ts', '@thor-node/core/testing', false],
    ['packages/sip/src/a.ts', '@thor-node/core/src/clock.ts', true],
    ['packages/sip/test/a.test.ts', '@thor-node/core/src/clock.ts', true],
    ['packages/provision/src/a.ts', '@thor-node/accounting', false],
    ['packages/provision/src/a.ts', '@thor-node/sip', true],
    ['packages/accounting/src/a.ts', '@thor-node/provision', true],
    ['packages/nodes/src/a.ts', '@thor-node/overlay', false],
    ['packages/sip/src/proxy/a.ts', '../message/b.ts', false],
    ['packages/sip/src/proxy/a.ts', '../../test/b.ts', true],
    ['packages/sip/src/a.ts', '../../core/src/clock.ts', true],
    ['packages/sip/test/a.test.ts', '../../core/src/clock.ts', true],
    ['packages/sip/test/a.test.ts', '../src/b.ts', false],
    ['bench/a.ts', '@thor-node/core/testing', false],
    ['packages/sip/src/a.ts', 'node:assert', false],
  ]
  for (const [path, specifier, wrong] of cases) {
    for (const text of [
      `import { x } from '${specifier}'`,
      `export * from '${specifier}'`,
      `await import('${specifier}')`,
    ]) {
      assert.equal(says(importRule, path, text), wrong, `${path}: ${text}`)
    }
  }
  assert.equal(says(importRule, 'packages/core/src/a.ts', "import {\n  x,\n} from '@thor-node/sip'"), true)
  assert.deepEqual(importsOf("import 'a'\n// import 'b'\nexport { c } from 'c'"), [
    { specifier: 'a', line: 1 },
    { specifier: 'c', line: 3 },
  ])
})

test('the libp2p rule knows the two folders', () => {
  for (const name of ['libp2p', '@libp2p/kad-dht', '@chainsafe/libp2p-noise', '@multiformats/multiaddr']) {
    const text = `import x from '${name}'`
    assert.equal(says(libp2pRule, 'packages/overlay/src/kad/a.ts', text), false)
    assert.equal(says(libp2pRule, 'packages/overlay/src/admission/a.ts', text), false)
    assert.equal(says(libp2pRule, 'packages/overlay/src/rpc/a.ts', text), true)
    assert.equal(says(libp2pRule, 'packages/nodes/src/a.ts', text), true)
  }
  assert.equal(says(libp2pRule, 'packages/nodes/src/a.ts', "import x from 'libp2parser'"), false)
})

test('the rule of arguments finds clocks, chance and sockets, but not in comments and not where they belong', () => {
  const bad = [
    'const now = Date.now()',
    'const now = performance.now()',
    'const today = new Date()',
    'setTimeout(fn, 1)',
    'const t = setInterval',
    'Math.random()',
    'crypto.randomUUID()',
    "import { randomBytes } from 'node:crypto'",
    "import { createSocket } from 'node:dgram'",
    "import { connect, isIP } from 'node:net'",
    "import tls from 'node:tls'",
    "import { setTimeout as wait } from 'node:timers/promises'",
  ]
  for (const text of bad) {
    assert.equal(says(bannedCallRule, 'packages/sip/src/a.ts', text), true, text)
    assert.equal(says(bannedCallRule, 'packages/sip/test/a.test.ts', text), false, text)
    assert.equal(says(bannedCallRule, 'packages/overlay/src/kad/a.ts', text), false, text)
  }
  const good = [
    '// Date.now()',
    '/* setTimeout */',
    'new Date(clock.wall())',
    "import { isIP } from 'node:net'",
    "import { isIPv4, isIPv6 } from 'node:net'",
    'const mySetTimeoutMs = 1',
  ]
  for (const text of good) assert.equal(says(bannedCallRule, 'packages/sip/src/a.ts', text), false, text)
  assert.equal(says(bannedCallRule, 'packages/overlay/src/admission/a.ts', "import tls from 'node:tls'"), false)
  assert.equal(says(bannedCallRule, 'packages/overlay/src/admission/a.ts', 'Date.now()'), true)
  assert.equal(says(bannedCallRule, 'packages/core/src/clock.ts', 'Date.now()'), false)
})

test('the suite rule wants every suite to run', () => {
  const path = 'packages/sip/test/a.test.ts'
  assert.equal(says(suiteRunsRule, path, "const test = suite('a')\ntest.run()"), false)
  assert.equal(says(suiteRunsRule, path, "const test = suite('a')"), true)
  assert.equal(says(suiteRunsRule, path, "const test = suite('a')\n// test.run()"), true)
  assert.equal(says(suiteRunsRule, path, "const a = suite('a')\nconst b = suite('b')\na.run()"), true)
  assert.equal(says(suiteRunsRule, path, "import { test } from 'uvu'\ntest.run()"), false)
  assert.equal(says(suiteRunsRule, path, "import { diskSuite } from './disk.suite.ts'\ndiskSuite()"), false)
  assert.equal(says(suiteRunsRule, 'packages/sip/test/a.suite.ts', "  const test = suite('a')"), true)
  assert.equal(says(suiteRunsRule, 'packages/sip/test/phone.ts', ''), false)
  assert.equal(says(loneTestRule, path, "test.only('x', () => {})"), true)
})

test('the leftover rule finds promises and silenced types', () => {
  const path = 'packages/sip/src/a.ts'
  const marks = [['TO', 'DO'].join(''), ['FIX', 'ME'].join(''), 'X'.repeat(3)]
  for (const mark of marks) assert.equal(says(leftoverRule, path, `// ${mark}: later`), true)
  const silencers = ['ignore', 'expect-error'].map((what) => `// @ts${'-'}${what}`)
  for (const text of [...silencers, `let x:${' any'}`, `x as${' any'}`, `new Map<${'any'}, string>()`]) {
    assert.equal(says(leftoverRule, path, text), true, text)
  }
  for (const text of ['let x: unknown', '// as any phone does', 'let company = 1', 'let x: anything']) {
    assert.equal(says(leftoverRule, path, text), false, text)
  }
})

test('the path rule finds folders of one machine', () => {
  const folder = ['', 'work', 'main'].join('/')
  assert.equal(says(foreignPathRule, 'docs/a.md', `see ${folder}/docs`), true)
  assert.equal(says(foreignPathRule, 'docs/a.md', `see ${['..', 'shared'].join('/')}/x`), true)
  assert.equal(says(foreignPathRule, 'docs/a.md', 'see docs/network/x and ../sharedness'), false)
})

test('the rule of how this was made finds lists that readers cannot see', () => {
  for (const text of [`see issue${' '}7`, `issues${' '}#12`, `helper${' '}DOCS`, `REVIEW${'-'}SIP`]) {
    assert.equal(says(makingRule, 'docs/a.md', text), true, text)
  }
  for (const text of ['an issuer of 7 keys', 'js-libp2p #3463', 'a helper for tests']) {
    assert.equal(says(makingRule, 'docs/a.md', text), false, text)
  }
})

test('the length rule counts lines', () => {
  assert.equal(says(lengthRule, 'packages/sip/src/a.ts', 'x\n'.repeat(400)), false)
  assert.equal(says(lengthRule, 'packages/sip/src/a.ts', 'x\n'.repeat(401)), true)
})

test('error codes are found in calls and in tables of files that raise them', () => {
  const file = (text: string): HouseFile => ({ path: 'packages/sip/src/a.ts', text })
  assert.deepEqual(errorCodesOf(file("throw new ThorError('SIP_A', 'x')"), []), ['SIP_A'])
  assert.deepEqual(errorCodesOf(file("throw new ThorError(\n  'SIP_A',\n  'x')"), []), ['SIP_A'])
  assert.deepEqual(errorCodesOf(file("const t = { E: 'NET_B' }; new ThorError(t.E)"), ['NET']), ['NET_B'])
  assert.deepEqual(errorCodesOf(file("const env = 'THOR_DATA'; new ThorError(x)"), ['NET']), [])
  const markdown = '| Code | Meaning |\n|---|---|\n| `SIP_A` | a |\n| `SIP_OLD` | b |\n'
  assert.deepEqual(documentedCodes(markdown), ['SIP_A', 'SIP_OLD'])
  assert.deepEqual(compareErrorCodes([file("new ThorError('SIP_A', ''); new ThorError('SIP_NEW', '')")], markdown), {
    missing: ['SIP_NEW (packages/sip/src/a.ts)'],
    stale: ['SIP_OLD'],
  })
})

test('comments go, code and line numbers stay', () => {
  assert.equal(withoutComments("a // b\n/* c\nd */ e 'sip://f'"), "a \n    \n     e 'sip://f'")
})

test.run()

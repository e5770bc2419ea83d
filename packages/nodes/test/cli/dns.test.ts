/** `dns` and `enum`: what is asked of the node, and what is shown. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseRow } from '../../src/cli/enum.ts'
import { FakeOperations } from '../control/fake.ts'
import { run, type TestConsole, testConsole } from './fixtures.ts'

const test = suite('cli: dns and enum')

let operations: FakeOperations
let console: TestConsole
let folder: string
test.before.each(() => {
  operations = new FakeOperations()
  console = testConsole(operations)
  folder = mkdtempSync(join(tmpdir(), 'thor-cli-'))
})
test.after.each(() => rmSync(folder, { recursive: true }))

const asked = (): unknown => operations.asked.at(-1)

test('zones and records are shown as tables, an export is a zone file', async () => {
  assert.match((await run(console, 'dns', 'list')).out, /example\.com\s+7\s+1\s+the nodes\s+2026-11-23 12:00:00 UTC/)
  assert.match(
    (await run(console, 'dns', 'show', 'example.com')).out,
    /16385\s+example\.com\s+60\s+MX\s+10 mail\.example\.com\./,
  )
  assert.is((await run(console, 'dns', 'export', 'example.com')).out, '$ORIGIN example.com.')
})

test('set takes a value of several words', async () => {
  await run(console, 'dns', 'set', 'example.com', '_sip._udp', 'SRV', '10', '20', '5060', 'proxy', '--ttl', '0')
  assert.equal(asked(), [
    'dnsSet',
    { zone: 'example.com', name: '_sip._udp', type: 'SRV', value: '10 20 5060 proxy', ttl: 0 },
  ])
})

test('import sends the file, and says when it cannot be read', async () => {
  const file = join(folder, 'zone')
  writeFileSync(file, '@ A 192.0.2.1\n')
  await run(console, 'dns', 'import', 'example.com', file)
  assert.equal(asked(), ['dnsImport', { zone: 'example.com', text: '@ A 192.0.2.1\n' }])
  const { code, errors: err } = await run(console, 'dns', 'import', 'example.com', join(folder, 'none'))
  assert.is(code, 1)
  assert.match(err, /none cannot be read/)
})

test('a check that finds something wrong is a failure for programs', async () => {
  assert.is((await run(console, 'dns', 'check', 'example.com')).code, 0)
  operations.dnsCheck = async () => ({ delegate: [], findings: [{ ok: false, text: 'n1 does not answer' }] })
  const { code, out } = await run(console, 'dns', 'check', 'example.com')
  assert.is(code, 1)
  assert.match(out, /no\s+n1 does not answer/)
})

test('a number is added to the tree that is named', async () => {
  const words = ['+31208005100', 'voice:tel', 'tel:+31201', '--tree', 'e164.example', '--priority', '0']
  await run(console, 'enum', 'add', ...words)
  const mapping = { type: 'voice:tel', mapto: 'tel:+31201', priority: 0, ttl: 3_600 }
  assert.equal(asked(), ['enumAdd', { tree: 'e164.example', number: '+31208005100', mappings: [mapping] }])
  assert.match((await run(console, 'enum', 'ranges')).out, /\+3120\s+e164\.arpa\s+11\s+2\s+9\s+0\.2\.1\.3\.e164\.arpa/)
})

test('load sends rows in order, in batches that do not divide a number', async () => {
  const file = join(folder, 'numbers.csv')
  const rows = Array.from(
    { length: 2_500 },
    (_, i) => `+3120${String(8_000_000 - (i >> 1))},${i % 2 ? 'pres' : 'sip'},sip:u${i}@example.com`,
  )
  writeFileSync(file, ['number,type,uri', '# a comment', ...rows, ''].join('\n'))
  const { code, out } = await run(console, 'enum', 'load', file)
  assert.is(code, 0)
  assert.match(out, /^2500 numbers are in e164\.arpa/)
  const batches = operations.asked
    .filter(([name]) => name === 'enumLoad')
    .map(([, query]) => (query as { rows: string[][] }).rows)
  assert.ok(batches.length > 1)
  assert.is(batches.flat().length, 2_500)
  const numbers = batches.flat().map(([number]) => number)
  assert.equal(numbers, numbers.toSorted())
  for (const [index, batch] of batches.entries()) {
    if (index > 0) assert.not.equal(batch[0]?.[0], batches[index - 1]?.at(-1)?.[0])
  }
})

test('a row that is none is named by its line', async () => {
  const file = join(folder, 'numbers.csv')
  writeFileSync(file, '+31208005100,sip,sip:a@b\n+31208005101,sip\n')
  const { code, errors: err } = await run(console, 'enum', 'load', file)
  assert.is(code, 1)
  assert.match(err, /line 2: is not number,type,mapto/)
})

test('rows may have quotes', () => {
  assert.equal(parseRow('"+31 20","sip","sip:a,""b""@c", 10,, 7', 1), [
    '+31 20',
    'sip',
    'sip:a,"b"@c',
    10,
    undefined,
    7,
  ])
  assert.throws(() => parseRow('1,sip,sip:a@b,x', 5), /line 5/)
})

test.run()

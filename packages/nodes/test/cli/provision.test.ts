import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ThorError } from '@thor-node/core'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readAccounts } from '../../src/cli/account-file.ts'
import { argumentsOf } from '../../src/cli/api.ts'
import { csvLine, readCsv } from '../../src/cli/csv.ts'
import { FakeOperations } from '../control/fake.ts'
import { run, testConsole } from './fixtures.ts'

const test = suite('nodes: provisioning on the command line')

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size)
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = []
  for await (const item of items) out.push(item)
  return out
}

test('CSV is read however it is cut, with quotes, commas and lines in fields', async () => {
  const rows = [
    ['a', 'b "x", c', 'two\nlines'],
    ['', 'ü', ''],
    ['last', '', '1,5'],
  ]
  const text = `\ufeff${rows.map(csvLine).join('\r\n')}\r\n\r\n`
  for (const size of [1, 2, 3, 7, 1_000]) assert.equal(await collect(readCsv(pieces(text, size))), rows, `${size}`)
  for (const broken of ['a,"b', `"${'x'.repeat(70_000)}`]) {
    let code = ''
    await collect(readCsv(pieces(broken, 100))).catch((error) => {
      code = error.code
    })
    assert.is(code, 'NODE_BAD_FILE')
  }
})

test('accounts are read from CSV and from JSON lines', async () => {
  const csv =
    'username,domain,groups,prepaid,quota,balance,firstName\nal,example.com,a b,yes,7,2.5,\nbo,example.com,,no,,,"B, C"\n'
  assert.equal(await collect(readAccounts(pieces(csv, 5), 'csv')), [
    { username: 'al', domain: 'example.com', groups: ['a', 'b'], prepaid: true, quota: 7, balance: 2.5 },
    { username: 'bo', domain: 'example.com', prepaid: false, firstName: 'B, C' },
  ])
  const lines = '{"username":"al"}\n\n{"username":"bo"}'
  assert.equal(await collect(readAccounts(pieces(lines, 4), 'jsonl')), [{ username: 'al' }, { username: 'bo' }])
  for (const [text, format] of [
    ['user,domain\n', 'csv'],
    ['[]\n', 'jsonl'],
    ['{"a"\n', 'jsonl'],
  ] as const) {
    let code = ''
    await collect(readAccounts(pieces(text, 100), format)).catch((error) => {
      code = error.code
    })
    assert.is(code, 'NODE_BAD_FILE', text)
  }
})

test('arguments are words, members of them, or JSON', () => {
  assert.equal(argumentsOf(['sipId=alice@example.com', 'count=5', 'a.b.c=x', 'a.d=[1]']), {
    sipId: 'alice@example.com',
    count: 5,
    a: { b: { c: 'x' }, d: [1] },
  })
  assert.equal(argumentsOf(['{"a": 1}']), { a: 1 })
  assert.throws(() => argumentsOf(['word']))
})

test('operations, administrators, tokens and the audit log have their verbs', async () => {
  const operations = new FakeOperations()
  const console = testConsole(operations)
  assert.match(
    (await run(console, 'api', 'list', 'voicemail')).out,
    /Voicemail\.setAnnouncement\s+sipId:SipId message:string/,
  )
  assert.is((await run(console, 'api', 'Sip.getAccount', 'sipId=a@b')).out, '{\n  "id": 1\n}')
  assert.equal(operations.asked.at(-1), ['apiCall', { operation: 'Sip.getAccount', args: { sipId: 'a@b' } }])
  assert.is((await run(console, 'api', 'Sip.addToGroup', 'group=x')).out, 'Done.')
  assert.is((await run(console, 'admin', 'add', 'eve')).out, 'User:     eve\nPassword: made')
  assert.match((await run(console, 'admin', 'list')).out, /eve\s+2026-11-23/)
  assert.is((await run(console, 'admin', 'remove', 'eve')).out, 'Removed eve.')
  assert.match(
    (await run(console, 'token', 'add', 'shop', '--scope', 'Sip', 'read', '--customer', '7', '--ttl', '1d')).out,
    /^thor_/,
  )
  const query = { name: 'shop', scopes: ['Sip', 'read'], customer: 7, ttlSeconds: 86_400 }
  assert.equal(operations.asked.at(-1), ['tokenAdd', query])
  assert.match((await run(console, 'token', 'list')).out, /0123456789ab\s+portal\s+all\s+7/)
  assert.is((await run(console, 'token', 'remove', '0123456789ab')).out, 'Removed 0123456789ab.')
  assert.match((await run(console, 'audit', 'alice')).out, /admin\s+7\s+192\.0\.2\.1 soap\s+Sip\.addAccount/)
  assert.equal(operations.asked.at(-1), ['auditRead', { about: 'alice' }])
})

test('an import goes in parts, tells what was refused, and goes on where it stopped', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'thor-import-'))
  try {
    const path = join(folder, 'accounts.jsonl')
    const names = Array.from({ length: 450 }, (_, index) => (index === 210 ? 'wrong' : `u${index}`))
    writeFileSync(path, names.map((username) => JSON.stringify({ username, domain: 'd' })).join('\n'))
    const operations = new FakeOperations()
    const console = testConsole(operations)
    operations.importBreaksAt = 250
    const broken = await run(console, 'import', path)
    assert.is(broken.code, 1)
    assert.match(broken.errors, /stopped after row 200: the node is gone\. Go on with --from 201/)
    operations.importBreaksAt = Number.POSITIVE_INFINITY
    const rest = await run(console, 'import', path, '--from', '201')
    assert.is(rest.code, 1, 'a row was refused')
    assert.match(rest.errors, /row 211: PROVISION_INVALID_VALUE: no/)
    assert.match(rest.out, /^450 rows: 249 added, 0 updated, 1 refused/)
    assert.equal(
      operations.imported.map(({ username }) => username),
      names,
    )
    const csv = join(folder, 'accounts.csv')
    const done = await run(testConsole(operations), 'export', csv)
    assert.is(done.out, `2500 accounts in ${csv}`)
    const written = readFileSync(csv, 'utf8').trimEnd().split('\n')
    assert.is(written.length, 2_501)
    assert.match(written[1] ?? '', /^u0,d,.*,a b,/)
    operations.accountsExport = async () => {
      throw new ThorError('CONTROL_NOT_RUNNING', 'no node runs')
    }
    assert.is((await run(testConsole(operations), 'export', csv)).code, 69)
    assert.is(readFileSync(csv, 'utf8').trimEnd().split('\n').length, 2_501, 'an older file is still there')
    const missing = await run(testConsole(operations), 'import', join(folder, 'nothing.csv'))
    assert.is(missing.code, 1)
    assert.match(missing.errors, /^thor-node: cannot read .*nothing\.csv: ENOENT/)
    const again = await run(testConsole(operations), 'import', csv)
    assert.is(again.code, 0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a capture that cannot be written is found out before anything is traced', async () => {
  const operations = new FakeOperations()
  const words = ['trace', 'alice@example.com', '--pcap', '/nowhere/at/all.pcap']
  const { code, errors } = await run(testConsole(operations), ...words)
  assert.is(code, 1)
  assert.match(errors, /cannot write \/nowhere\/at\/all\.pcap/)
  assert.equal(operations.asked, [])
})

test.run()

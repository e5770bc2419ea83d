import { ThorError } from '@thor-node/core'
import { deadline, settle } from '@thor-node/core/testing'
import type { Command } from 'commander'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createProgram } from '../../src/cli/program.ts'
import { FakeOperations } from '../control/fake.ts'
import { run, type TestConsole, testConsole } from './fixtures.ts'

const verbs = suite('verbs')

let operations: FakeOperations
let console: TestConsole
verbs.before.each(() => {
  operations = new FakeOperations()
  console = testConsole(operations)
})

verbs('every verb has a help that teaches with an example', async () => {
  const leaves = (command: Command, path: string[]): string[][] => {
    const below = command.commands.filter((sub) => sub.name() !== 'help')
    return [path, ...below.flatMap((sub) => leaves(sub, [...path, sub.name()]))]
  }
  const all = leaves(createProgram(console), [])
  assert.ok(all.length > 15)
  for (const path of all) {
    const { code, out, errors } = await run(console, ...path, '--help')
    assert.is(code, 0, path.join(' '))
    assert.is(errors, '')
    assert.match(out, /Usage: thor-node/)
    assert.match(out, `Examples:\n  thor-node ${path.join(' ')}`.trimEnd())
  }
})

verbs('status draws a table with the node that was asked marked, and a line about the ring', async () => {
  const { code, out } = await run(console, 'status')
  assert.is(code, 0)
  assert.equal(out.split('\n'), [
    'thor.local: 1,234 accounts, 1 registration, 0 calls',
    'Ring: 2 live nodes, 4096 of 4096 ranges lack a replica, 3 ranges are moving.',
    '',
    'NODE  STATE        ADDRESS    PORTS                          ZONE     VERSION     UPTIME  HOLDS  HOME  ROLES',
    'n1 *  alive        192.0.2.1  sip 5060, soap 9200, dns 1053  default  0.1.0    1 h 2 min   4096  2050  sip-proxy media-relay',
    'n2    not serving  192.0.2.2  sip 5060/udp, sip 5062/tcp     default  0.1.0         12 s   4096  2046  sip-proxy',
    'n3    dead         192.0.2.3                                 default  0.1.0            -      -     -',
    '',
    '* this node; HOLDS and HOME count ranges',
  ])
})

verbs('status --ring draws the nodes that are known', async () => {
  const { out } = await run(console, 'status', '--ring')
  assert.match(out, /● n1/)
  assert.match(out, /✕ n3/)
  assert.match(out, /home of 2050/)
})

verbs(
  'status --watch asks again every second',
  deadline(5_000, async () => {
    let left = 3
    operations.status = async () => {
      if (left-- === 0) throw new ThorError('CONTROL_NOT_RUNNING', 'gone')
      return {
        domain: 'd',
        nodes: [],
        totals: { accounts: left, registrations: 0, calls: 0 },
        ring: { ranges: 4096, underReplicated: 0, closed: 0, changing: 0 },
      }
    }
    const running = run(console, 'status', '--watch', '--json')
    for (let second = 0; second < 4; second++) {
      await settle()
      await console.clock.advance(1_000)
    }
    const { code, out } = await running
    assert.is(code, 69)
    assert.equal(
      out.split('\n').map((line) => JSON.parse(line).totals.accounts),
      [2, 1, 0],
    )
  }),
)

const jsonVerbs = [
  ['status'],
  ['account', 'add', 'alice@thor.local'],
  ['account', 'list'],
  ['domain', 'list'],
  ['calls'],
  ['where', 'alice@thor.local'],
  ['peer', 'list'],
  ['peer', 'add', 'trunk1', '--from', '192.0.2.7'],
  ['peer', 'remove', 'trunk1'],
  ['trunk', 'list'],
  ['trunk', 'show', 'carrier'],
  ['trunk', 'add', 'carrier', '--to', 'carrier.example'],
  ['trunk', 'remove', 'carrier'],
  ['dns', 'list'],
  ['dns', 'add', 'example.com'],
  ['dns', 'show', 'example.com'],
  ['dns', 'set', 'example.com', '@', 'MX', '10', 'mail.example.com.'],
  ['dns', 'unset', '16385'],
  ['dns', 'export', 'example.com'],
  ['dns', 'template', 'example.com'],
  ['dns', 'check', 'example.com'],
  ['dns', 'remove', 'example.com'],
  ['enum', 'ranges'],
  ['enum', 'range-add', '+3120', '--min', '11'],
  ['enum', 'range-remove', '+3120'],
  ['enum', 'add', '+31208005100', 'sip', 'sip:alice@example.com'],
  ['enum', 'show', '+31208005100'],
  ['enum', 'remove', '+31208005100'],
  ['enum', 'lookup', '+31208005100'],
  ['guard', 'list'],
  ['guard', 'unblock', '192.0.2.7'],
  ['guard', 'block', 'alice@thor.local'],
  ['invite'],
  ['admin', 'password'],
  ['config', 'check'],
  ['version'],
]
for (const words of jsonVerbs) {
  verbs(`${words.join(' ')} --json prints one JSON value`, async () => {
    const { code, out } = await run(console, ...words, '--json')
    assert.is(code, 0)
    assert.type(JSON.parse(out), 'object')
  })
}

verbs('peer add says all that a peer may, and list shows it', async () => {
  const words = ['--from', '192.0.2.7', '198.51.100.0/24', '--calls', '30', '--per-second', '5', '--relay']
  const { out } = await run(console, 'peer', 'add', 'trunk1', ...words, '--domain', 'Example.com')
  assert.is(out, 'trunk1 is trusted by all nodes.')
  const limits = { callsMax: 30, callsPerSecond: 5, relay: true, domain: 'Example.com' }
  const query = { name: 'trunk1', prefixes: ['192.0.2.7', '198.51.100.0/24'], tlsNames: [], ...limits }
  assert.equal(operations.asked.at(-1), ['peerAdd', query])
  assert.match((await run(console, 'peer', 'list')).out, /trunk1\s+192\.0\.2\.0\/24\s+2\s+30\s+any\s+no/)
})

verbs('trunk add says all that a trunk may, and list and show tell how it is', async () => {
  const words = ['--user', '3120999', '--password', 's3cret', '--register', '--prefix', '+', 'any', '--calls', '30']
  const more = ['--expires', '300', '--probe', '0', '--peer', 'carrier', '--domain', 'Example.com']
  const { out } = await run(console, 'trunk', 'add', 'carrier', '--to', '192.0.2.7:5080', ...words, ...more)
  assert.match(out, /All nodes know the trunk carrier/)
  const query = {
    name: 'carrier',
    target: 'sip:192.0.2.7:5080',
    register: true,
    expiresSeconds: 300,
    prefixes: ['+', ''],
    callsMax: 30,
    from: 'trunk',
    probeSeconds: 0,
    failures: 3,
    successes: 2,
    domain: 'Example.com',
    user: '3120999',
    password: 's3cret',
    peer: 'carrier',
  }
  assert.equal(operations.asked.at(-1), ['trunkAdd', query])
  const { out: list } = await run(console, 'trunk', 'list')
  assert.match(list, /carrier\s+sip:carrier\.example;transport=tcp\s+up\s+yes\s+n2\s+\+ any\s+3\s+30\s+carrier/)
  const { trunk } = operations
  operations.trunk = {
    ...trunk,
    up: false,
    registration: { phase: 'backing-off', registered: false, status: 403, reason: 'Forbidden' },
  }
  assert.match((await run(console, 'trunk', 'list')).out, /down\s+no: 403 Forbidden/)
  const { out: shown } = await run(console, 'trunk', 'show', 'carrier')
  assert.match(shown, /Password\s+set/)
  assert.not.match(shown, /s3cret/)
  operations.trunkList = async () => ({ trunks: [] })
  assert.match((await run(console, 'trunk', 'list')).out, /There are no trunks/)
  assert.is((await run(console, 'trunk', 'add', 'x')).code, 2, 'without --to')
})

verbs('guard list says who is blocked, why and how long', async () => {
  const { out } = await run(console, 'guard', 'list')
  assert.match(out, /192\.0\.2\.7\s+failed-logins\s+2026-11-23 12:00:00\s+599\s+none\s+12/)
  operations.guardList = async () => ({ blocks: [] })
  assert.is((await run(console, 'guard', 'list')).out, 'Nobody is blocked.')
})

verbs('account add makes a password and tells it, or takes one and is silent', async () => {
  const made = await run(console, 'account', 'add', 'alice@thor.local')
  assert.is(made.out, 'Added alice@thor.local.\nPassword: made-up-one   (shown this once)')
  const given = await run(console, 'account', 'add', 'bob@thor.local', '--password', 'pw', '--name', 'Bob')
  assert.is(given.out, 'Added bob@thor.local.')
  assert.equal(operations.asked.at(-1), [
    'accountAdd',
    { aor: 'bob@thor.local', password: 'pw', displayName: 'Bob', email: undefined },
  ])
})

verbs('accounts are listed, shown and removed', async () => {
  assert.match((await run(console, 'account', 'list')).out, 'There are no accounts.')
  await run(console, 'account', 'add', 'alice@thor.local')
  await run(console, 'account', 'add', 'bob@thor.local')
  assert.match((await run(console, 'account', 'list')).out, /ACCOUNT .*\nalice@thor\.local .*\nbob@thor\.local/)
  assert.match((await run(console, 'account', 'list', '--limit', '1')).out, '1 of 2 shown')
  assert.match((await run(console, 'account', 'show', 'bob@thor.local')).out, /^Account +bob@thor\.local\n/)
  assert.is((await run(console, 'account', 'remove', 'bob@thor.local')).out, 'Removed bob@thor.local.')
  const gone = await run(console, 'account', 'show', 'bob@thor.local')
  assert.is(gone.code, 1)
  assert.is(gone.errors, 'thor-node: There is no account bob@thor.local.')
})

verbs('calls are a table', async () => {
  const { out } = await run(console, 'calls', 'alice@thor.local', '--limit', '7')
  assert.match(out, /2026-11-23 12:00:00 +alice@thor\.local +bob@thor\.local +1 min 5 s +bye-caller +1\.1 MB +PCMA/)
  assert.equal(operations.asked.at(-1), ['calls', { account: 'alice@thor.local', limit: 7, current: undefined }])
  assert.is((await run(console, 'calls', '--current')).out, 'No call goes on.')
  assert.not.match(out, /ENUM/)
  assert.match(
    (await run(console, 'calls', 'led@thor.local')).out,
    /CALL +ENUM\n.*0af-0123456789abcdef01234567 +e164\.arpa/,
  )
})

verbs('where tells home, replicas and devices', async () => {
  const { out } = await run(console, 'where', 'alice@thor.local')
  assert.match(out, 'alice@thor.local is an account.\nRange 175, home n2, replicas n2, n3 (not live).')
  assert.match(out, /sip:alice@10\.0\.0\.7:5070 +n1 +udp +198\.51\.100\.7:5070 +9 min +1 +baresip/)
})

verbs('an invite is a command for the next server', async () => {
  const { out } = await run(console, 'invite', '--ttl', '30m')
  assert.match(out, 'npx thor-node join thor1abc')
  assert.equal(operations.asked.at(-1), ['invite', { ttlSeconds: 1_800 }])
})

verbs('the node is found by --data, THOR_DATA, or the default', async () => {
  await run(console, 'status', '--data', '/srv/n2')
  await run(console, 'status')
  const other = testConsole(operations, { THOR_DATA: '/srv/n3' })
  await run(other, 'status')
  assert.equal([...console.connected, ...other.connected], ['/srv/n2', '/home/test/.local/share/thor-node', '/srv/n3'])
})

const failures: [what: string, words: string[], code: number, expected: RegExp][] = [
  ['an unknown verb', ['statsu'], 2, /unknown command 'statsu'/],
  ['an unknown option', ['status', '--jsn'], 2, /Did you mean --json\?/],
  ['a missing argument', ['where'], 2, /missing required argument 'address'/],
  ['a bad duration', ['invite', '--ttl', 'soon'], 2, /It must be a duration/],
  ['an invite for too long', ['invite', '--ttl', '2d'], 2, /a day \(24h\) at most/],
  ['a bad number', ['calls', '--limit', '0'], 2, /whole number of 1 or more/],
  ['a bad setting', ['config', 'check', '--sip-udp', 'x'], 2, /^thor-node: sip\.udp is "x" \(--sip-udp\)/],
]
for (const [what, words, code, expected] of failures) {
  verbs(`${what} ends with ${code}`, async () => {
    const result = await run(console, ...words)
    assert.is(result.code, code)
    assert.match(result.errors, expected)
    if (code === 2 && !result.errors.startsWith('thor-node:')) assert.match(result.errors, '--help')
    assert.is(result.out, '')
  })
}

verbs('a node that does not run ends with 69', async () => {
  operations.status = () => Promise.reject(new ThorError('CONTROL_NOT_RUNNING', 'no node runs here'))
  assert.equal(await run(console, 'status'), { code: 69, out: '', errors: 'thor-node: no node runs here' })
})

verbs('config check shows each setting with its source', async () => {
  const other = testConsole(operations, { THOR_SIP_TCP: '5080', THOR_LOG_FORMAT: 'pretty' })
  const { code, out } = await run(other, 'config', 'check', '--sip-udp', '5070', '--log', 'json')
  assert.is(code, 0)
  assert.match(out, /sip\.udp +5070 +--sip-udp\n/)
  assert.match(out, /sip\.tcp +5080 +THOR_SIP_TCP\n/)
  assert.match(out, /log\.format +json +--log-format\n/)
  assert.match(out, /dns\.port +53 +default\n/)
  assert.match(out, /The settings are valid\.$/)
})

verbs.run()

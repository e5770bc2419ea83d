/** The programs of examples/ do what their first lines say. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { connectControl, type NodeOperations } from '@thor-node/nodes'
import { suite } from 'uvu'
import { run } from './support/programs.ts'

const root = resolve(import.meta.dirname, '..')
const NET = '127.44.5'
const PYTHON = '/usr/bin/python3'
const hasZeep = spawnSync(PYTHON, ['-c', 'import zeep']).status === 0
if (!hasZeep) console.log('SKIP examples/provision.py: /usr/bin/python3 has no zeep (Debian package python3-zeep)')

const test = suite('examples')
let base: string
let ring: ChildProcess
let printed = ''
let node: NodeOperations

test.before(
  deadline(45_000, async () => {
    base = mkdtempSync(join(tmpdir(), 'thor-examples-'))
    ring = spawn('sh', ['examples/join-three.sh', base, NET], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [ring.stdout, ring.stderr]) {
      stream?.on('data', (chunk) => {
        printed += chunk
      })
    }
    await eventually(() => printed.includes('Ready.') || ring.exitCode !== null, 40_000, 'the ring')
    assert.equal(ring.exitCode, null, printed)
    node = connectControl(join(base, 'n2'))
  }),
)

test.after(
  deadline(20_000, async () => {
    if (ring.exitCode === null) {
      const ended = new Promise((done) => ring.once('close', done))
      ring.kill('SIGTERM')
      await ended
    }
    rmSync(base, { recursive: true, force: true })
  }),
)

test(
  'join-three.sh makes a ring of three that knows an account everywhere',
  deadline(10_000, async () => {
    const { nodes } = await node.status()
    assert.deepEqual(
      nodes.map(({ name, state, address }) => [name, state, address]),
      [1, 2, 3].map((number) => [`n${number}`, 'alive', `${NET}.${number}`]),
    )
    assert.match(printed, /alice@thor\.local is an account/)
  }),
)

test(
  'register.ts registers at any node, is found, and removes itself; a wrong password is refused',
  deadline(20_000, async () => {
    const { password } = await node.accountAdd({ aor: 'bob@thor.local' })
    const args = (secret: string): string[] => [
      'examples/register.ts',
      'bob@thor.local',
      secret,
      `${NET}.3`,
      `${NET}.9`,
    ]
    const good = await run(process.execPath, args(password), { cwd: root })
    assert.equal(good.code, 0, good.stderr)
    assert.match(good.stdout, /Expires 300: 200 OK\n {2}<sip:bob@127\.44\.5\.9:\d+>;expires=300\n/)
    assert.match(good.stdout, /Expires 0: 200 OK\n$/)
    assert.deepEqual((await node.where({ aor: 'bob@thor.local' })).contacts, [])
    const bad = await run(process.execPath, args('wrong'), { cwd: root })
    assert.equal(bad.code, 1)
    assert.match(bad.stdout, /403 Forbidden/)
  }),
)

;(hasZeep ? test : test.skip)(
  'provision.py adds an account at one node that another one shows, and may be run again',
  deadline(30_000, async () => {
    const { password } = await node.adminPassword({})
    const args = ['examples/provision.py', `http://${NET}.1:9200/`, password, 'carol@thor.local', 's3cret']
    const first = await run(PYTHON, args, { cwd: root })
    assert.equal(first.code, 0, first.stderr)
    assert.match(first.stdout, /added carol@thor\.local\ngroups: free-pstn\ncalls: 0 placed, 0 received\n/)
    assert.deepEqual((await node.accountShow({ aor: 'carol@thor.local' })).groups, ['free-pstn'])
    const again = await run(PYTHON, args, { cwd: root })
    assert.match(again.stdout, /^carol@thor\.local is there already\n/)
  }),
)

test.run()

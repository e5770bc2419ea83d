/** Nodes come and go: invites, joining, a node killed, all nodes killed, a planned leave (HA-05, HA-07). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { run } from '../support/programs.ts'

const test = suite('e2e: membership')
const bin = resolve(import.meta.dirname, '../../bin/thor-node.js')
const NET = '127.28.1'

let cluster: Cluster
let scratch: string

/** Tries to join as a user would, and tells how that ended. */
const tryJoin = (invite: string, name: string): ReturnType<typeof run> => {
  const args = ['join', invite, '--data', join(scratch, name), '--address', `${NET}.99`, '--dns-port', '5353']
  return run(process.execPath, [bin, ...args], { timeoutMs: 30_000 })
}

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode

test.before(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'thor-members-'))
  cluster = await startCluster({ net: NET, nodes: 3 })
  await cluster.settled()
})
test.after(async () => {
  await cluster?.stop()
  rmSync(scratch, { recursive: true, force: true })
})

test(
  'an invite that is wrong, used or expired is refused with a sentence',
  deadline(90_000, async () => {
    const garbage = await tryJoin('thor1-nonsense', 'a')
    assert.is.not(garbage.code, 0)
    assert.match(garbage.stderr, /invite/)

    const { invite } = await node(2).operations.invite({})
    // In the middle, where every bit counts: the last character carries two only.
    const changed = `${invite.slice(0, 60)}${invite[60] === 'A' ? 'B' : 'A'}${invite.slice(61)}`
    const wrong = await tryJoin(changed, 'b')
    assert.is.not(wrong.code, 0)
    assert.match(wrong.stderr, /thor-node ends: |thor-node: /)

    const short = await node(1).operations.invite({ ttlSeconds: 1 })
    await eventually(() => Date.now() > short.expiresAt, 5_000, 'the invite expired')
    const late = await tryJoin(short.invite, 'c')
    assert.is.not(late.code, 0)
    assert.match(late.stderr, /expired/)
  }),
)

test(
  'an invite makes one member: who comes second is refused',
  deadline(90_000, async () => {
    const { invite } = await node(3).operations.invite({})
    const args = ['join', invite, '--data', join(scratch, 'd'), '--address', `${NET}.98`, '--dns-port', '5353']
    const fourth = spawn(process.execPath, [bin, ...args], { stdio: 'ignore' })
    const ended = new Promise((done) => fourth.once('exit', done))
    await eventually(
      async () => {
        const { nodes } = await node(1).operations.status()
        return nodes.some((member) => member.address === `${NET}.98` && member.serving)
      },
      60_000,
      'the fourth node serving',
    )
    const second = await tryJoin(invite, 'e')
    assert.is.not(second.code, 0)
    assert.match(second.stderr, /used/)

    const leaving = await run(process.execPath, [bin, 'leave', '--data', join(scratch, 'd')], { timeoutMs: 60_000 })
    assert.is(leaving.code, 0, leaving.stderr)
    await ended
    const { nodes } = await node(1).operations.status()
    assert.is(nodes.find((member) => member.address === `${NET}.98`)?.state, 'left')
    const again = await run(process.execPath, [bin, ...args.toSpliced(1, 1)], { timeoutMs: 30_000 })
    assert.is.not(again.code, 0)
    assert.match(again.stderr, /has left its ring/)
  }),
)

test(
  'what one node wrote every other reads at once, also while one is dead, and after it came back',
  deadline(120_000, async () => {
    await cluster.settled()
    for (const [index, writer] of cluster.nodes.entries()) {
      const aor = `u${index}@thor.local`
      await writer.operations.accountAdd({ aor, password: 'x' })
      for (const reader of cluster.nodes) assert.is((await reader.operations.accountShow({ aor })).aor, aor)
    }
    await cluster.kill(node(1))
    await node(2).operations.accountAdd({ aor: 'while@thor.local', password: 'x' })
    assert.is((await node(3).operations.accountShow({ aor: 'while@thor.local' })).aor, 'while@thor.local')
    assert.is((await node(3).operations.accountList({})).total, 4)
    await eventually(
      async () => (await node(2).operations.status()).nodes.find((member) => member.name === 'n1')?.state === 'dead',
      10_000,
      'n1 known to be dead',
    )
    await cluster.restart(node(1))
    await cluster.settled()
    assert.is((await node(1).operations.accountShow({ aor: 'while@thor.local' })).aor, 'while@thor.local')
  }),
)

test(
  'all nodes killed at once come back by themselves, with everything acknowledged',
  deadline(120_000, async () => {
    await Promise.all(cluster.nodes.map((one) => cluster.kill(one)))
    await Promise.all(cluster.nodes.toReversed().map((one) => cluster.restart(one)))
    await cluster.settled()
    for (const reader of cluster.nodes) assert.is((await reader.operations.accountList({})).total, 4)
    await node(1).operations.accountAdd({ aor: 'after@thor.local', password: 'x' })
    assert.is((await node(2).operations.accountShow({ aor: 'after@thor.local' })).aor, 'after@thor.local')
  }),
)

test(
  'a node stops cleanly at SIGTERM, and two do not run on one data directory',
  deadline(60_000, async () => {
    const { process: child, data } = node(3)
    const second = await run(
      process.execPath,
      [bin, 'join', '--data', data, '--address', `${NET}.97`, '--dns-port', '5353'],
      { timeoutMs: 30_000 },
    )
    assert.is.not(second.code, 0)
    assert.match(second.stderr, /data directory|already|in use|lock/i)
    const code = new Promise((done) => child.once('exit', done))
    child.kill('SIGTERM')
    assert.is(await code, 0)
  }),
)

test(
  'a first start that found its port in use makes the ring when it is started again',
  deadline(60_000, async () => {
    const data = join(scratch, 'first')
    const port = createServer()
    port.listen(7400, `${NET}.96`)
    await once(port, 'listening')
    const args = [bin, 'join', '--data', data, '--address', `${NET}.96`, '--dns-port', '5353']
    const failed = await run(process.execPath, args, { timeoutMs: 30_000 })
    port.close()
    assert.is.not(failed.code, 0)
    assert.match(failed.stderr, /7400/)
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(child, 'exit')
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    await eventually(() => /first node/.test(output), 30_000, 'the first node of a ring')
    child.kill('SIGTERM')
    assert.equal(await ended, [0, null])
  }),
)

test.run()

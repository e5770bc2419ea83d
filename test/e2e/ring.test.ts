/** What operators of the ring use, on real nodes by the real command: show, verify, drain, leave, recover (HA-04, HA-07). */
import { resolve } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { run } from '../support/programs.ts'

const test = suite('e2e: ring')
const bin = resolve(import.meta.dirname, '../../bin/thor-node.js')

let cluster: Cluster
const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const at = (one: ClusterNode, ...words: string[]): ReturnType<typeof run> =>
  run(process.execPath, [bin, ...words, '--data', one.data], { timeoutMs: 60_000 })

test.before(async () => {
  cluster = await startCluster({ net: '127.33.1', nodes: 3 })
  await cluster.settled()
})
test.after(() => cluster?.stop())

test(
  'show draws all ranges and tells of one account; verify proves three equal copies',
  deadline(90_000, async () => {
    for (let i = 0; i < 5; i++) await node(1).operations.accountAdd({ aor: `u${i}@thor.local`, password: 'x' })
    const shown = await at(node(2), 'ring', 'show')
    assert.is(shown.code, 0, shown.stderr)
    assert.is(shown.stdout.split('\n').filter((line) => /^[abcABC]{128}$/.test(line)).length, 32)
    const { stdout } = await at(node(3), 'ring', 'show', 'u1@thor.local', '--json')
    const one = JSON.parse(stdout)
    assert.equal(one.members.map(({ name }: { name: string }) => name).sort(), ['n1', 'n2', 'n3'])
    assert.ok(
      one.members.every(
        (member: { copy: string; epoch: number }) => member.copy === 'whole' && member.epoch === one.epoch,
      ),
    )
    const verified = await at(node(2), 'ring', 'verify', '--json')
    assert.is(verified.code, 0, verified.stdout)
    assert.is(JSON.parse(verified.stdout).equal, 4_096)
  }),
)

test(
  'a drained node is home of nothing and keeps its copies; undone, it serves again',
  deadline(60_000, async () => {
    const drained = await at(node(3), 'drain', '--json')
    assert.equal(JSON.parse(drained.stdout), { draining: true, homes: 0, calls: 0 })
    await eventually(
      async () => {
        const third = (await node(1).operations.status()).nodes.find(({ name }) => name === 'n3')
        return third?.serving === false && third.rangesHome === 0 && third.rangesHeld === 4_096
      },
      10_000,
      'others know that it takes no new work',
    )
    await node(3).operations.accountAdd({ aor: 'drained@thor.local', password: 'x' })
    assert.is((await at(node(3), 'drain', '--undo')).code, 0)
    await eventually(
      async () => ((await node(1).operations.ringShow({})).nodes[2]?.homes ?? 0) > 1_000,
      10_000,
      'it is home again',
    )
  }),
)

test(
  'leave tells how far it is; a ring that lost its majority is not recovered within a minute',
  deadline(120_000, async () => {
    const fourth = await cluster.add()
    const left = await at(fourth, 'leave')
    assert.is(left.code, 0, left.stderr)
    assert.match(left.stdout, /ranges to hand over/)
    await cluster.settled()
    const calm = await at(node(1), 'recover', '--accept-loss', 'all-lost', '--yes')
    assert.is(calm.code, 0)
    assert.match(calm.stdout, 'there is nothing to recover')
    const healthy = await at(node(1), 'recover', '--accept-loss', '17', '--yes')
    assert.is(healthy.code, 1)
    assert.match(healthy.stderr, 'range 17 has a majority that answers')

    await Promise.all([cluster.kill(node(2)), cluster.kill(node(3))])
    const early = await at(node(1), 'recover', '--accept-loss', '17', '--yes')
    assert.is(early.code, 1)
    assert.match(early.stderr, /has been out of sight for \d+ s only/)
    const verified = await at(node(1), 'ring', 'verify')
    assert.is(verified.code, 75)
    assert.match(verified.stdout, 'No answer from n2, n3')
    await cluster.restart(node(2))
    await cluster.restart(node(3))
    await cluster.settled()
    assert.is((await node(3).operations.accountList({})).total, 6)
  }),
)

test.run()

/** A data directory that is put back to an earlier state: the node ends by itself, and joins as a new one. */
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { run } from '../support/programs.ts'

const test = suite('e2e: old copies of disks')
const NET = '127.31.1'
let cluster: Cluster

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const ended = (victim: ClusterNode): Promise<unknown> =>
  eventually(() => victim.process.exitCode !== null, 60_000, 'the node ended')

test.before(async () => {
  cluster = await startCluster({ net: NET, nodes: 3 })
  await cluster.settled()
})
test.after(() => cluster?.stop())

test(
  'a node whose disk was put back ends with a sentence, stays down, and comes back as a new member',
  deadline(240_000, async () => {
    const victim = node(3)
    const image = `${victim.data}.image`
    await cluster.kill(victim)
    cpSync(victim.data, image, { recursive: true })
    await cluster.restart(victim)
    await cluster.settled()
    await node(1).operations.accountAdd({ aor: 'after@thor.local' })
    // Everybody has heard of it; the process ends as it may end at any time.
    await eventually(async () => (await node(1).operations.accountList({})).total === 1, 10_000)
    await cluster.kill(victim)

    rmSync(victim.data, { recursive: true })
    cpSync(image, victim.data, { recursive: true })
    cluster.launch(victim)
    await ended(victim)
    assert.is(victim.process.exitCode, 1)
    assert.match(victim.output(), /is an old copy: the other nodes remember a later state of this node/)
    assert.ok(existsSync(join(victim.data, 'identity.stale')))
    assert.not(existsSync(join(victim.data, 'identity')))

    cluster.launch(victim)
    await ended(victim)
    assert.match(victim.output(), /thor-node join <invite>/)

    const { invite } = await node(1).operations.invite({})
    const wrong = `${invite.slice(0, 60)}${invite[60] === 'A' ? 'B' : 'A'}${invite.slice(61)}`
    const options = ['--data', victim.data, '--address', victim.address, '--dns-port', '5353']
    const bin = join(import.meta.dirname, '../../bin/thor-node.js')
    const refused = await run(process.execPath, [bin, 'join', wrong, ...options], { timeoutMs: 30_000 })
    assert.is(refused.code, 1)
    assert.ok(existsSync(join(victim.data, 'identity.stale')), 'a join that failed deletes nothing')

    cluster.launch(victim, invite)
    await cluster.ready(victim)
    assert.not(existsSync(join(victim.data, 'identity.stale')))
    const status = await victim.operations.status()
    const self = status.nodes.find((member) => member.self)
    assert.is(status.nodes.length, 4, 'the old member and the new one')
    assert.is(self?.state, 'alive')
    assert.is((await victim.operations.accountList({})).total, 1)
  }),
)

test.run()

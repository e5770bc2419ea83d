/** The disk of one node fills up, and the disk of another fails: seen by operators, not by users. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, type ClusterNode, startCluster } from '../support/cluster.ts'
import { canMount, fillUp, makeRoom, mountMemory, unmount } from '../support/filesystem.ts'

const test = suite('e2e: disks')
const onlyAsRoot = canMount() ? test : test.skip
const NET = '127.32.1'
const MEGABYTES = 800

let cluster: Cluster
let base: string
let small: string

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode
const add = (by: number, name: string) => node(by).operations.accountAdd({ aor: `${name}@thor.local` })

/** What a node says is wrong with another one. */
async function alarmsOf(number: number, seenBy: number): Promise<string[]> {
  const status = await node(seenBy).operations.status()
  return status.nodes.find((one) => one.address === node(number).address)?.alarms.map(({ kind }) => kind) ?? []
}

const homesOf = async (number: number, seenBy: number): Promise<number> =>
  (await node(seenBy).operations.status()).nodes.find((one) => one.address === node(number).address)?.rangesHome ?? -1

test.before(async () => {
  base = mkdtempSync(join(tmpdir(), 'thor-disks-'))
  small = join(base, 'n2')
  if (onlyAsRoot === test) mountMemory(small, MEGABYTES)
  cluster = await startCluster({ net: NET, nodes: 3, base })
  await cluster.settled()
})
test.after(async () => {
  await cluster?.stop()
  if (onlyAsRoot === test) unmount(small)
  rmSync(base, { recursive: true, force: true })
})

const filler = (): string => join(small, 'filler')

for (const [how, leave] of [
  ['little space is left', 100_000_000],
  ['no space is left at all', 0],
] as const) {
  onlyAsRoot(
    `${how} on one node: it writes nothing new, the ring goes on, and it resumes when there is room`,
    deadline(240_000, async () => {
      const name = leave > 0 ? 'little' : 'none'
      await add(2, `before-${name}`)
      await eventually(async () => (await homesOf(2, 1)) > 1_000, 60_000, 'it is home of its part')
      fillUp(filler(), leave)
      await eventually(async () => (await alarmsOf(2, 1)).includes('full-disk'), 30_000, 'its alarm is seen elsewhere')
      await eventually(async () => (await homesOf(2, 1)) === 0, 30_000, 'it is home of nothing')
      for (const by of [1, 2, 3]) await add(by, `during-${name}-${by}`)
      const { accounts } = await node(2).operations.accountList({})
      assert.ok(
        accounts.some(({ aor }) => aor === `before-${name}@thor.local`),
        'it still reads',
      )
      const { nodes } = await node(2).operations.status()
      assert.ok(nodes.every(({ state }) => state === 'alive'))

      makeRoom(filler())
      await eventually(async () => (await alarmsOf(2, 1)).length === 0, 30_000, 'the alarm is over')
      await eventually(async () => (await homesOf(2, 1)) > 1_000, 30_000, 'it is home again')
      for (const by of [1, 2, 3]) await add(by, `after-${name}-${by}`)
      assert.is(node(2).process.exitCode, null)
      // Once per change, not once per look.
      assert.is(
        node(2)
          .output()
          .match(/the disk is full/g)?.length,
        leave > 0 ? 1 : 2,
      )
    }),
  )
}

test(
  'a write that fails ends the process, with a sentence and code 1; the ring goes on, and it comes back',
  deadline(240_000, async () => {
    const victim = node(3)
    const records = join(victim.data, 'records')
    const [log] = readdirSync(records)
      .filter((name) => name.endsWith('.log'))
      .sort()
      .reverse()
    // Files may not grow any more: the next write of a log fails.
    const { size } = statSync(join(records, log as string))
    execFileSync('prlimit', ['--pid', String(victim.process.pid), `--fsize=${size}`])
    const ended = eventually(() => victim.process.exitCode !== null, 60_000, 'the process ended')
    for (let i = 0; i < 10 && victim.process.exitCode === null; i++) await add(1, `fails-${i}`)
    await ended
    assert.is(victim.process.exitCode, 1)
    assert.match(victim.output(), /thor-node ends: the disk failed: a write failed, this node must end/)
    await add(1, 'meanwhile')
    await cluster.restart(victim)
    await cluster.settled()
    assert.ok((await victim.operations.accountList({})).accounts.some(({ aor }) => aor === 'meanwhile@thor.local'))
  }),
)

test.run()

/** What SRV says of three nodes at two sites: their settings and their load, the same at every node, and not of who drains (DN-02). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Cluster, type ClusterNode, ports, startCluster } from '../support/cluster.ts'
import { available, run } from '../support/programs.ts'

const NET = '127.94.3'
const DOMAIN = 'voice.example'
const test = suite('interop: weights of SRV')
const it = available('dig', '-v') && available('dnsperf', 'dnsperf') ? test : test.skip

let cluster: Cluster
let folder: string

/** Node 2 takes half as many phones as node 1; node 3 stands by at the other site. */
const optionsOf = (number: number): string[] => [
  ...['--zone', number === 3 ? 'west' : 'east'],
  ...(number === 2 ? ['--dns-weight', '0.5'] : []),
  ...(number === 3 ? ['--dns-priority', '20'] : []),
]

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'thor-dns-weights-'))
  cluster = await startCluster({ net: NET, nodes: 3, options: ['--domain', DOMAIN, '--dns-rate', '0'], optionsOf })
  await cluster.settled(120_000)
})
test.after(async () => {
  await cluster?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const node = (number: number): ClusterNode => cluster.nodes[number - 1] as ClusterNode

interface Srv {
  priority: number
  weight: number
}

/** By the number of the node that is named. */
async function srv(server: ClusterNode, name = `_sip._udp.${DOMAIN}`): Promise<Map<number, Srv>> {
  const words = [`@${server.address}`, '-p', String(ports.dns), '+short', '+tries=1', '+time=5', name, 'SRV']
  const { stdout } = await run('dig', words, { timeoutMs: 20_000 })
  const lines = [...stdout.matchAll(/^(\d+) (\d+) 5060 n(\d)\.voice\.example\.$/gm)]
  return new Map(
    lines.map(([, priority, weight, of]) => [Number(of), { priority: Number(priority), weight: Number(weight) }]),
  )
}

const perNode: Readonly<Record<number, number>> = { 1: 100, 2: 50, 3: 100 }
/** Of the weight that a node has when it is idle. */
const share = (of: number, found: Map<number, Srv>): number => (found.get(of)?.weight ?? 0) / (perNode[of] as number)

it(
  'settings of a node are in the answers of all, and the names of a site lead to it first',
  deadline(150_000, async () => {
    for (const server of cluster.nodes) {
      const priorities = async (name?: string): Promise<string> =>
        [...(await srv(server, name))]
          .map(([of, { priority }]) => `${of}:${priority}`)
          .sort()
          .join(' ')
      await eventually(async () => (await priorities()) === '1:10 2:10 3:20', 60_000, 'what node 3 says of itself')
      assert.is(await priorities(`_sip._udp.east.site.${DOMAIN}`), '1:10 2:10 3:10020')
      assert.is(await priorities(`_sip._udp.west.site.${DOMAIN}`), '1:10010 2:10010 3:20')
    }
    const agreed = async (): Promise<boolean> => {
      const [first, ...others] = (await Promise.all(cluster.nodes.map((server) => srv(server)))).map((found) =>
        JSON.stringify([...found].sort()),
      )
      return others.every((found) => found === first)
    }
    await eventually(agreed, 40_000, 'all nodes to say the same')
    const found = await srv(node(1))
    assert.ok([1, 2, 3].every((number) => share(number, found) > 0 && share(number, found) <= 1))
  }),
)

it(
  'a node that has much to do is named with less weight by all, until that is over',
  deadline(260_000, async () => {
    writeFileSync(join(folder, 'questions'), `_sip._udp.${DOMAIN} SRV\n`)
    const perf = run(
      'dnsperf',
      ['-s', node(1).address, '-p', String(ports.dns), '-d', join(folder, 'questions'), '-l', '45', '-c', '4'],
      { timeoutMs: 90_000 },
    )
    const lighter = (found: Map<number, Srv>): boolean => share(1, found) < share(2, found) && share(1, found) <= 0.5
    for (const server of [node(2), node(3)]) {
      await eventually(async () => lighter(await srv(server)), 40_000, 'node 1 to be named as busy')
    }
    const [seen] = await Promise.all([srv(node(2)), perf])
    console.log(`  weights under load: ${[1, 2, 3].map((of) => seen.get(of)?.weight).join(', ')}`)
    const rested = async (): Promise<boolean> => share(1, await srv(node(3))) > share(1, seen)
    await eventually(rested, 90_000, 'node 1 to be named as before')
  }),
)

it(
  'a node that drains is in no answer of any, until it serves again',
  deadline(150_000, async () => {
    await node(2).operations.drain({ start: true })
    for (const server of cluster.nodes) {
      await eventually(async () => !(await srv(server)).has(2), 30_000, 'node 2 to be named no more')
    }
    await node(2).operations.drain({ undo: true })
    for (const server of cluster.nodes) {
      await eventually(async () => (await srv(server)).has(2), 30_000, 'node 2 to be named again')
    }
  }),
)

test.run()

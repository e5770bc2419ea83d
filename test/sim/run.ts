import { sleep } from '@thor-node/core'
import { checkAppends } from './checkers/append-list.ts'
import { checkBindings } from './checkers/binding-found.ts'
import { OneConfig } from './checkers/one-config.ts'
import { checkSets, type Found } from './checkers/set-found.ts'
import { Cluster, type SimNode } from './cluster.ts'
import { Faults } from './faults.ts'
import { History } from './history.ts'
import type { Plant } from './plants.ts'
import { registerKey, Workload } from './workload.ts'

export interface SimulationInit {
  seed: number
  /** @default 3 to 5, from the seed */
  nodes?: number
  /** Simulated time of trouble. @default 120000 */
  faultsMs?: number
  /** After the faults the ring gets so long to come to rest. @default 60000 */
  quietMs?: number
  /** Planted: disks that say that they synced and did not. */
  ignoresSync?: boolean
  /** Planted: one of `plants`. */
  plant?: Plant
}

export interface Outcome {
  seed: number
  wrong: string[]
  /** Same seed, same hash. */
  hash: string
  simulatedMs: number
  counts: string
  trace: readonly string[]
}

const REGISTERS = 6
const CLIENTS = 4

/** One run: form a ring, work, make trouble, let it come to rest, judge. Throws only what the judges cannot explain. */
export async function simulate(init: SimulationInit): Promise<Outcome> {
  const cluster = new Cluster({
    seed: init.seed,
    nodes: init.nodes ?? 3 + (init.seed % 3),
    changes: { newNodeAfterMs: 1_000, deadNodeAfterMs: 10_000, tickMs: 2_000 },
    skewMsMax: 5_000,
    ignoresSync: init.ignoresSync,
    spares: 1,
    plant: init.plant,
  })
  const configs = new OneConfig()
  cluster.onConfig = (_, config) => configs.see(config)
  const history = new History()
  const workload = new Workload(cluster, history, { clients: CLIENTS, registers: REGISTERS })
  const faults = new Faults(cluster, workload, { quietMsMax: 12_000 })
  let wrong: string[]
  try {
    await cluster.form()
    workload.start()
    await cluster.run(faults.run(cluster.clock.now() + (init.faultsMs ?? 120_000)))
    await cluster.run(workload.stop())
    await cluster.run(faults.powerCut())
    const copies = Math.min(3, cluster.nodes.length)
    const quietMs = init.quietMs ?? 60_000
    await cluster.until(() => cluster.isStable(copies), 120_000, `${copies} copies of every range`)
    await cluster.run(sleep(cluster.clock, quietMs))
    wrong = await cluster.run(judge(cluster, history))
  } catch (error) {
    wrong = [`the run did not come to its end: ${error instanceof Error ? error.message : String(error)}`]
  }
  return {
    seed: init.seed,
    wrong: [...configs.wrong, ...wrong],
    hash: cluster.trace.hash,
    simulatedMs: cluster.clock.now(),
    counts: `${history.counts()}, configs ${configs.size}`,
    trace: cluster.trace.lines,
  }
}

async function judge(cluster: Cluster, history: History): Promise<string[]> {
  const lists = new Map<string, readonly string[]>()
  const first = cluster.nodes[0]?.overlay
  for (let i = 0; i < REGISTERS; i++) {
    const key = registerKey(i)
    lists.set(key.name, (await first?.store.reg.read<string[]>(key, 'strict'))?.body ?? [])
  }
  const nodes = await Promise.all(cluster.nodes.map((node) => finder(node, history)))
  return [
    ...checkAppends(lists, history.appends, history.reads),
    ...checkSets(history.sets, nodes),
    ...checkBindings(history.binds, history.lookups),
    ...(await differingCopies(cluster, history)),
  ]
}

/** What a node says of every record. */
async function finder(node: SimNode, history: History): Promise<{ name: string; found: Found }> {
  const bodies = new Map<string, string>()
  for (const { name, range } of history.sets) {
    const body = await node.overlay?.store.set.get<string>({ range, name })
    if (body !== undefined) bodies.set(name, body)
  }
  return { name: `n${node.index}`, found: (write) => bodies.get(write.name) }
}

/** After quiet all replicas of a range hold the same records. */
async function differingCopies(cluster: Cluster, history: History): Promise<string[]> {
  const wrong: string[] = []
  for (const range of new Set(history.sets.map((write) => write.range))) {
    const digests = new Set<string>()
    for (const node of cluster.nodes) {
      if (node.overlay?.configs.standing(range) === 'member') digests.add(await node.setDigest(range))
    }
    if (digests.size > 1) wrong.push(`range ${range}: ${digests.size} different copies of its records after quiet`)
  }
  return wrong
}

/**
 * What the ring's storage does: three processes on loopback, each the real Overlay over libp2p and LevelDB, all work given to the
 * first (or to each of the three at once, where it says so). Registers and SET records are on two disks (fsync) when counted.
 *
 *   node bench/store.ts [--rounds 5] [--count 3000] [--width 64] [--bytes 200] [--only ops,memory,idle]
 *                       [--records 1000000] [--nodes 10] [--json]
 *
 * `memory` fills the ring with records (half SOFT, three tenths SET, two tenths REG) and reads the RSS of each node; `idle`
 * starts a ring of `--nodes` whole nodes and reads the CPU time of 30 s in which nothing happens.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { eventually } from '@thor-node/core/testing'
import { startCluster } from '../test/support/cluster.ts'
import type { NodeLook, WorkOrder, WorkResult } from './store-node.ts'
import { type StoreNode, StoreRing } from './store-ring.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    count: { type: 'string', default: '3000' },
    width: { type: 'string', default: '64' },
    bytes: { type: 'string', default: '200' },
    only: { type: 'string', default: 'ops' },
    records: { type: 'string', default: '1000000' },
    nodes: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
})
const only = new Set(values.only.split(','))
const [rounds, count, width, bytes] = [values.rounds, values.count, values.width, values.bytes].map(Number) as [
  number,
  number,
  number,
  number,
]
const NET = '127.42.1'
const IDLE_NET = '127.42.2'
const IDLE_MS = 30_000
const TICKS_PER_SECOND = 100

interface Row {
  what: string
  [figure: string]: string | number
}

const rows: Row[] = []
function show(row: Row): void {
  rows.push(row)
  if (values.json) return
  const { what, ...figures } = row
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
  console.log(`${what.padEnd(52)} ${text.join('   ')}`)
}

const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b)
function median(numbers: readonly number[]): number {
  const list = sorted(numbers)
  const half = list.length >> 1
  return list.length % 2 === 1 ? (list[half] ?? 0) : ((list[half - 1] ?? 0) + (list[half] ?? 0)) / 2
}

let fresh = 0
/** One measurement: `rounds` times at one node, or at all at once, with keys of its own each time unless `again`. */
async function measure(
  nodes: readonly StoreNode[],
  what: string,
  order: Pick<WorkOrder, 'work'> & Partial<WorkOrder>,
  again = false,
): Promise<void> {
  const results: WorkResult[] = []
  for (let round = 0; round < rounds; round++) {
    const works = nodes.map((node) => {
      if (!again) fresh += count
      return node.work({ count, width, keys: count, from: again ? 0 : fresh, bytes, ...order })
    })
    const each = await Promise.all(works)
    const worst = (key: 'p50Ms' | 'p99Ms'): number => Math.max(...each.map((one) => one[key]))
    const sum = (key: 'perSecond' | 'failed'): number => each.reduce((total, one) => total + one[key], 0)
    results.push({ perSecond: sum('perSecond'), failed: sum('failed'), p50Ms: worst('p50Ms'), p99Ms: worst('p99Ms') })
  }
  const speeds = sorted(results.map(({ perSecond }) => perSecond))
  show({
    what,
    'per second': Math.round(median(speeds)),
    rounds: `${Math.round(speeds[0] ?? 0)}–${Math.round(speeds.at(-1) ?? 0)}`,
    'p50 ms': median(results.map(({ p50Ms }) => p50Ms)).toFixed(2),
    'p99 ms': median(results.map(({ p99Ms }) => p99Ms)).toFixed(1),
    failed: results.reduce((total, { failed }) => total + failed, 0),
  })
}

async function operations(nodes: readonly StoreNode[]): Promise<void> {
  const [first] = nodes as [StoreNode]
  const one = [first]
  // The first round warms the code up and is not shown.
  await first.work({ work: 'reg', count, width, keys: count, from: 0, bytes })
  await measure(one, 'RPC round trips', { work: 'rpc', count: count * 5 })
  await measure(one, 'RPC round trips, one at a time', { work: 'rpc', width: 1 })
  await measure(one, 'REG, new keys (two rounds, fsync on two)', { work: 'reg' })
  await measure(one, 'REG, keys changed here before (one round)', { work: 'reg' }, true)
  await measure(nodes, 'REG, new keys, at three nodes at once', { work: 'reg' })
  await measure(one, 'REG, one hot key', { work: 'reg', keys: 1, from: -1, count: Math.ceil(count / 6) })
  const contested = { work: 'reg', keys: 1, from: -2, count: Math.ceil(count / 30), width: 4 } as const
  await measure(nodes, 'REG, one hot key, at three nodes at once', contested)
  await measure(one, 'REG, one at a time', { work: 'reg', width: 1, count: Math.ceil(count / 6) }, true)
  await measure(one, 'strict reads', { work: 'read-strict' }, true)
  await measure(one, 'near reads', { work: 'read-near' }, true)
  await measure(one, 'SET, new records (fsync on two)', { work: 'set' })
  await measure(one, 'SOFT, new entries (memory of two)', { work: 'soft' })
}

async function memory(nodes: readonly StoreNode[]): Promise<void> {
  const looks = async (): Promise<NodeLook[]> => Promise.all(nodes.map((node) => node.look()))
  const mb = (list: readonly NodeLook[], key: 'rssMb' | 'heapMb'): string =>
    list.map((one) => Math.round(one[key])).join(' / ')
  const before = await looks()
  show({ what: 'memory of three nodes, empty', 'RSS MB': mb(before, 'rssMb'), 'heap MB': mb(before, 'heapMb') })
  const records = Number(values.records)
  const shares = [
    { work: 'soft', share: 0.5 },
    { work: 'set', share: 0.3 },
    { work: 'reg', share: 0.2 },
  ] as const
  const began = performance.now()
  for (const { work, share } of shares) {
    const each = Math.floor((records * share) / nodes.length)
    const filled = await Promise.all(
      nodes.map((node, index) =>
        node.work({ work, count: each, keys: each, from: 1e9 + index * each, width: 256, bytes }),
      ),
    )
    const failed = filled.reduce((total, one) => total + one.failed, 0)
    show({ what: `filled with ${work}`, records: each * nodes.length, failed })
  }
  const after = await looks()
  show({
    what: `memory of three nodes, ${records} records of ${bytes} bytes`,
    'RSS MB': mb(after, 'rssMb'),
    'heap MB': mb(after, 'heapMb'),
    'filled in s': Math.round((performance.now() - began) / 1000),
  })
}

/** User and system time of a process so far, in seconds. */
function cpuSeconds(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

async function idle(): Promise<void> {
  const size = Number(values.nodes)
  const prefix = (): string[] => ['env', 'NODE_OPTIONS=--max-old-space-size=256']
  const cluster = await startCluster({ net: IDLE_NET, nodes: size, prefix })
  try {
    const even = async (): Promise<boolean> => {
      const { ring, nodes } = await cluster.nodes[0]!.operations.status()
      const share = (3 * ring.ranges) / size
      return ring.changing === 0 && nodes.every(({ rangesHeld }) => rangesHeld > share * 0.6)
    }
    await eventually(even, 600_000, 'an even ring')
    const before = cluster.nodes.map(({ process }) => cpuSeconds(process.pid))
    await new Promise((done) => setTimeout(done, IDLE_MS))
    const shares = cluster.nodes.map(
      ({ process }, index) => ((cpuSeconds(process.pid) - (before[index] ?? 0)) / (IDLE_MS / 1000)) * 100,
    )
    const rss = cluster.nodes.map(
      ({ process }) =>
        Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024,
    )
    show({
      what: `idle ring of ${size} whole nodes, 30 s`,
      'median % of a core': median(shares).toFixed(1),
      'highest %': Math.max(...shares).toFixed(1),
      'median RSS MB': Math.round(median(rss)),
    })
  } finally {
    await cluster.stop()
  }
}

const machine =
  `${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${process.version}, ` +
  `load ${loadavg()[0]?.toFixed(1)} at the start`
if (!values.json) console.log(`${machine}; ${rounds} rounds, ${width} at once, ${bytes} bytes\n`)
if (only.has('ops') || only.has('memory')) {
  const base = mkdtempSync(join(tmpdir(), 'thor-store-'))
  const ring = new StoreRing({ base, hosts: [1, 2, 3].map((number) => `${NET}.${number}`) })
  const nodes = await ring.start()
  if (only.has('ops')) await operations(nodes)
  if (only.has('memory')) await memory(nodes)
  await Promise.all(nodes.map((node) => node.stop()))
  rmSync(base, { recursive: true, force: true })
}
if (only.has('idle')) await idle()
if (values.json) console.log(JSON.stringify({ machine, rounds, width, bytes, rows }, null, 2))

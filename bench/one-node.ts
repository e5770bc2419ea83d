/**
 * What one node costs: start-up, memory at rest (alone and in a ring of three), registrations and calls per second on one
 * core, and the CPU time of each. The node is pinned to core 0, the generator to core 1.
 *
 *   node bench/one-node.ts [--rounds 5] [--count 10000] [--window 64] [--accounts 1000] [--only start,memory,register,call]
 *                          [--profile DIRECTORY] [--keep SECONDS]
 *
 * `--profile` starts the node with `--cpu-prof`; `--keep` leaves it running after the rounds, for other generators.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { sleep, systemClock } from '@thor-node/core'
import { eventually } from '@thor-node/core/testing'
import { startCluster } from '../test/support/cluster.ts'
import type { GeneratorInit, GeneratorReport } from './generator.ts'
import { cpuMicros, median, memory, type NodeProcess, pinned, provision, startNode } from './node-process.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    count: { type: 'string', default: '10000' },
    window: { type: 'string', default: '64' },
    accounts: { type: 'string', default: '1000' },
    only: { type: 'string', default: 'start,memory,register,call' },
    profile: { type: 'string' },
    keep: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const count = Number(values.count)
const accounts = Number(values.accounts)
const only = new Set(values.only.split(','))

const NODE_ADDRESS = '127.41.1.1'
const GENERATOR_ADDRESS = '127.41.2.1'
const RING_NET = '127.41.3'
const SIP_PORT = 5060
const MEMORY_REST_MS = 10_000

const startBenchNode = (): Promise<NodeProcess> => {
  const runtime = values.profile ? ['--cpu-prof', '--cpu-prof-dir', values.profile] : []
  return startNode({ runtime, options: ['--address', NODE_ADDRESS, '--dns-port', '5353', '--log-level', 'warn'] })
}

async function generate(mode: GeneratorInit['mode'], amount: number): Promise<GeneratorReport> {
  const init: GeneratorInit = {
    mode,
    node: { host: NODE_ADDRESS, port: SIP_PORT },
    local: { host: GENERATOR_ADDRESS, port: 5070 },
    domain: 'thor.local',
    accounts,
    count: amount,
    window: Number(values.window),
  }
  const [command, args] = pinned(1, process.execPath, [join(import.meta.dirname, 'generator.ts'), JSON.stringify(init)])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  await once(child, 'close')
  return JSON.parse(output) as GeneratorReport
}

const account = (n: number) => ({ aor: `u${n}@thor.local`, password: `p${n}` })

const percent = (share: number): string => `${Math.round(share * 100)} %`

async function measureLoad(node: NodeProcess, mode: GeneratorInit['mode']): Promise<void> {
  const name = mode === 'register' ? 'registration' : 'call'
  await generate(mode, Math.min(count, 3_000))
  const rates: number[] = []
  const costs: number[] = []
  for (let round = 1; round <= rounds; round++) {
    const before = cpuMicros(node.pid)
    const report = await generate(mode, count)
    const cost = (cpuMicros(node.pid) - before) / report.done
    rates.push(report.perSecond)
    costs.push(cost)
    console.log(
      `  ${mode} ${round}: ${report.perSecond.toFixed(0)}/s, ${cost.toFixed(0)} µs CPU per ${name} ` +
        `(node ${percent((cost * report.perSecond) / 1e6)} of its core, generator ${percent(report.cpuShare)}), ` +
        `median ${report.medianMs.toFixed(1)} ms, p99 ${report.p99Ms.toFixed(1)} ms, ` +
        `failed ${report.failed} ${JSON.stringify(report.statuses)}, resent ${report.retransmissions}, ` +
        `node ${memory(node.pid).toFixed(0)} MB`,
    )
  }
  console.log(`${mode}: median ${median(rates).toFixed(0)}/s, ${median(costs).toFixed(0)} µs CPU per ${name}`)
}

async function measureStart(): Promise<void> {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const node = await startBenchNode()
    times.push(node.startMs)
    await node.stop()
  }
  console.log(`start: median ${median(times).toFixed(0)} ms (${times.map((ms) => ms.toFixed(0)).join(' ')})`)
}

async function measureMemory(): Promise<void> {
  const node = await startBenchNode()
  await sleep(systemClock, MEMORY_REST_MS)
  const before = cpuMicros(node.pid)
  await sleep(systemClock, MEMORY_REST_MS)
  const share = (cpuMicros(node.pid) - before) / 1000 / MEMORY_REST_MS
  console.log(`memory alone: ${memory(node.pid).toFixed(0)} MB, idle CPU ${(share * 100).toFixed(1)} % of a core`)
  await node.stop()
  const cluster = await startCluster({ net: RING_NET, nodes: 3, options: ['--log-level', 'warn'] })
  try {
    await cluster.settled()
    await sleep(systemClock, MEMORY_REST_MS)
    const pids = cluster.nodes.map((one) => one.process.pid as number)
    const cpu = pids.map(cpuMicros)
    await sleep(systemClock, MEMORY_REST_MS)
    const shares = pids.map((pid, n) => (((cpuMicros(pid) - (cpu[n] ?? 0)) / 1000 / MEMORY_REST_MS) * 100).toFixed(1))
    const sizes = pids.map((pid) => memory(pid).toFixed(0))
    console.log(`memory in a ring of three: ${sizes.join(' ')} MB, idle CPU ${shares.join(' ')} % of a core`)
  } finally {
    await cluster.stop()
  }
}

async function main(): Promise<void> {
  console.log(`node ${process.version}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(2)}`)
  if (only.has('start')) await measureStart()
  if (only.has('memory')) await measureMemory()
  if (!only.has('register') && !only.has('call')) return
  const node = await startBenchNode()
  try {
    console.log(`provisioning: ${(await provision(node.operations, accounts, account)).toFixed(0)} accounts/s`)
    if (!only.has('register')) await generate('register', accounts)
    for (const mode of ['register', 'call'] as const) if (only.has(mode)) await measureLoad(node, mode)
    await eventually(
      async () => {
        const { totals } = await node.operations.status()
        if (totals.calls > 0) throw new Error(`${totals.calls} calls still open`)
        return true
      },
      30_000,
      'all records closed',
    )
    console.log(`load at the end ${loadavg()[0]?.toFixed(2)}`)
    if (values.keep) await sleep(systemClock, Number(values.keep) * 1000)
  } finally {
    await node.stop()
  }
}

await main()

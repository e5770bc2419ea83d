/**
 * Numbers in a real ring: how long loading takes, what a node holds and how long it takes to start with them, and how soon a
 * change at one node is answered by the others.
 *
 *   node bench/enum-ring.ts [--nodes 3] [--count 100000] [--changes 100] [--no-restart] [--json]
 */
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { createWriteStream, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { systemClock } from '@thor-node/core'
import { nameToWire } from '@thor-node/dns'
import { type ClusterNode, ports, startCluster } from '../test/support/cluster.ts'
import { nameOf, numberOf, TREE, uriOf } from './enum-numbers.ts'

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '3' },
    count: { type: 'string', default: '100000' },
    changes: { type: 'string', default: '100' },
    'no-restart': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const [nodes, count, changes] = [values.nodes, values.count, values.changes].map(Number) as [number, number, number]
const NET = '127.43.2'
const bin = resolve(import.meta.dirname, '../bin/thor-node.js')

const rssMb = ({ process: { pid } }: ClusterNode): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024)
const show = (row: Record<string, string | number>): void =>
  console.log(
    values.json
      ? JSON.stringify(row)
      : Object.entries(row)
          .map(([name, value]) => `${name} ${value}`)
          .join('   '),
  )

/** Asks a node until the answer has this text; milliseconds. */
function until(host: string, digits: string, text: string): Promise<number> {
  const begun = systemClock.now()
  const query = Buffer.concat([
    Buffer.from('123400000001000000000000', 'hex'),
    nameToWire(nameOf(digits)),
    Buffer.from('00230001', 'hex'),
  ])
  return new Promise((done) => {
    const socket = createSocket('udp4')
    const ask = (): void => socket.send(query, ports.dns, host)
    const timer = setInterval(ask, 2)
    socket.on('message', (answer) => {
      if (!answer.includes(text)) return
      clearInterval(timer)
      socket.close()
      done(systemClock.now() - begun)
    })
    ask()
  })
}

const cluster = await startCluster({ net: NET, nodes, options: ['--dns-rate', '0'] })
try {
  await cluster.settled()
  const first = cluster.nodes[0] as ClusterNode
  await first.operations.enumRangeAdd({ tree: TREE, prefix: '3120', minDigits: 11, maxDigits: 11 })
  const before = cluster.nodes.map(rssMb)
  const file = join(first.data, '..', 'numbers.csv')
  const out = createWriteStream(file)
  const sorted = Array.from({ length: count }, (_, i) => [numberOf(i), i] as const).sort((a, b) =>
    a[0] < b[0] ? -1 : 1,
  )
  for (const [number, i] of sorted)
    if (!out.write(`+${number},sip,${uriOf(i)}\n`))
      await new Promise((done) => out.once('drain', () => done(undefined)))
  await new Promise<void>((done) => out.end(() => done()))
  const begun = systemClock.now()
  await promisify(execFile)(process.execPath, [bin, 'enum', 'load', file, '--tree', TREE, '--data', first.data])
  const loadSeconds = (systemClock.now() - begun) / 1_000
  const [last = '', lastIndex = 0] = sorted.at(-1) ?? []
  await Promise.all(cluster.nodes.map(({ address }) => until(address, last, uriOf(lastIndex))))
  show({
    what: 'load',
    nodes,
    numbers: count,
    seconds: loadSeconds.toFixed(1),
    perSecond: Math.round(count / loadSeconds),
    rssMbBefore: before.join(' '),
    rssMbAfter: cluster.nodes.map(rssMb).join(' '),
  })

  const delays: number[] = []
  for (let change = 1; change <= changes; change++) {
    const i = (change * 7) % count
    const at = systemClock.now()
    await first.operations.enumLoad({ tree: TREE, rows: [[numberOf(i), 'sip', uriOf(i, change)]] })
    const changedMs = systemClock.now() - at
    const seen = await Promise.all(cluster.nodes.map(({ address }) => until(address, numberOf(i), uriOf(i, change))))
    delays.push(changedMs + Math.max(...seen))
  }
  delays.sort((a, b) => a - b)
  const of = (share: number): string =>
    (delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? 0).toFixed(1)
  show({
    what: 'change, from asking for it until every node answers so, ms',
    changes,
    p50: of(0.5),
    p99: of(0.99),
    most: of(1),
  })

  if (!values['no-restart']) {
    await cluster.kill(first)
    const from = systemClock.now()
    await cluster.restart(first)
    const servingMs = systemClock.now() - from
    await until(first.address, last, uriOf(lastIndex))
    show({
      what: 'start with these numbers',
      servingMs: Math.round(servingMs),
      answeringMs: Math.round(systemClock.now() - from),
      rssMb: rssMb(first),
    })
  }
} finally {
  await cluster.stop()
}

/**
 * Real node processes on loopback addresses, started as an operator would start them: `thor-node join`, then
 * `thor-node join <invite>` on the others. Each test file brings its own /24 (`127.20.1`), so files can run side by side.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { eventually } from '@thor-node/core/testing'
import { connectControl, type NodeOperations, type StatusResult } from '@thor-node/nodes'

const root = resolve(import.meta.dirname, '../..')
const bin = join(root, 'bin/thor-node.js')

export interface ClusterNode {
  /** 1, 2, 3 … */
  number: number
  /** `127.20.1.1`: SIP on 5060, DNS on 5353, SOAP on 9200. */
  address: string
  data: string
  process: ChildProcess
  operations: NodeOperations
  /** Everything it printed. */
  output(): string
}

export interface Cluster {
  nodes: ClusterNode[]
  /** Joins one more server. */
  add(): Promise<ClusterNode>
  /** The same without waiting for it: it is in `nodes` when this resolves. */
  begin(): Promise<ClusterNode>
  /** kill -9 and waits until the process is gone. */
  kill(node: ClusterNode): Promise<void>
  /** Starts it again on its own data. */
  restart(node: ClusterNode): Promise<void>
  /** The same without waiting for it. */
  launch(node: ClusterNode, invite?: string): void
  /** Waits until it serves; rejects when its process ends. */
  ready(node: ClusterNode): Promise<void>
  /** Waits until all live nodes see each other and every range has its copies. */
  settled(limitMs?: number): Promise<StatusResult>
  stop(): Promise<void>
}

export interface ClusterOptions {
  /** First three bytes of the addresses. */
  net: string
  nodes: number
  /** More command-line options for every node, and for one. */
  options?: string[]
  optionsOf?(number: number): string[]
  /** What stands before the command line of a node: `nsenter …` puts it into a network of its own. */
  prefix?(number: number): string[]
  /** Where the data directories are, instead of a new directory that `stop` removes. */
  base?: string
  /** They hold nodes already, which are started all at once. */
  existing?: boolean
}

export const ports = { sip: 5060, dns: 5353, soap: 9200, cluster: 7400, admission: 7401 }

const READY_LIMIT_MS = 120_000
const READY_POLL_MS = 100

export async function startCluster(init: ClusterOptions): Promise<Cluster> {
  const { net, nodes: count, options = [] } = init
  const base = init.base ?? mkdtempSync(join(tmpdir(), 'thor-test-'))
  const nodes: ClusterNode[] = []

  const launch = (
    number: number,
    data: string,
    address: string,
    invite?: string,
  ): { process: ChildProcess; output: () => string } => {
    const args = [
      'join',
      ...(invite ? [invite] : []),
      '--data',
      data,
      '--address',
      address,
      '--dns-port',
      String(ports.dns),
    ]
    const [program = '', ...rest] = [
      ...(init.prefix?.(number) ?? []),
      process.execPath,
      bin,
      ...args,
      ...options,
      ...(init.optionsOf?.(number) ?? []),
    ]
    const child = spawn(program, rest, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-200_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    return { process: child, output: () => output }
  }

  const ready = async (node: ClusterNode): Promise<void> => {
    const until = performance.now() + READY_LIMIT_MS
    for (;;) {
      if (node.process.exitCode !== null || node.process.signalCode !== null) break
      const status = await node.operations.status().catch(() => undefined)
      if (status?.nodes.find((member) => member.self)?.serving) return
      if (performance.now() > until) throw new Error(`node ${node.number} is not ready:\n${node.output()}`)
      // A status is work for the node, which has enough to do.
      await new Promise((done) => setTimeout(done, READY_POLL_MS))
    }
    const { exitCode, signalCode } = node.process
    throw new Error(`node ${node.number} ended with ${exitCode ?? signalCode}:\n${node.output()}`)
  }

  const cluster: Cluster = {
    nodes,
    async add() {
      const node = await cluster.begin()
      await ready(node)
      return node
    },
    async begin() {
      const number = nodes.length + 1
      const data = join(base, `n${number}`)
      const existing = init.existing && number <= count
      const first = existing
        ? undefined
        : nodes.find(({ process: { exitCode, signalCode } }) => exitCode === null && signalCode === null)
      const invite = first ? (await first.operations.invite({})).invite : undefined
      const node: ClusterNode = {
        number,
        address: `${net}.${number}`,
        data,
        ...launch(number, data, `${net}.${number}`, invite),
        operations: connectControl(data),
      }
      nodes.push(node)
      return node
    },
    async kill(node) {
      const gone = new Promise((done) => node.process.once('exit', done))
      node.process.kill('SIGKILL')
      await gone
    },
    async restart(node) {
      cluster.launch(node)
      await ready(node)
    },
    launch(node, invite) {
      Object.assign(node, launch(node.number, node.data, node.address, invite))
    },
    ready,
    settled(limitMs = 60_000) {
      return eventually(
        async () => {
          const live = nodes.filter((node) => node.process.exitCode === null && node.process.signalCode === null)
          const reports = await Promise.all(live.map((node) => node.operations.status()))
          const calm = reports.every(
            (report) =>
              report.nodes.filter((member) => member.state === 'alive' && member.serving).length === live.length &&
              report.ring.changing === 0 &&
              (live.length < 3 || report.ring.underReplicated === 0),
          )
          if (!calm)
            throw new Error(
              JSON.stringify(reports.map(({ ring, nodes: seen }) => [ring, seen.map((n) => `${n.name}:${n.state}`)])),
            )
          return reports[0]
        },
        limitMs,
        'the ring to settle',
      )
    },
    async stop() {
      await Promise.all(
        nodes.map(async ({ process: child }) => {
          if (child.exitCode !== null || child.signalCode !== null) return
          const gone = new Promise((done) => child.once('exit', done))
          child.kill('SIGTERM')
          const hard = setTimeout(() => child.kill('SIGKILL'), 10_000)
          await gone
          clearTimeout(hard)
        }),
      )
      if (init.base === undefined) rmSync(base, { recursive: true, force: true })
    },
  }

  try {
    if (init.existing) {
      for (let number = 1; number <= count; number++) await cluster.begin()
      await Promise.all(nodes.map(ready))
    } else for (let number = 1; number <= count; number++) await cluster.add()
  } catch (error) {
    // uvu does not say why a hook before the tests failed.
    console.error(error)
    await cluster.stop()
    throw error
  }
  return cluster
}

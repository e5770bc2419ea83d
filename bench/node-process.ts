/** A node as a process of its own on one core, for benchmarks: started, filled with accounts, its processor time and memory read. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { connectControl, type NodeOperations } from '@thor-node/nodes'

const root = resolve(import.meta.dirname, '..')
const TICKS_PER_SECOND = 100
const KB_PER_MB = 1024

export interface NodeProcess {
  process: ChildProcess
  pid: number
  operations: NodeOperations
  startMs: number
  /** Ends it, and removes its data. */
  stop(): Promise<void>
}

/** `join` of a ring of its own; `runtime`: options of Node.js, `options`: of thor-node. */
export async function startNode(init: { runtime?: string[]; options: string[] }): Promise<NodeProcess> {
  const data = mkdtempSync(join(tmpdir(), 'thor-bench-'))
  const node = [join(root, 'bin/thor-node.js'), 'join', '--data', data, ...init.options]
  const started = performance.now()
  const [command, args] = pinned(0, process.execPath, [...(init.runtime ?? []), ...node])
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  await new Promise<void>((ready, fail) => {
    child.once('exit', (code) => fail(new Error(`the node ended with ${code}:\n${output}`)))
    child.stdout.on('data', (chunk) => {
      output += chunk
      if (output.includes('thor1-')) ready()
    })
  })
  return {
    process: child,
    pid: child.pid as number,
    operations: connectControl(data),
    startMs: performance.now() - started,
    async stop() {
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
      rmSync(data, { recursive: true, force: true })
    },
  }
}

/** Adds accounts, 16 at a time; returns how many per second. */
export async function provision(
  operations: NodeOperations,
  count: number,
  account: (n: number) => { aor: string; password: string },
): Promise<number> {
  const started = performance.now()
  let next = 0
  const worker = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) await operations.accountAdd(account(n))
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  return count / ((performance.now() - started) / 1000)
}

/** Pins to a core where there is more than one. */
export function pinned(core: number, command: string, args: string[]): [string, string[]] {
  return availableParallelism() > 1 ? ['taskset', ['-c', String(core), command, ...args]] : [command, args]
}

/** CPU time of a process so far, in microseconds. */
export function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return ((Number(fields[11]) + Number(fields[12])) * 1e6) / TICKS_PER_SECOND
}

/** Resident memory of a process, in MB. */
export function memory(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / KB_PER_MB
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? 0
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? upper)) / 2
}

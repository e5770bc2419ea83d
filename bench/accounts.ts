/**
 * One node with as many accounts as a node should have: memory when they are there, when all are registered and after a rest; then
 * a storm, in which many phones register anew within a few seconds and, where they are told 503 or nothing, come again.
 *
 *   node bench/accounts.ts [--accounts 300000] [--storm 100000] [--arrive 10] [--rest 20] [--data DIRECTORY] [--only provision]
 *
 * The node is pinned to core 0, the generator to core 1. `--arrive`: seconds over which the storm begins. `--data`: of the node, kept
 * for the next time, when only the accounts that are missing are added; `--only provision` ends there.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { errorCode, sleep, systemClock } from '@thor-node/core'
import { eventually } from '@thor-node/core/testing'
import { connectControl, type NodeOperations } from '@thor-node/nodes'
import type { GeneratorInit, GeneratorReport } from './generator.ts'

const { values } = parseArgs({
  options: {
    accounts: { type: 'string', default: '300000' },
    storm: { type: 'string', default: '100000' },
    arrive: { type: 'string', default: '10' },
    rest: { type: 'string', default: '20' },
    data: { type: 'string' },
    only: { type: 'string' },
  },
})
const accounts = Number(values.accounts)
const storm = Math.min(accounts, Number(values.storm))
const NODE = '127.41.4.1'
const GENERATOR = '127.41.4.2'
const REGISTERING = 256
const PROVISIONING = 64
const root = resolve(import.meta.dirname, '..')

const pinned = (core: number, args: string[]): [string, string[]] =>
  availableParallelism() > 1 ? ['taskset', ['-c', String(core), process.execPath, ...args]] : [process.execPath, args]

/** Of a process, in MB: resident now, and the most it ever was. */
function memory(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1_024
  return { now: of('VmRSS'), peak: of('VmHWM') }
}

/** It may have been added though that was not said. */
function isThere(error: unknown): true {
  if (errorCode(error) === 'PROVISION_ACCOUNT_EXISTS') return true
  throw error
}

async function provision(operations: NodeOperations): Promise<number> {
  const started = performance.now()
  const first = (await operations.status()).totals.accounts ?? 0
  let next = first
  const worker = async (): Promise<void> => {
    for (let n = next++; n < accounts; n = next++) {
      // A machine that is busy may keep the store waiting.
      await eventually(
        () => operations.accountAdd({ aor: `u${n}@thor.local`, password: `p${n}` }).then(() => true, isThere),
        60_000,
        `account ${n}`,
      )
      if (n % 50_000 === 49_999) console.log(`  ${n + 1} accounts`)
    }
  }
  await Promise.all(Array.from({ length: PROVISIONING }, worker))
  return (accounts - first) / ((performance.now() - started) / 1_000)
}

async function generate(init: Pick<GeneratorInit, 'count' | 'window' | 'arriveMs'>): Promise<GeneratorReport> {
  const all: GeneratorInit = {
    ...{ mode: 'register', node: { host: NODE, port: 5060 }, local: { host: GENERATOR, port: 5070 } },
    ...{ domain: 'thor.local', accounts, patient: true },
    ...init,
  }
  const [command, args] = pinned(1, [join(import.meta.dirname, 'generator.ts'), JSON.stringify(all)])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  await once(child, 'close')
  return JSON.parse(output) as GeneratorReport
}

function tell(what: string): void {
  const { now, peak } = memory(pid)
  console.log(`${what}: ${now.toFixed(0)} MB, at most ${peak.toFixed(0)} MB so far`)
}

async function measure(operations: NodeOperations): Promise<void> {
  const first = await generate({ count: accounts, window: REGISTERING })
  console.log(`registered ${first.perSecond.toFixed(0)}/s, failed ${first.failed}, postponed ${first.postponed}`)
  tell('all registered')
  await sleep(systemClock, Number(values.rest) * 1_000)
  tell(`${values.rest} s later`)
  const { totals } = await operations.status()
  console.log(`status says ${JSON.stringify(totals)}`)
  const again = await generate({ count: storm, window: storm, arriveMs: Number(values.arrive) * 1_000 })
  const [half, most, end] = again.whenMs.map((ms) => (ms / 1_000).toFixed(1))
  console.log(
    `storm of ${storm} over ${values.arrive} s: half done after ${half} s, 99 % after ${most} s, all after ${end} s; ` +
      `failed ${again.failed}, postponed ${again.postponed}, resent ${again.retransmissions}, ` +
      `generator ${Math.round(again.cpuShare * 100)} % of its core`,
  )
  tell('after the storm')
}

const data = values.data ?? mkdtempSync(join(tmpdir(), 'thor-bench-'))
const node = [join(root, 'bin/thor-node.js'), 'join', '--data', data, '--address', NODE, '--dns-port', '5353']
const [command, args] = pinned(0, [...node, '--log-level', 'error'])
const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
const pid = child.pid as number
try {
  await new Promise<void>((ready, fail) => {
    child.once('exit', (code) => fail(new Error(`the node ended with ${code}`)))
    // The invite of a new ring, or that it goes on with the one that it is in.
    child.stdout.on('data', () => ready())
  })
  console.log(`node ${process.version}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(2)}`)
  tell('started')
  const operations = connectControl(data)
  await eventually(() => operations.status(), 60_000, 'the node')
  console.log(`provisioned ${(await provision(operations)).toFixed(0)} accounts/s`)
  tell(`${accounts} accounts`)
  if (values.only === 'provision') process.exitCode = 0
  else await measure(operations)
} finally {
  child.removeAllListeners('exit')
  if (child.exitCode === null) {
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
  }
  if (values.data === undefined) rmSync(data, { recursive: true, force: true })
}

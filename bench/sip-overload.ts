/**
 * Goodput of one node under too much: registrations, each REGISTER with credentials made from one known nonce beforehand, offered
 * at a fixed rate whatever comes back. First the peak is looked for, then 1, 2 and 5 times the peak are offered, with
 * shedding and without (`--sip-latency 1s` never sheds), in one run on the same node settings. The node is pinned to core
 * 0, the generator to core 1. Good is what is answered 200 within half a second.
 *
 *   node bench/sip-overload.ts [--seconds 6] [--accounts 200] [--factors 1,2,5]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { connectControl } from '@thor-node/nodes'
import type { FloodInit, FloodReport } from './flood.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '6' },
    accounts: { type: 'string', default: '200' },
    factors: { type: 'string', default: '1,2,5' },
  },
})
const seconds = Number(values.seconds)
const accounts = Number(values.accounts)
const root = resolve(import.meta.dirname, '..')
const NODE = '127.41.5.1'
/** Addresses of the devices: 127.41.6.1 and so on, as many. */
const DEVICES = { prefix: '127.41.6.', count: 8 }

function pinned(core: number, args: string[]): [string, string[]] {
  return availableParallelism() > 1
    ? ['taskset', ['-c', String(core), process.execPath, ...args]]
    : [process.execPath, args]
}

async function withNode<T>(options: string[], work: () => Promise<T>): Promise<T> {
  const data = mkdtempSync(join(tmpdir(), 'thor-bench-'))
  const join_ = ['join', '--data', data, '--address', NODE, '--dns-port', '5353', '--log-level', 'error']
  const limits = ['--sip-source-rate', '0']
  const child: ChildProcess = spawn(...pinned(0, [join(root, 'bin/thor-node.js'), ...join_, ...limits, ...options]), {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await new Promise<void>((ready, fail) => {
      let output = ''
      child.once('exit', (code) => fail(new Error(`the node ended with ${code}:\n${output}`)))
      child.stdout?.on('data', (chunk) => {
        output += chunk
        if (output.includes('thor1-')) ready()
      })
    })
    const operations = connectControl(data)
    for (let n = 0; n < accounts; n++) await operations.accountAdd({ aor: `u${n}@thor.local`, password: `p${n}` })
    return await work()
  } finally {
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
    rmSync(data, { recursive: true, force: true })
  }
}

async function flood(perSecond: number, forSeconds: number): Promise<FloodReport> {
  const init: FloodInit = {
    node: NODE,
    devices: DEVICES,
    domain: 'thor.local',
    accounts,
    perSecond,
    seconds: forSeconds,
  }
  const child = spawn(...pinned(1, [join(import.meta.dirname, 'flood.ts'), JSON.stringify(init)]), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  await once(child, 'close')
  return JSON.parse(output) as FloodReport
}

/** The highest goodput of a rising load. */
async function peak(): Promise<number> {
  await flood(500, 3)
  let best = 0
  // One that is not met may be chance on a busy machine; two are the end.
  for (let rate = 1_000, missed = 0; missed < 2; rate *= 1.35) {
    const { goodPerSecond } = await flood(Math.round(rate), 3)
    best = Math.max(best, goodPerSecond)
    missed = goodPerSecond < rate * 0.9 ? missed + 1 : 0
  }
  return best
}

const show = (
  name: string,
  { offered, goodPerSecond, refused, silent, p50Ms, p99Ms }: FloodReport,
  best: number,
): void =>
  console.log(
    `${name.padEnd(24)} offered ${Math.round(offered)}/s  good ${Math.round(goodPerSecond)}/s ` +
      `(${Math.round((goodPerSecond / best) * 100)} % of the peak)  503 ${refused}  no answer ${silent}  ` +
      `p50 ${p50Ms.toFixed(1)} ms  p99 ${p99Ms.toFixed(1)} ms`,
  )

const runs: [name: string, options: string[]][] = [
  ['shedding', []],
  ['not shedding', ['--sip-latency', '1s']],
]
let best = 0
for (const [name, options] of runs) {
  await withNode(options, async () => {
    if (best === 0) {
      best = await peak()
      console.log(`peak: ${Math.round(best)} registrations per second`)
    }
    for (const factor of values.factors.split(',').map(Number)) {
      show(`${name}, ${factor} × peak`, await flood(Math.round(best * factor), seconds), best)
    }
  })
}

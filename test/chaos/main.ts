/**
 * Real nodes, real disks, real faults, under load, with a checker:
 *
 *   npm run chaos                                   lists the scenarios
 *   npm run chaos -- kill --nodes 3 --times 50 --seed 7
 *   npm run chaos -- kill partition --json          several; JSON on standard output, progress on standard error
 *   npm run chaos -- all --md                       the tables of docs/TAKEOVER.md
 *
 * As root on Linux each node gets a network namespace of its own; `--loopback` does without. `--keep` leaves the data
 * directories and writes the history beside them. Exit code 1: something acknowledged was lost, happened twice or was read
 * stale, or a scenario did not end.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { canIsolate } from '../support/namespaces.ts'
import { play } from './play.ts'
import { type Result, render, renderMarkdown } from './report.ts'
import type { Scenario } from './scenarios/contract.ts'
import { scenarios } from './scenarios/index.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: 'string' },
    times: { type: 'string' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    md: { type: 'boolean', default: false },
    loopback: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const number = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text))
const started = performance.now()
const say = (text: string): void =>
  console.error(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`)

function machineLine(): string {
  const load = loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')
  return `${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, Linux ${release()}, Node ${process.version}, load ${load}`
}

async function main(): Promise<number> {
  const wanted = positionals.includes('all') ? scenarios.map(({ name }) => name) : positionals
  const unknown = wanted.filter((name) => !scenarios.some((scenario) => scenario.name === name))
  if (values.help || wanted.length === 0 || unknown.length > 0) {
    for (const name of unknown) console.error(`there is no scenario "${name}"`)
    console.log('npm run chaos -- SCENARIO… [--nodes N,N] [--times N] [--seed N] [--json|--md] [--loopback] [--keep]\n')
    for (const { name, text, nodes, times, cuts } of scenarios) {
      console.log(`  ${name.padEnd(14)} ${text} (${nodes} nodes, ×${times}${cuts ? ', as root' : ''})`)
    }
    return unknown.length > 0 ? 2 : 0
  }
  const isolated = !values.loopback && canIsolate()
  const results: Result[] = []
  const templates = mkdtempSync(join(tmpdir(), 'thor-rings-'))
  const sizes: (string | undefined)[] = values.nodes?.split(',') ?? [undefined]
  for (const [size, name] of wanted.flatMap((one) => sizes.map((count) => [count, one] as const))) {
    const scenario = scenarios.find((one) => one.name === name) as Scenario
    if (scenario.cuts && !isolated) {
      say(`SKIP ${name}: it needs network namespaces (root on Linux, with ip, nft, nsenter, unshare)`)
      continue
    }
    const result = await play(scenario, {
      nodes: number(size),
      times: number(values.times),
      seed: Number(values.seed),
      keep: values.keep,
      isolated,
      say,
      templates,
    })
    results.push(result)
    if (!values.json && !values.md) console.log(render(result))
  }
  rmSync(templates, { recursive: true, force: true })
  if (values.json) console.log(JSON.stringify({ machine: machineLine(), results }, null, 2))
  else if (values.md) console.log(`${renderMarkdown(results)}\n\nMachine: ${machineLine()}`)
  else console.log(`\nMachine: ${machineLine()}`)
  return results.some(({ violations, error }) => violations.length > 0 || error !== undefined) ? 1 : 0
}

/** Again in a mount namespace of its own, so that small disks end with it. */
function again(): number {
  const args = ['-m', '--propagation', 'private', process.execPath, ...process.argv.slice(1)]
  const { status } = spawnSync('unshare', args, { stdio: 'inherit', env: { ...process.env, CHAOS_MOUNTS: 'own' } })
  return status ?? 1
}

const outside = canIsolate() && !values.loopback && process.env.CHAOS_MOUNTS === undefined
process.exit(outside ? again() : await main())

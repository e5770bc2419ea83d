/**
 * Simulates whole rings, one run per seed:
 *
 *   npm run sim -- --seed 7
 *   npm run sim -- --seeds 1..50 --jobs 2
 *   npm run sim -- --seeds 1..200 --plant one-replica-read
 *   npm run sim -- --seed 7 --faults 1,4 --trace
 *
 * Prints the seed, what was done, simulated seconds per CPU second and the hash of the trace. A failure comes with its story,
 * and with the fewest faults that still show it.
 */
import { parseArgs } from 'node:util'
import { batch } from './batch.ts'
import { faultKinds } from './faults/plan.ts'
import { plants } from './plants.ts'
import type { ProfileWish } from './profile.ts'
import { report, reportShrunk, reportStory } from './report.ts'
import { simulate } from './run.ts'
import { scenarios } from './scenarios/index.ts'
import { shrink } from './shrink.ts'
import { tighten } from './tight.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    nodes: { type: 'string' },
    spares: { type: 'string' },
    'faults-ms': { type: 'string' },
    faults: { type: 'string' },
    without: { type: 'string' },
    only: { type: 'string' },
    'until-found': { type: 'boolean', default: false },
    plant: { type: 'string' },
    scenario: { type: 'string' },
    tight: { type: 'boolean', default: false },
    jobs: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    brief: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: true },
    help: { type: 'boolean', default: false },
  },
  allowNegative: true,
})

const HELP = `npm run sim -- [options]      simulates whole rings, one run per seed

  --seed N          one run
  --seeds A..B      many; the last line sums up
  --jobs N          processes that share the seeds (default 1)
  --brief           only failures and the sum
  --trace           everything that happened, line by line
  --nodes N         size of the ring, instead of what the seed says
  --spares N        nodes that may join later
  --faults-ms MS    how long there is trouble
  --faults 1,4      only these of the planned faults
  --without KIND,…  kinds of faults that do not happen: ${faultKinds.join(', ')}
  --only KIND,…     kinds of faults that happen
  --scenario NAME   this course of events instead of chance: ${Object.keys(scenarios).join(', ')}
  --tight           limits so low that they are reached
  --until-found     stop at the first failure
  --no-shrink       do not look for the fewest faults that still fail
  --plant NAME      runs with a mistake planted into the code: ${Object.keys(plants).join(', ')}`

if (values.help) {
  console.log(HELP)
  process.exit(0)
}
if (values.plant !== undefined && !plants[values.plant]) {
  console.error(`there is no plant ${values.plant}, only ${Object.keys(plants).join(', ')}`)
  process.exit(2)
}
const scenario = scenarios[values.scenario ?? '']
if (values.scenario !== undefined && !scenario) {
  console.error(`there is no scenario ${values.scenario}, only ${Object.keys(scenarios).join(', ')}`)
  process.exit(2)
}
if (values.tight) tighten()
const range = /^(\d+)\.\.(\d+)$/.exec(values.seeds ?? '')
const [from, to] = range ? [Number(range[1]), Number(range[2])] : [Number(values.seed ?? 1), Number(values.seed ?? 1)]

const passed = (
  ['brief', 'nodes', 'spares', 'faults-ms', 'without', 'only', 'scenario', 'tight', 'until-found'] as const
).flatMap((name) => (values[name] ? [`--${name}`, ...(values[name] === true ? [] : [values[name]])] : []))
if (Number(values.jobs) > 1 || values.plant !== undefined) {
  process.exit(await batch({ from, to, jobs: Number(values.jobs), plant: values.plant, args: passed }))
}

const faults = values.faults?.split(',').filter(Boolean).map(Number)
const only = values.only?.split(',')
const without = faultKinds.filter((kind) => (only ? !only.includes(kind) : values.without?.split(',').includes(kind)))
const profile: ProfileWish = {
  ...(values.nodes && { nodes: Number(values.nodes) }),
  ...(values.spares && { spares: Number(values.spares) }),
  ...(values['faults-ms'] && { faultsMs: Number(values['faults-ms']) }),
  ...(without.length > 0 && { without }),
}
let failed = 0
let simulatedMs = 0
const begun = process.cpuUsage()
for (let seed = from; seed <= to; seed++) {
  const started = process.cpuUsage()
  const outcome = await simulate({ seed, profile, faults, scenario })
  const used = process.cpuUsage(started)
  simulatedMs += outcome.simulatedMs
  const isWrong = outcome.wrong.length > 0
  if (isWrong || !values.brief) report(outcome, (used.user + used.system) / 1e6)
  if (values.trace) console.log(outcome.trace.join('\n'))
  if (!isWrong) continue
  failed++
  if (values.shrink) scenario ? reportStory(outcome) : reportShrunk(await shrink(outcome, profile))
  if (values['until-found']) break
}
if (values.seeds !== undefined) {
  const { user, system } = process.cpuUsage(begun)
  const cpuSeconds = (user + system) / 1e6
  const line = { seeds: to - from + 1, failed, simulatedSeconds: Math.round(simulatedMs / 1000), cpuSeconds }
  console.log(`sum ${JSON.stringify(line)}`)
}
process.exit(failed > 0 ? 1 : 0)

/**
 * Simulates whole rings, one run per seed:
 *
 *   npm run sim -- --seed 7
 *   npm run sim -- --seeds 1..50
 *   npm run sim -- --seeds 1..9 --plant one-replica-read
 *
 * Prints the seed, what was done, simulated seconds per CPU second and the hash of the trace; a failure comes with its story.
 */
import { parseArgs } from 'node:util'
import { plants } from './plants.ts'
import { type Outcome, simulate } from './run.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string' },
    nodes: { type: 'string' },
    'faults-ms': { type: 'string' },
    plant: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
})

function seedsWanted(): number[] {
  const range = /^(\d+)\.\.(\d+)$/.exec(values.seeds ?? '')
  if (range) {
    const [from, to] = [Number(range[1]), Number(range[2])]
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i)
  }
  return [Number(values.seed ?? 1)]
}

/** The lines of a trace that speak of what is wrong, and everything that happened to nodes. */
function storyOf({ wrong, trace }: Outcome): string[] {
  const words = new Set(wrong.flatMap((one) => one.match(/\b(list|cdr|loc)\/[\d.]+|\ba\d+\.\d+\b/g) ?? []))
  const told = trace.filter((line) => {
    const [, , first, second] = /^\s*([\d.]+) {2}(\S+)(?: (\S+))?/.exec(line) ?? []
    if (!/^(list|cdr|loc)\//.test(first ?? '')) return true
    return words.has(first ?? '') || words.has(second ?? '')
  })
  return told.slice(-80)
}

if (values.plant !== undefined && !plants[values.plant]) {
  console.error(`there is no plant ${values.plant}, only ${Object.keys(plants).join(', ')}`)
  process.exit(2)
}

let failed = 0
for (const seed of seedsWanted()) {
  const started = process.cpuUsage()
  const outcome = await simulate({
    seed,
    nodes: values.nodes ? Number(values.nodes) : undefined,
    faultsMs: values['faults-ms'] ? Number(values['faults-ms']) : undefined,
    plant: values.plant === undefined ? undefined : plants[values.plant],
  })
  const used = process.cpuUsage(started)
  const cpuSeconds = (used.user + used.system) / 1e6
  const speed = (outcome.simulatedMs / 1000 / cpuSeconds).toFixed(0)
  const verdict = outcome.wrong.length > 0 ? 'FAIL' : 'ok  '
  console.log(`${verdict} seed ${seed}  ${outcome.hash}  ${speed} s per CPU second  ${outcome.counts}`)
  if (values.trace) console.log(outcome.trace.join('\n'))
  if (outcome.wrong.length === 0) continue
  failed++
  for (const one of outcome.wrong.slice(0, 20)) console.log(`     ${one}`)
  for (const line of storyOf(outcome)) console.log(`     | ${line}`)
  console.log(`     again: npm run sim -- --seed ${seed}`)
}
process.exit(failed > 0 ? 1 : 0)

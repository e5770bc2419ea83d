/** How the outcome of a run is told. */
import { faultText } from './faults/plan.ts'
import type { Outcome } from './run.ts'

const WRONG_LINES_MAX = 12
const STORY_LINES_MAX = 80

/** The lines of a trace that speak of what is wrong, and everything that happened to nodes. */
export function storyOf({ wrong, trace }: Outcome): string[] {
  const words = new Set(
    wrong.flatMap((one) => one.match(/\b(list|cdr|loc|bal|voucher|pot)\/[\w.]+|\b[acvm]\d+\.\d+\b/g) ?? []),
  )
  const isClients = /^(list|cdr|loc|bal|voucher|pot|call|m\d+\.\d+)\b/
  const told = trace.filter((line) => {
    const text = line.slice(14)
    return !isClients.test(text) || text.split(/[\s:]+/).some((word) => words.has(word))
  })
  return told.slice(-STORY_LINES_MAX)
}

export function report(outcome: Outcome, cpuSeconds: number): void {
  const { seed, wrong, hash, simulatedMs, counts, profile, plan } = outcome
  const speed = (simulatedMs / 1000 / cpuSeconds).toFixed(0)
  const size = `${profile.nodes}+${profile.spares} nodes, ${plan.length} faults (${profile.faults})`
  const verdict = wrong.length > 0 ? 'FAIL' : 'ok  '
  console.log(
    `${verdict} seed ${seed}  ${hash}  ${(simulatedMs / 1000).toFixed(0)} s at ${speed} s per CPU second  ${size}  ${counts}`,
  )
  if (wrong.length === 0) return
  for (const one of wrong.slice(0, WRONG_LINES_MAX)) console.log(`     ${one}`)
  if (wrong.length > WRONG_LINES_MAX) console.log(`     … and ${wrong.length - WRONG_LINES_MAX} more`)
}

export function reportShrunk(outcome: Outcome): void {
  const ids = outcome.plan.map((fault) => fault.id)
  console.log(`     with the fewest faults: ${outcome.plan.map(faultText).join('; ') || 'none at all'}`)
  for (const one of outcome.wrong.slice(0, WRONG_LINES_MAX)) console.log(`     ${one}`)
  reportStory(outcome)
  console.log(`     again: npm run sim -- --seed ${outcome.seed} --faults ${ids.join(',') || 'none'}`)
}

export function reportStory(outcome: Outcome): void {
  for (const line of storyOf(outcome)) console.log(`     | ${line}`)
}

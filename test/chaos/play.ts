/** One scenario from beginning to end: a ring, its load, the faults, the verdict. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { check } from './checker.ts'
import { measure } from './measure.ts'
import type { Result } from './report.ts'
import type { Scenario } from './scenarios/contract.ts'
import { pause, Stage, type StageInit } from './stage.ts'

export interface PlayOptions extends Pick<StageInit, 'isolated' | 'say' | 'load' | 'templates'> {
  nodes?: number
  times?: number
  seed: number
  /** Leaves the data directories, with the history and what the nodes said. */
  keep?: boolean
}

const SAID_MAX = 600
const QUIET_MS = 70_000

export async function play(scenario: Scenario, given: PlayOptions): Promise<Result> {
  const { isolated, say, seed, keep, load, templates } = given
  const nodes = Math.max(given.nodes ?? scenario.nodes, scenario.least)
  const times = given.times ?? scenario.times
  const began = performance.now()
  const options = { nodes, times }
  say(`${scenario.name}: ${nodes} nodes, ${times} times, seed ${seed}`)
  const more = scenario.stage?.(options)
  const stage = await Stage.open({ nodes, seed, isolated, say, templates, ...more, load: { ...more?.load, ...load } })
  let error: string | undefined
  try {
    await scenario.run(stage, options)
    await stage.finish()
  } catch (cause) {
    error = cause instanceof Error ? cause.message : String(cause)
    say(`${scenario.name} did not end: ${error}`)
    // The history must know of everything that may have happened.
    await Promise.race([stage.quiet(), pause(QUIET_MS)]).catch(() => undefined)
    for (const node of stage.nodes) say(`node ${node.number} said last:\n${node.output().slice(-SAID_MAX)}`)
  }
  if (keep) {
    const lines = stage.history.map((entry) => JSON.stringify(entry)).join('\n')
    writeFileSync(join(stage.base, 'history.jsonl'), `${lines}\n`)
    for (const node of stage.nodes) writeFileSync(join(stage.base, `n${node.number}.log`), node.output())
  }
  await stage.close(keep)
  const seconds = (performance.now() - began) / 1000
  const judged = { violations: check(stage.history), measured: measure(stage.history) }
  return { scenario: scenario.name, nodes, times, seed, seconds, isolated, ...judged, error }
}

/** kill -9 of one node at a time, in every position at once: for each victim, writes are under way of accounts whose home it is, of
 * accounts that it holds a copy of, and through it. */
import { pause, type Stage } from '../stage.ts'
import type { Scenario, ScenarioOptions } from './contract.ts'

const SPREAD_MS = 12
const CALM_MS = 800
/** A start takes about so long on an idle machine. */
const START_MS = 1_800

async function run(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const victim = stage.node((turn % stage.nodes.length) + 1)
    const victims = [victim.number]
    const places = await stage.places()
    stage.burst(victims, places)
    await pause(stage.random.float() * SPREAD_MS)
    const at = await stage.kill(victim)
    const failed = await stage.calm(victims, at, CALM_MS)
    const figures = stage.fault({ name: 'kill', at, victims, places })
    const { servingMs, copiesMs } = await stage.restart(victim)
    Object.assign(figures, { servingMs, copiesMs })
    stage.say(
      `${turn + 1}/${times}: node ${victim.number} killed, last failure elsewhere after ${failed.toFixed(0)} ms; ` +
        `serves ${servingMs.toFixed(0)} ms after its start, three copies after ${copiesMs.toFixed(0)} ms`,
    )
  }
}

/** Killed again while it starts, at any point of that. */
async function runStart(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const victim = stage.node((turn % stage.nodes.length) + 1)
    const victims = [victim.number]
    await stage.kill(victim)
    stage.cluster.launch(victim)
    const into = stage.random.float() * START_MS
    await pause(into)
    const at = await stage.kill(victim)
    await stage.calm(victims, at, CALM_MS)
    const figures = stage.fault({ name: 'kill-start', at, victims })
    const { servingMs, copiesMs } = await stage.restart(victim)
    Object.assign(figures, { servingMs, copiesMs })
    stage.say(
      `${turn + 1}/${times}: node ${victim.number} killed ${into.toFixed(0)} ms into its start; ` +
        `serves ${servingMs.toFixed(0)} ms after the next, three copies after ${copiesMs.toFixed(0)} ms`,
    )
  }
}

export const kill: Scenario = {
  name: 'kill',
  text: 'kill -9 of each node in turn, with writes and look-ups under way in every position, and start it again',
  nodes: 3,
  least: 3,
  times: 6,
  run,
}

export const killStart: Scenario = {
  name: 'kill-start',
  text: 'kill -9 of a node while it starts',
  nodes: 3,
  least: 3,
  times: 6,
  run: runStart,
}

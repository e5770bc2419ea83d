/** kill -9 of one node at a time, in every position at once: for each victim, writes are under way of accounts whose home it is, of
 * accounts that it holds a copy of, and through it. */
import { now, pause, type Stage } from '../stage.ts'
import type { Scenario, ScenarioOptions } from './contract.ts'

const SPREAD_MS = 12
const CALM_MS = 800

async function run(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const victim = stage.node((turn % stage.nodes.length) + 1)
    const places = await stage.places()
    stage.burst([victim.number], places)
    await pause(stage.random.float() * SPREAD_MS)
    const at = now()
    await stage.cluster.kill(victim)
    const calmAfterMs = await stage.calm([victim.number], at, CALM_MS)
    const launched = now()
    stage.cluster.launch(victim)
    stage.fault({ name: 'kill', at, victims: [victim.number], places, figures: {} })
    await stage.cluster.ready(victim)
    const servingMs = now() - launched
    stage.offerLive()
    const copiesMs = await stage.settled(launched)
    const fault = stage.history.findLast((entry) => entry.type === 'fault')
    if (fault) fault.figures = { servingMs, copiesMs }
    stage.say(
      `${turn + 1}/${times}: node ${victim.number} killed, last failure after ${calmAfterMs.toFixed(0)} ms; ` +
        `serves ${servingMs.toFixed(0)} ms after its start, three copies after ${copiesMs.toFixed(0)} ms`,
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

/** Networks that break: in two, one way, again and again, by losing packets, and a node whose cable is out. */
import type { Fault } from '../history.ts'
import { now, pause, type Stage } from '../stage.ts'
import type { Scenario, ScenarioOptions } from './contract.ts'

/** Long enough for the failure detector to decide, shorter than the minute after which ranges get other replicas. */
const HOLD_MS = 12_000
/** After the end of a cut both sides' bindings must be one again. */
const CONVERGED_MS = 60_000

const numbers = (stage: Stage): number[] => stage.nodes.map(({ number }) => number)

/** By account: nodes of the side that holds less than two of its replicas. */
function minority(places: NonNullable<Fault['places']>, sides: readonly number[][]): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(places).map(([aor, { replicas }]) => [
      aor,
      sides.filter((side) => replicas.filter((one) => side.includes(one)).length < 2).flat(),
    ]),
  )
}

/** Heals, and waits until clients of all nodes have stopped failing and all is in place. */
async function heal(stage: Stage, figures: NonNullable<Fault['figures']>): Promise<void> {
  stage.network.heal()
  const healed = now()
  stage.offerLive()
  figures['calm after healing'] = await stage.calm([], healed)
  figures['whole after healing'] = await stage.settled(healed)
}

async function runPartition(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const all = numbers(stage)
    const size = Math.floor((all.length - 1) / 2)
    const few = all.map((_, index) => all[(turn * size + index) % all.length] as number).slice(0, size)
    const many = all.filter((number) => !few.includes(number))
    const places = await stage.places()
    const at = now()
    for (const one of few) for (const other of many) cutBoth(stage, one, other)
    await pause(HOLD_MS)
    const figures = stage.fault({ name: 'partition', at, victims: [], places, minority: minority(places, [few, many]) })
    await heal(stage, figures)
    stage.pardonReads(at, CONVERGED_MS, HOLD_MS + CONVERGED_MS)
    stage.say(`${turn + 1}/${times}: ${few.join(', ')} | ${many.join(', ')}, ${told(figures)}`)
  }
}

function cutBoth(stage: Stage, one: number, other: number): void {
  stage.network.cut(one, other)
  stage.network.cut(other, one)
}

/** By turns: what one node sends to one other is lost; what one node sends to all others is lost. */
async function runOneWay(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const all = numbers(stage)
    const from = all[turn % all.length] as number
    const others = all.filter((number) => number !== from)
    const mute = turn % 2 === 1
    const to = mute ? others : [stage.pick(others)]
    const places = await stage.places()
    const at = now()
    for (const number of to) stage.network.cut(from, number)
    await pause(HOLD_MS)
    const cutOff = mute ? { minority: minority(places, [[from], others]) } : {}
    const figures = stage.fault({ name: 'one-way', at, victims: [], places, ...cutOff })
    await heal(stage, figures)
    stage.pardonReads(at, CONVERGED_MS, HOLD_MS + CONVERGED_MS)
    stage.say(`${turn + 1}/${times}: ${from} is not heard by ${to.join(', ')}, ${told(figures)}`)
  }
}

async function runFlapping(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const all = numbers(stage)
    const victim = all[turn % all.length] as number
    const places = await stage.places()
    const at = now()
    while (now() - at < HOLD_MS) {
      for (const other of all) if (other !== victim) cutBoth(stage, victim, other)
      await pause(300 + stage.random.float() * 2_000)
      stage.network.heal()
      await pause(300 + stage.random.float() * 1_500)
    }
    const figures = stage.fault({ name: 'flapping', at, victims: [victim], places })
    await heal(stage, figures)
    stage.pardonReads(at, CONVERGED_MS, HOLD_MS + CONVERGED_MS)
    stage.say(`${turn + 1}/${times}: ${victim} came and went, ${told(figures)}`)
  }
}

async function runLoss(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const percent = [2, 10][turn % 2] as number
    const at = now()
    for (const number of numbers(stage)) stage.network.lose(number, percent)
    await pause(HOLD_MS)
    const figures = stage.fault({ name: `loss ${percent} %`, at, victims: [] })
    await heal(stage, figures)
    stage.say(`${turn + 1}/${times}: ${percent} % of packets between nodes lost, ${told(figures)}`)
  }
}

/** Nothing says goodbye: no reset, no refusal, just silence. Then the cable is in again. */
async function runUnplug(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const victim = stage.node((turn % stage.nodes.length) + 1)
    const victims = [victim.number]
    const places = await stage.places()
    stage.burst(victims, places)
    const at = now()
    stage.network.unplug(victim.number)
    stage.offer(numbers(stage).filter((number) => number !== victim.number))
    await pause(1_000)
    await stage.calm(victims, at, 3_000)
    await pause(Math.max(0, HOLD_MS - (now() - at)))
    const figures = stage.fault({ name: 'unplug', at, victims, places })
    await heal(stage, figures)
    stage.pardonReads(at, CONVERGED_MS, HOLD_MS + CONVERGED_MS)
    stage.say(`${turn + 1}/${times}: node ${victim.number} unplugged, ${told(figures)}`)
  }
}

const told = (figures: Record<string, number>): string =>
  Object.entries(figures)
    .map(([name, value]) => `${name} ${value.toFixed(0)}`)
    .join(', ')

const common = { nodes: 5, least: 3, cuts: true }
export const partition: Scenario = {
  ...common,
  name: 'partition',
  text: 'two nodes of five (one of three) see each other but not the rest, for 12 s',
  times: 2,
  run: runPartition,
}
export const oneWay: Scenario = {
  ...common,
  name: 'one-way',
  text: 'a node is not heard by one other, then by none, for 12 s each',
  times: 2,
  run: runOneWay,
}
export const flapping: Scenario = {
  ...common,
  name: 'flapping',
  text: 'a node is cut off and heard again, every second or two, for 12 s',
  times: 2,
  run: runFlapping,
}
export const loss: Scenario = {
  ...common,
  name: 'loss',
  text: '2 %, then 10 % of all packets between nodes are lost, for 12 s each',
  times: 2,
  run: runLoss,
}
export const unplug: Scenario = {
  ...common,
  nodes: 3,
  name: 'unplug',
  text: 'a node is silent for all, clients too, without a word: a machine or a cable that dies',
  times: 3,
  run: runUnplug,
}

/** Ranges that move: a planned leave, a node killed in the middle of one, a crash whose ranges are given to others, an address
 * that changes. */
import { once } from 'node:events'
import { now, pause, type Stage } from '../stage.ts'
import type { Scenario, ScenarioOptions } from './contract.ts'

const LEAVE_LIMIT_MS = 120_000
const CALM_MS = 800
const FILL_ACCOUNTS = 400
const FILL_MB = 50
/** Promised: 90 s and what the copy takes at 8 MB/s. */
const REPLACED_LIMIT_MS = 180_000

async function runLeave(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const leaver = stage.pick(stage.live)
    const victims = [leaver.number]
    const places = await stage.places()
    const at = now()
    const gone = once(leaver.process, 'exit')
    await leaver.operations.leave()
    const late = pause(LEAVE_LIMIT_MS).then(() => [undefined] as const)
    const [code] = (await Promise.race([gone, late])) as [number | undefined]
    if (code !== 0) throw new Error(`node ${leaver.number} left with ${code}:\n${leaver.output().slice(-1_000)}`)
    const leftMs = now() - at
    stage.offerLive()
    const copiesMs = await stage.settled(at)
    Object.assign(stage.fault({ name: 'leave', at, victims, places }), { leftMs, copiesMs })
    const joined = await stage.join()
    await stage.settled(now())
    stage.say(
      `${turn + 1}/${times}: node ${leaver.number} left in ${leftMs.toFixed(0)} ms, node ${joined.number} joined`,
    )
  }
}

const ended = ({ process: { exitCode, signalCode } }: Stage['nodes'][number]): boolean =>
  exitCode !== null || signalCode !== null

/** By turns: the node that leaves is killed while its ranges move; another one is, and then the leaving one. */
async function runKillMove(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const leaver = stage.pick(stage.live)
    const other = stage.pick(stage.live.filter((node) => node !== leaver))
    await leaver.operations.leave()
    await pause(stage.random.float() * 1_500)
    for (const victim of turn % 2 === 0 ? [leaver] : [other, leaver]) {
      if (ended(victim)) continue
      const victims = [victim.number]
      const changing = await stage.changing()
      const places = await stage.places()
      stage.burst(victims, places)
      await pause(stage.random.float() * 12)
      const at = await stage.kill(victim)
      await stage.calm(victims, at, CALM_MS)
      const figures = stage.fault({ name: 'kill-move', at, victims, places })
      const started = await stage.restart(victim).catch((error: unknown) => {
        // It had handed over its last range, and was only about to end.
        if (victim === leaver && /has left its ring/.test(String(error))) return undefined
        throw error
      })
      if (!started) break
      const { servingMs, copiesMs } = started
      Object.assign(figures, { servingMs, copiesMs })
      stage.say(
        `${turn + 1}/${times}: node ${victim.number} killed while ${changing} ranges moved, whole after ${copiesMs.toFixed(0)} ms`,
      )
    }
    if (!ended(leaver)) continue
    // It was quicker.
    stage.say(`${turn + 1}/${times}: node ${leaver.number} had left before, another one joins`)
    await stage.join()
    await stage.settled(now())
  }
}

async function runReplace(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  const began = now()
  await stage.fill(FILL_ACCOUNTS)
  stage.say(`${FILL_MB} MB written in ${((now() - began) / 1_000).toFixed(0)} s`)
  await stage.settled(now(), REPLACED_LIMIT_MS)
  for (let turn = 0; turn < times; turn++) {
    const victim = stage.node((turn % stage.nodes.length) + 1)
    const victims = [victim.number]
    const places = await stage.places()
    const at = await stage.kill(victim)
    await stage.calm(victims, at, 3_000)
    const figures = stage.fault({ name: 'replace', at, victims, places })
    await pause(2_000)
    figures['three copies again'] = await stage.settled(at, REPLACED_LIMIT_MS)
    stage.say(
      `${turn + 1}/${times}: node ${victim.number} killed, three copies again after ${figures['three copies again'].toFixed(0)} ms`,
    )
    const next = stage.pick(stage.live)
    const after = await stage.places()
    const struck = await stage.kill(next)
    await stage.calm([next.number, ...victims], struck, CALM_MS)
    stage.fault({ name: 'the next one', at: struck, victims: [next.number, ...victims], places: after })
    await stage.restart(victim, next)
  }
}

async function runAddress(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const victim = stage.node((turn % stage.nodes.length) + 1)
    const victims = [victim.number]
    const places = await stage.places()
    const at = now()
    const gone = once(victim.process, 'exit')
    victim.process.kill('SIGTERM')
    await gone
    const first = `${stage.network.net}.${victim.number}`
    victim.address = victim.address === first ? stage.network.otherAddress(victim.number) : first
    const launched = now()
    stage.cluster.launch(victim)
    stage.tell({ type: 'node', node: { number: victim.number, address: victim.address, data: victim.data } })
    const figures = stage.fault({ name: 'address', at, victims, places })
    Object.assign(figures, await stage.started([victim], launched))
    stage.say(`${turn + 1}/${times}: node ${victim.number} moved to ${victim.address}`)
  }
}

export const leave: Scenario = {
  name: 'leave',
  text: 'a node of four leaves under load, and a new one joins',
  nodes: 4,
  least: 4,
  times: 1,
  stage: ({ times }) => ({ spare: times }),
  run: runLeave,
}
export const killMove: Scenario = {
  name: 'kill-move',
  text: 'kill -9 while ranges move: of the node that leaves, and of one that takes',
  nodes: 4,
  least: 4,
  times: 4,
  stage: ({ times }) => ({ spare: times }),
  run: runKillMove,
}
export const replace: Scenario = {
  name: 'replace',
  text: `a node of five dies for good with ${FILL_MB} MB in the ring: until there are three copies again; then the next one dies`,
  nodes: 5,
  least: 4,
  times: 1,
  run: runReplace,
}
export const address: Scenario = {
  name: 'address',
  text: 'a node comes back at another address',
  nodes: 3,
  least: 3,
  times: 2,
  cuts: true,
  run: runAddress,
}

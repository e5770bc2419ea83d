/** Nodes that are stopped, frozen, or all without power at once; a copy of an old disk put back. */
import { once } from 'node:events'
import { cpSync, rmSync } from 'node:fs'
import { now, pause, type Stage } from '../stage.ts'
import type { Scenario, ScenarioOptions } from './contract.ts'

/** Bindings of the last 10 s may be lost when all lose power: their snapshot is that old. */
const SNAPSHOT_MS = 12_000

async function runRolling(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    for (const victim of stage.nodes) {
      const victims = [victim.number]
      const places = await stage.places()
      const at = now()
      const gone = once(victim.process, 'exit')
      victim.process.kill('SIGTERM')
      const [code] = (await gone) as [number | null]
      const stoppedMs = now() - at
      if (code !== 0) throw new Error(`node ${victim.number} ended with ${code} after SIGTERM:\n${victim.output()}`)
      const restarted = await stage.restart(victim)
      Object.assign(stage.fault({ name: 'rolling', at, victims, places }), { stoppedMs, ...restarted })
      stage.say(
        `round ${turn + 1}/${times}: node ${victim.number} stopped in ${stoppedMs.toFixed(0)} ms, ` +
          `serves ${restarted.servingMs.toFixed(0)} ms after its start`,
      )
    }
  }
}

const FREEZES_MS = [1_000, 5_000, 15_000]

async function runFreeze(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const victim = stage.node((turn % stage.nodes.length) + 1)
    const victims = [victim.number]
    const places = await stage.places()
    const holdMs = FREEZES_MS[turn % FREEZES_MS.length] as number
    stage.burst(victims, places)
    await pause(stage.random.float() * 12)
    stage.tell({ type: 'paused', numbers: victims })
    const at = now()
    victim.process.kill('SIGSTOP')
    stage.offer(stage.nodes.map(({ number }) => number).filter((number) => number !== victim.number))
    await pause(holdMs)
    const figures = stage.fault({ name: 'freeze', at, victims, places })
    const woken = now()
    victim.process.kill('SIGCONT')
    stage.offerLive()
    figures['calm after waking'] = await stage.calm([], woken)
    stage.tell({ type: 'paused', numbers: [] })
    figures['whole after waking'] = await stage.settled(woken)
    stage.say(`${turn + 1}/${times}: node ${victim.number} frozen for ${holdMs / 1_000} s`)
  }
}

async function runPower(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const all = stage.nodes.map(({ number }) => number)
    const places = await stage.places()
    stage.burst(all.slice(0, 2), places)
    await pause(stage.random.float() * 12)
    const at = await stage.kill(...stage.nodes)
    stage.offer([])
    await pause(500)
    const restarted = await stage.restart(...stage.nodes)
    const figures = stage.fault({ name: 'power', at, victims: all, places })
    Object.assign(figures, restarted, { 'calm after start': await stage.calm([], now()) })
    stage.pardonRegisters(at - SNAPSHOT_MS, at)
    stage.say(`${turn + 1}/${times}: all killed, all serve ${restarted.servingMs.toFixed(0)} ms after their start`)
  }
}

const IMAGE_AGE_MS = 6_000
/** A minute until the dead member is given up, and the copies. */
const REPLACED_LIMIT_MS = 150_000

/** What happens when somebody restores a backup of one data directory: it has forgotten what it promised. */
async function runOldImage(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    const victim = stage.node((turn % stage.nodes.length) + 1)
    const victims = [victim.number]
    const image = `${victim.data}-image`
    await stage.kill(victim)
    cpSync(victim.data, image, { recursive: true, filter: (path) => !path.endsWith('.sock') })
    await stage.restart(victim)
    await pause(IMAGE_AGE_MS)
    const places = await stage.places()
    const at = await stage.kill(victim)
    rmSync(victim.data, { recursive: true, force: true })
    cpSync(image, victim.data, { recursive: true })
    rmSync(image, { recursive: true, force: true })
    const launched = now()
    stage.cluster.launch(victim)
    const back = await stage.cluster.ready(victim).then(
      () => true,
      () => false,
    )
    await stage.calm(victims, at)
    const figures = stage.fault({ name: 'old-image', at, victims, places })
    let how = 'came back with it'
    if (!back) {
      if (!/is an old copy/.test(victim.output())) throw new Error(`node ${victim.number}:\n${victim.output()}`)
      how = 'refused it and joined as a new node'
      stage.cluster.launch(victim, (await stage.pick(stage.live).operations.invite({})).invite)
      await stage.cluster.ready(victim)
    }
    stage.offerLive()
    figures.copiesMs = await stage.settled(launched, REPLACED_LIMIT_MS)
    const seconds = (figures.copiesMs / 1_000).toFixed(1)
    stage.say(
      `${turn + 1}/${times}: an old disk was put into node ${victim.number}, which ${how}; whole after ${seconds} s`,
    )
  }
}

export const rolling: Scenario = {
  name: 'rolling',
  text: 'SIGTERM, wait, start, wait until it serves: every node in turn',
  nodes: 3,
  least: 3,
  times: 2,
  run: runRolling,
}
export const freeze: Scenario = {
  name: 'freeze',
  text: 'a node stands still for 1, 5, 15 s (SIGSTOP) and goes on',
  nodes: 3,
  least: 3,
  times: 6,
  run: runFreeze,
}
export const power: Scenario = {
  name: 'power',
  text: 'kill -9 of all nodes at once, and start them again (what the kernel has cached survives: not so in test/sim)',
  nodes: 5,
  least: 3,
  times: 3,
  run: runPower,
}
export const oldImage: Scenario = {
  name: 'old-image',
  text: 'a copy of a data directory, seconds old, is put back',
  nodes: 3,
  least: 3,
  times: 1,
  run: runOldImage,
}

/** A disk that fills up. */
import { existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { now, pause, type Stage } from '../stage.ts'
import type { Scenario, ScenarioOptions } from './contract.ts'

const VICTIM = 2
const SIZE_MB = 700
const MB = 2 ** 20
/** Below what the node wants to be free, then nothing at all. */
const STEPS_MB = [100, 0]
const HOLD_MS = 8_000

function freeMb(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return (bavail * bsize) / MB
}

/** Writes until only so much is free. */
function fillUp(path: string, leaveMb: number): void {
  for (let piece = 0; ; piece++) {
    const more = Math.min(16, freeMb(path) - leaveMb)
    if (more < 0.01) return
    try {
      writeFileSync(join(path, `ballast-${leaveMb}-${piece}`), Buffer.alloc(Math.floor(more * MB)))
    } catch {
      return
    }
  }
}

async function run(stage: Stage, { times }: ScenarioOptions): Promise<void> {
  const victim = stage.node(VICTIM)
  const ended = (): boolean => victim.process.exitCode !== null || victim.process.signalCode !== null
  for (let turn = 0; turn < times; turn++) {
    for (const leaveMb of STEPS_MB) {
      const places = await stage.places()
      const at = now()
      fillUp(victim.data, leaveMb)
      await pause(HOLD_MS)
      stage.fault({ name: `disk-full ${leaveMb}`, at, victims: [VICTIM], places })
      const state = ended() ? 'the node has ended' : 'the node goes on'
      stage.say(
        `${turn + 1}/${times}: ${freeMb(victim.data).toFixed(0)} MB free on the disk of node ${VICTIM}, ${state}`,
      )
    }
    for (const leaveMb of STEPS_MB) {
      for (let piece = 0; existsSync(join(victim.data, `ballast-${leaveMb}-${piece}`)); piece++) {
        rmSync(join(victim.data, `ballast-${leaveMb}-${piece}`))
      }
    }
    const freed = now()
    if (ended()) await stage.restart(victim)
    stage.offerLive()
    const calmMs = await stage.calm([], freed)
    const copiesMs = await stage.settled(freed)
    stage.say(
      `${turn + 1}/${times}: room again, last failure after ${calmMs.toFixed(0)} ms, in place after ${copiesMs.toFixed(0)} ms`,
    )
  }
}

export const diskFull: Scenario = {
  name: 'disk-full',
  text: 'the disk of one node is full: 100 MB left, then nothing, then room again',
  nodes: 3,
  least: 3,
  times: 1,
  cuts: true,
  stage: () => ({ smallDisk: { number: VICTIM, sizeMb: SIZE_MB } }),
  run,
}

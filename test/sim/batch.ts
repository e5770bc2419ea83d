/** Many seeds in several processes; a plant needs one of its own anyway, because it changes the code while it is loaded. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'

export interface BatchInit {
  from: number
  to: number
  jobs: number
  plant?: string
  /** Passed on to each process. */
  args: readonly string[]
}

interface Sum {
  seeds: number
  failed: number
  simulatedSeconds: number
  cpuSeconds: number
}

/** A process needs a second of CPU to start: many seeds share one. */
const CHUNK = 200

/** Resolves with the exit code: 0 when every run was right. */
export async function batch({ from, to, jobs, plant, args }: BatchInit): Promise<number> {
  const total: Sum = { seeds: 0, failed: 0, simulatedSeconds: 0, cpuSeconds: 0 }
  const started = performance.now()
  let next = from
  let broken = 0
  const work = async (): Promise<void> => {
    while (next <= to) {
      const first = next
      next = Math.min(first + CHUNK, to + 1)
      const last = next - 1
      const sum = await chunk(first, last, plant, args)
      if (!sum) {
        broken++
        console.log(`a process died: its seeds were ${first}..${last}`)
      } else for (const key of Object.keys(total) as (keyof Sum)[]) total[key] += sum[key]
      if (process.stderr.isTTY)
        process.stderr.write(`\r${total.seeds} of ${to - from + 1} seeds, ${total.failed} failed `)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  const hours = total.simulatedSeconds / 3600
  console.log(
    `${total.seeds} seeds, ${total.failed} failed${broken ? `, ${broken} processes died` : ''}; ` +
      `${hours.toFixed(1)} simulated hours, ${(total.cpuSeconds / Math.max(1, total.seeds)).toFixed(2)} CPU seconds per seed, ` +
      `${(hours / (total.cpuSeconds / 60)).toFixed(2)} hours per CPU minute; ${((performance.now() - started) / 1000).toFixed(0)} s`,
  )
  return total.failed + broken > 0 ? 1 : 0
}

function chunk(
  from: number,
  to: number,
  plant: string | undefined,
  passed: readonly string[],
): Promise<Sum | undefined> {
  const here = import.meta.dirname
  const hook = plant ? ['--import', resolve(here, 'plant-hook.ts')] : []
  // Nobody reads the stacks of the errors that clients are told, and they cost a twentieth of the time.
  const args = ['--stack-trace-limit=0', ...hook, resolve(here, 'main.ts'), '--seeds', `${from}..${to}`, ...passed]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...(plant && { THOR_SIM_PLANT: plant }) },
  })
  let sum: Sum | undefined
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('sum ')) sum = JSON.parse(line.slice(4)) as Sum
    else console.log(line)
  })
  return new Promise((done) => {
    child.on('close', () => done(sum))
  })
}

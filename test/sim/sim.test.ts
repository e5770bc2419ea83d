import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { plants } from './plants.ts'
import { simulate } from './run.ts'
import { scenarios } from './scenarios/index.ts'
import seeds from './seeds.json' with { type: 'json' }

const test = suite('sim: whole rings')
const small = { profile: { nodes: 3, faultsMs: 15_000 } }

test(
  'a ring keeps its promises through crashes, partitions and a power cut, and the same seed is the same run',
  deadline(120_000, async () => {
    const one = await simulate({ ...small, seed: 11 })
    assert.equal(one.wrong, [])
    const again = await simulate({ ...small, seed: 11 })
    assert.is(again.hash, one.hash)
    assert.is(again.counts, one.counts)
    const other = await simulate({ ...small, seed: 12 })
    assert.equal(other.wrong, [])
    assert.is.not(other.hash, one.hash)
  }),
)

test(
  'runs that failed once do not fail again',
  deadline(120_000, async () => {
    for (const { seed, faults } of seeds as { seed: number; faults?: number[] }[]) {
      const { wrong } = await simulate({ seed, faults })
      assert.equal(wrong, [], `seed ${seed}`)
    }
  }),
)

test(
  'disks that do not sync are found out',
  deadline(120_000, async () => {
    const { wrong } = await simulate({ seed: 1, profile: { faultsMs: 1_000, powerCut: true }, ignoresSync: true })
    assert.ok(
      wrong.some((one) => /I3|lost|moved|is at/.test(one)),
      wrong.join('\n'),
    )
  }),
)

for (const [name, scenario] of Object.entries(scenarios)) {
  test(
    `a ring passes the scenario ${name}`,
    deadline(120_000, async () => {
      for (const seed of [1, 2]) {
        const { wrong } = await simulate({ seed, scenario })
        assert.equal(wrong, [], `seed ${seed}`)
      }
    }),
  )
}

const SEEDS_MAX = 20

/** Output of the simulator in a process of its own, until the judges find something. */
function runSim(args: readonly string[], plant?: string): Promise<string> {
  const here = import.meta.dirname
  const hook = plant === undefined ? [] : ['--import', resolve(here, 'plant-hook.ts')]
  const search = [resolve(here, 'main.ts'), '--until-found', '--brief', '--no-shrink', ...args]
  const env = { ...process.env, ...(plant !== undefined && { THOR_SIM_PLANT: plant }) }
  const child = spawn(process.execPath, [...hook, ...search], { env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk
    })
  }
  return new Promise((done) => {
    child.on('close', () => done(output))
  })
}

test(
  'a ring keeps its promises, and its limits, where these are reached all the time',
  deadline(120_000, async () => {
    assert.match(await runSim(['--tight', '--seeds', '1..1']), /^sum .*"failed":0/)
  }),
)

for (const [name, { mistake, finds, args }] of Object.entries(plants)) {
  test(
    `found: ${mistake}`,
    deadline(120_000, async () => {
      const output = await runSim(['--seeds', `1..${SEEDS_MAX}`, ...args], name)
      assert.match(output, /^FAIL seed/m)
      assert.match(output, finds)
    }),
  )
}

test.run()

import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { plants } from './plants.ts'
import { type SimulationInit, simulate } from './run.ts'
import seeds from './seeds.json' with { type: 'json' }

const test = suite('sim: whole rings')
const small = { nodes: 3, faultsMs: 15_000, quietMs: 35_000 }

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
    for (const { seed, faultsMs } of seeds) {
      const { wrong } = await simulate({ seed, faultsMs })
      assert.equal(wrong, [], `seed ${seed}`)
    }
  }),
)

/** The first run of these seeds in which the judges find something. */
async function firstFound(from: number, init: Omit<SimulationInit, 'seed'>): Promise<string[]> {
  for (let seed = from; seed < from + 8; seed++) {
    const { wrong } = await simulate({ ...init, seed })
    if (wrong.length > 0) return wrong
  }
  return []
}

test(
  'disks that do not sync are found out',
  deadline(120_000, async () => {
    const wrong = await firstFound(1, {
      ...small,
      faultsMs: 1_000,
      quietMs: 5_000,
      ignoresSync: true,
      plant: plants['old-copies-vote'],
    })
    assert.ok(
      wrong.some((one) => /lost|moved|is at/.test(one)),
      wrong.join('\n'),
    )
  }),
)

test(
  'a quorum of whoever answers is found out, and a read of one replica',
  deadline(240_000, async () => {
    const quorum = { ...small, faultsMs: 30_000, quietMs: 5_000, plant: plants['live-view-quorum'] }
    assert.ok((await firstFound(1, quorum)).some((one) => /lost|missed/.test(one)))
    const read = { quietMs: 5_000, plant: plants['one-replica-read'] }
    assert.ok((await firstFound(2, read)).some((one) => /missed/.test(one)))
  }),
)

test.run()

import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { simulate } from './run.ts'

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
  'disks that do not sync are found out',
  deadline(120_000, async () => {
    const { wrong } = await simulate({ ...small, faultsMs: 1_000, seed: 1, ignoresSync: true })
    assert.ok(wrong.length > 0)
    assert.ok(
      wrong.some((one) => /lost|moved|is at/.test(one)),
      wrong.join('\n'),
    )
  }),
)

test.run()

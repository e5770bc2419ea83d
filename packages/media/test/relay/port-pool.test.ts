import assert from 'node:assert/strict'
import { errorCode } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { PortPool } from '../../src/relay/port-pool.ts'

const test = suite('media port pool')

const pool = (from: number, to: number, seed = 1): PortPool =>
  new PortPool({ random: new SimRandom(seed) }, { from, to })

test('gives every pair of the range once, even port first, then says that none is left', () => {
  const ports = pool(40_001, 40_010)
  assert.equal(ports.size, 4)
  const taken = Array.from({ length: 4 }, () => ports.take())
  assert.deepEqual(taken.toSorted(), [40_002, 40_004, 40_006, 40_008])
  assert.equal(ports.free, 0)
  assert.throws(
    () => ports.take(),
    (error) => errorCode(error) === 'MEDIA_PORTS_EXHAUSTED',
  )
})

test('a freed pair is the last to come again', () => {
  const ports = pool(40_000, 40_007)
  const first = ports.take()
  ports.give(first)
  const others = Array.from({ length: 3 }, () => ports.take())
  assert.ok(!others.includes(first))
  assert.equal(ports.take(), first)
})

test('where it starts is chance', () => {
  const starts = new Set(Array.from({ length: 20 }, (_, seed) => pool(40_000, 49_999, seed).take()))
  assert.ok(starts.size > 15, `${starts.size} different starts of 20`)
  assert.equal(pool(40_000, 49_999, 3).take(), pool(40_000, 49_999, 3).take())
})

test('reaches the last pair of all', () => {
  assert.equal(pool(65_534, 65_535).take(), 65_534)
})

test('a range without a pair is refused', () => {
  for (const [from, to] of [
    [40_001, 40_002],
    [40_000, 40_000],
    [40_000, 39_000],
    [0, 10],
    [65_534, 65_536],
    [Number.NaN, 10],
  ] as const) {
    assert.throws(
      () => pool(from, to),
      (error) => errorCode(error) === 'MEDIA_PORT_RANGE',
      `${from}–${to}`,
    )
  }
})

test('giving back twice is our own mistake', () => {
  const ports = pool(40_000, 40_007)
  const port = ports.take()
  ports.give(port)
  assert.throws(() => ports.give(port), { code: 'ERR_ASSERTION' })
})

test.run()

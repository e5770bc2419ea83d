import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { retryMs } from '../../src/membership/mesh.ts'
import { refusalsNeeded, suspicionMs } from '../../src/membership/suspicion.ts'

const test = suite('membership: arithmetic of suspicion')

test('confirmations shorten the time, ill health lengthens it', () => {
  const table: [accusers: number, others: number, health: number, ms: number][] = [
    [0, 5, 1, 12_000],
    [1, 5, 1, 12_000],
    [2, 5, 1, 6_322],
    [3, 5, 1, 3_000],
    [9, 5, 1, 3_000],
    [1, 1, 1, 12_000],
    [2, 1, 1, 3_000],
    [1, 0, 1, 6_000],
    [0, 0, 1, 12_000],
    [3, 5, 3, 9_000],
    [3, 5, 99, 24_000],
    [3, 5, 0, 3_000],
  ]
  for (const [accusers, others, health, ms] of table) {
    assert.is(suspicionMs({ accusers, others, health }), ms, `${accusers} accusers, ${others} others, health ${health}`)
  }
})

test('two refusals are enough, or all that can be had', () => {
  assert.equal([0, 1, 2, 9].map(refusalsNeeded), [1, 2, 2, 2])
})

test('dials are repeated at doubling distances with an upper end', () => {
  assert.equal(
    [0, 1, 2, 6, 7, 50].map((attempts) => retryMs(attempts, 0.5)),
    [50, 100, 200, 3_200, 5_000, 5_000],
  )
  assert.is(retryMs(0, 0), 38)
  assert.ok(retryMs(50, 0.999) < 6_251)
})

test.run()

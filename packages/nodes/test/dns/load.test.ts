import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { idleLoad, type LoadLevel, type LoadState, nextLoad, shareAt } from '../../src/dns/load.ts'

const test = suite('nodes: load of a node in steps')

/** One sample per second; gives the levels after each. */
function levels(busy: readonly number[], from: LoadState = idleLoad, shedding = false): [LoadLevel[], LoadState] {
  let state = from
  let now = Math.max(0, state.changedAt)
  const seen = busy.map((share) => {
    now += 1_000
    state = nextLoad(state, { busy: share, shedding, now })
    return state.level
  })
  return [seen, state]
}
const seconds = (count: number, busy: number): number[] => Array.from({ length: count }, () => busy)
/** When it changed, second → level. */
const changes = (seen: readonly LoadLevel[]): [number, LoadLevel][] =>
  seen.flatMap((level, at): [number, LoadLevel][] => (level === (seen[at - 1] ?? 0) ? [] : [[at, level]]))

test('a node that is idle, or busy for a moment, is at 0', () => {
  assert.equal(changes(levels(seconds(60, 0.2))[0]), [])
  assert.equal(changes(levels([...seconds(10, 0.1), 1, ...seconds(20, 0.1)])[0]), [])
})

for (const [busy, level] of [
  [0.3, 0],
  [0.45, 1],
  [0.65, 2],
  [0.8, 3],
  [1, 4],
] as const) {
  test(`a node that is busy ${busy} of the time comes to level ${level} and stays there`, () => {
    const [seen] = levels([...seconds(10, 0), ...seconds(60, busy)])
    assert.is(seen.at(-1), level)
    assert.ok(changes(seen).length <= 3, 'in few steps')
    assert.equal(changes(seen.slice(-30)), changes(seconds(30, 0).map(() => level)), 'without a change at the end')
  })
}

test('load that sways around a bound does not make the level sway', () => {
  const swaying = Array.from({ length: 120 }, (_, i) => (i % 6 < 3 ? 0.6 : 0.5))
  assert.is(changes(levels(swaying)[0].slice(60)).length, 1, 'only where the slice begins')
})

test('levels change every ten seconds at most, and fall by one at a time', () => {
  const [, busy] = levels(seconds(60, 1))
  const [seen] = levels(seconds(60, 0), busy)
  const fallen = [4 as LoadLevel, ...seen].filter((level, at, all) => at === 0 || level !== all[at - 1])
  assert.equal(fallen, [4, 3, 2, 1, 0])
  const at = changes(seen).slice(1)
  for (const [index, [second]] of at.entries()) assert.ok(index === 0 || second - (at[index - 1]?.[0] as number) >= 10)
})

test('a node that sheds is at 4 at once, and for ten seconds after', () => {
  const [, calm] = levels(seconds(30, 0.1))
  const [seen, shed] = levels(seconds(1, 0.1), calm, true)
  assert.equal(seen, [4])
  assert.equal(changes(levels(seconds(15, 0.1), shed)[0]), [
    [0, 4],
    [9, 3],
  ])
})

test('the more a node has to do, the less it gets, and never nothing', () => {
  const shares = ([0, 1, 2, 3, 4] as const).map((level) => shareAt(1, level))
  assert.equal(
    shares.toSorted((a, b) => b - a),
    shares,
  )
  assert.is(shares[0], 1)
  assert.ok((shares[4] as number) > 0)
})

test.run()

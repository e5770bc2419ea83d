import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pendingMoves } from '../../src/ranges/plan.ts'
import { MoveProgress } from '../../src/ranges/progress.ts'

const test = suite('overlay: progress of moves')

const move = (open = false) => ({ from: ['a', 'b', 'c'], to: ['a', 'b', 'd'], open })
const times = (count: number, open = false) => Array.from({ length: count }, () => move(open))

test('share done is measured by the most there was to do, the end by the pace so far', () => {
  const progress = new MoveProgress()
  assert.equal(progress.look(0, times(100)), [
    { from: ['a', 'b', 'c'], to: ['a', 'b', 'd'], left: 100, open: 0, total: 100 },
  ])
  const [early] = progress.look(1_000, [...times(60), ...times(30, true)])
  assert.equal([early?.left, early?.open, early?.total, early?.etaMs], [90, 30, 100, undefined])
  const [half] = progress.look(10_000, times(50))
  assert.equal([half?.left, half?.total, half?.etaMs], [50, 100, 10_000])
  assert.equal(progress.look(20_000, []), [])
  assert.is(progress.look(30_000, times(7))[0]?.total, 7, 'a new group begins anew')
})

test('more to do than before begins a new measure, and members in another order are the same group', () => {
  const progress = new MoveProgress()
  progress.look(0, times(10))
  const [more] = progress.look(5_000, times(40))
  assert.equal([more?.total, more?.etaMs], [40, undefined])
  const groups = progress.look(6_000, [move(), { from: ['c', 'a', 'b'], to: ['d', 'b', 'a'], open: false }])
  assert.is(groups.length, 1)
  assert.is(groups[0]?.left, 2)
})

test('what is pending: changes under way, ranges elsewhere than they should be, and those of a node that leaves', () => {
  const member = (nodeId: string) => ({ nodeId, since: 1 })
  const at = (range: number, epoch: number, old: string, next?: string) => ({
    range,
    epoch,
    old: [...old].map(member),
    ...(next && { next: [...next].map(member) }),
  })
  const pending = [
    ...pendingMoves({
      configs: [
        at(0, 0, ''),
        at(1, 3, 'abc'),
        at(2, 3, 'abc', 'abd'),
        at(3, 3, 'abc'),
        at(4, 3, 'ab'),
        at(5, 3, 'abe'),
      ],
      settled: [[], ['a', 'c', 'b'], ['a', 'b', 'd'], ['a', 'b', 'd'], ['a', 'b'], ['a', 'b', 'e']],
      eager: [[], ['a', 'b', 'c'], [], [], ['a', 'b', 'c'], ['a', 'b', 'f']],
      isLeaving: (nodeId) => nodeId === 'e',
    }),
  ].map(({ range, to, open }) => [range, to.join(''), open])
  assert.equal(pending, [
    [2, 'abd', true],
    [3, 'abd', false],
    [4, 'abc', false],
    [5, 'abf', false],
  ])
})

test.run()

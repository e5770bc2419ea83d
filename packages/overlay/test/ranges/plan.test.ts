import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RangeConfig } from '../../src/ranges/contract.ts'
import { planMoves, targetOf } from '../../src/ranges/plan.ts'

const test = suite('overlay: plan of moves')

const config = (old: string, next?: string): RangeConfig => {
  const members = (names: string) => [...names].map((nodeId) => ({ nodeId, since: 1 }))
  return { range: 0, epoch: 1, old: members(old), ...(next ? { next: members(next) } : {}) }
}

test('who should vote', () => {
  for (const [old, desired, leaving, target] of [
    ['abc', 'abc', '', undefined],
    ['abc', 'acb', '', undefined],
    ['abc', 'cab', '', 'cab'],
    ['ab', 'ba', '', 'ba'],
    ['abc', 'ca', '', undefined],
    ['a', 'ba', '', 'ba'],
    ['ab', 'cab', '', 'cab'],
    ['abc', 'abd', '', 'abd'],
    ['abc', 'ab', '', undefined],
    ['abc', 'ab', 'c', 'ab'],
    ['abc', 'abd', 'c', 'abd'],
    ['abc', '', '', undefined],
    ['a', '', 'a', undefined],
    ['abc', 'd', '', 'dab'],
  ] as const) {
    const found = targetOf(config(old), [...desired], (nodeId) => leaving.includes(nodeId))
    assert.is(found?.join(''), target, `${old} → ${desired}, leaving ${leaving}`)
  }
})

interface Case {
  old: string
  next?: string
  settled: string
  eager?: string
  live: string
  leaving?: string
  missed?: string
  suspect?: string
  drives?: boolean
}

const planned = ({ old, next, settled, eager, live, leaving, missed, suspect, drives }: Case): string => {
  const plan = planMoves({
    configs: [config(old, next)],
    settled: [[...settled]],
    eager: [[...(eager ?? settled)]],
    isLive: (nodeId) => live.includes(nodeId),
    isSuspect: (nodeId) => (suspect ?? '').includes(nodeId),
    isLeaving: (nodeId) => (leaving ?? '').includes(nodeId),
    isMissed: (nodeId) => (missed ?? '').includes(nodeId),
    drives: () => drives ?? true,
  })
  const [urgent, normal] = [plan.urgent[0]?.target.join(''), plan.normal[0]?.target.join('')]
  return urgent ? `urgent ${urgent}` : normal ? `normal ${normal}` : '-'
}

test('what is urgent, what can wait, and what must not be begun', () => {
  for (const [what, input, expected] of [
    ['a second node comes', { old: 'a', settled: 'a', eager: 'ba', live: 'ab' }, 'urgent ba'],
    ['a third node comes', { old: 'ab', settled: 'ab', eager: 'acb', live: 'abc' }, 'urgent acb'],
    ['a third comes while the second is dead', { old: 'ab', settled: 'ab', eager: 'acb', live: 'ac' }, '-'],
    ['a fourth node comes', { old: 'abc', settled: 'abc', eager: 'abd', live: 'abcd' }, '-'],
    ['a fourth node has been there for a while', { old: 'abc', settled: 'abd', live: 'abcd' }, 'normal abd'],
    ['another of the same nodes should be home', { old: 'abc', settled: 'bac', live: 'abc' }, 'normal bac'],
    ['another should be home, and a member is dead', { old: 'abc', settled: 'bac', live: 'ab', missed: 'c' }, '-'],
    ['it is not ours to drive', { old: 'abc', settled: 'abd', live: 'abcd', drives: false }, '-'],
    ['a change is under way', { old: 'abc', next: 'abd', settled: 'abe', live: 'abcde' }, '-'],
    ['a member died just now', { old: 'abc', settled: 'abd', live: 'abd', missed: 'c' }, '-'],
    ['a member is long dead', { old: 'abc', settled: 'abd', live: 'abd' }, 'urgent abd'],
    ['a member is long dead and nobody is spare', { old: 'abc', settled: 'ab', live: 'ab' }, '-'],
    ['a majority is dead', { old: 'abc', settled: 'ade', live: 'ade' }, '-'],
    ['the new member is dead', { old: 'abc', settled: 'abd', live: 'abc' }, '-'],
    ['the new member is suspected', { old: 'abc', settled: 'abd', live: 'abcd', suspect: 'd' }, '-'],
    ['a member that stays is suspected', { old: 'abc', settled: 'abd', live: 'abcd', suspect: 'a' }, 'normal abd'],
    ['a member leaves', { old: 'abc', settled: 'ab', live: 'abc', leaving: 'c' }, 'urgent ab'],
    [
      'a member leaves while another is dead',
      { old: 'abc', settled: 'ab', live: 'ac', leaving: 'c', missed: 'b' },
      '-',
    ],
  ] as [string, Case, string][]) {
    assert.is(planned(input), expected, what)
  }
})

test.run()

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  type Belief,
  type Circumstances,
  type Effect,
  type Evidence,
  type InDoubt,
  step,
  trusted,
} from '../../src/membership/detector.ts'

const test = suite('membership: what one node believes of another')

const at = (now: number, more: Partial<Circumstances> = {}): Circumstances => ({
  now,
  self: 'me',
  others: 3,
  health: 1,
  ...more,
})

const suspected = (more: Partial<InDoubt> = {}): InDoubt => ({
  phase: 'suspected',
  since: 0,
  accusers: [],
  refusedAt: [],
  ...more,
})
const doubted = (more: Partial<InDoubt> = {}): InDoubt => suspected({ phase: 'doubted', ...more })
const dead: Belief = { phase: 'dead' }
const names = (effects: readonly Effect[]): string[] =>
  effects.map((effect) => (effect.type === 'accuse' ? `accuse ${effect.evidence}` : effect.type))

test('every evidence in every state', () => {
  const table: [Belief, Evidence, phase: Belief['phase'], effects: string[]][] = [
    [trusted, { type: 'answered' }, 'trusted', []],
    [trusted, { type: 'look' }, 'trusted', []],
    [trusted, { type: 'stalled', forMs: 9 }, 'trusted', []],
    [trusted, { type: 'lost' }, 'suspected', ['suspect', 'redial', 'timer']],
    [trusted, { type: 'silent', by: 'me' }, 'suspected', ['suspect', 'accuse silent', 'timer']],
    [trusted, { type: 'silent', by: 'b' }, 'doubted', ['redial', 'probe']],
    [trusted, { type: 'refused', by: 'me' }, 'suspected', ['suspect', 'accuse refused', 'timer']],
    [trusted, { type: 'refused', by: 'b' }, 'doubted', ['redial', 'probe']],
    [doubted(), { type: 'answered' }, 'trusted', []],
    [doubted(), { type: 'look' }, 'doubted', []],
    [doubted(), { type: 'stalled', forMs: 9 }, 'doubted', []],
    [doubted({ accusers: ['b'] }), { type: 'silent', by: 'b' }, 'doubted', []],
    [doubted({ accusers: ['b'] }), { type: 'silent', by: 'c' }, 'doubted', ['redial', 'probe']],
    [doubted({ refusedAt: ['b'] }), { type: 'refused', by: 'c' }, 'doubted', ['redial', 'probe']],
    [doubted(), { type: 'lost' }, 'suspected', ['suspect', 'redial', 'timer']],
    [doubted({ accusers: ['b'] }), { type: 'silent', by: 'me' }, 'suspected', ['suspect', 'accuse silent', 'timer']],
    [doubted(), { type: 'refused', by: 'me' }, 'suspected', ['suspect', 'accuse refused', 'timer']],
    [doubted({ refusedAt: ['b'] }), { type: 'refused', by: 'me' }, 'dead', ['suspect', 'accuse refused', 'kill']],
    [suspected(), { type: 'answered' }, 'trusted', ['trust']],
    [suspected(), { type: 'look' }, 'suspected', ['timer']],
    [suspected(), { type: 'lost' }, 'suspected', ['redial', 'timer']],
    [suspected({ accusers: ['me'] }), { type: 'silent', by: 'me' }, 'suspected', ['timer']],
    [suspected({ refusedAt: ['b'] }), { type: 'refused', by: 'me' }, 'dead', ['accuse refused', 'kill']],
    [suspected({ refusedAt: ['me'] }), { type: 'refused', by: 'b' }, 'dead', ['redial', 'probe', 'kill']],
    [suspected({ refusedAt: ['b'] }), { type: 'refused', by: 'c' }, 'suspected', ['redial', 'probe', 'timer']],
    [dead, { type: 'answered' }, 'trusted', ['trust']],
    [dead, { type: 'lost' }, 'dead', []],
    [dead, { type: 'silent', by: 'me' }, 'dead', []],
    [dead, { type: 'refused', by: 'me' }, 'dead', []],
    [dead, { type: 'look' }, 'dead', []],
    [dead, { type: 'stalled', forMs: 9 }, 'dead', []],
  ]
  for (const [belief, evidence, phase, effects] of table) {
    const out = step(belief, evidence, at(0))
    const what = `${belief.phase} + ${evidence.type}`
    assert.is(out.belief.phase, phase, what)
    assert.equal(names(out.effects), effects, what)
  }
})

test('time makes a verdict, and sooner with more accusers', () => {
  const table: [accusers: string[], now: number, phase: Belief['phase']][] = [
    [['me'], 11_999, 'suspected'],
    [['me'], 12_000, 'dead'],
    [['me', 'b', 'c'], 2_999, 'suspected'],
    [['me', 'b', 'c'], 3_000, 'dead'],
    [['b', 'c', 'd'], 99_000, 'suspected'],
  ]
  for (const [accusers, now, phase] of table) {
    assert.is(step(suspected({ accusers }), { type: 'look' }, at(now)).belief.phase, phase, `${accusers} at ${now}`)
  }
})

test('what others say counts from when they said it, once this node has looked itself', () => {
  const belief = doubted({ accusers: ['b', 'c'] })
  assert.is(step(belief, { type: 'look' }, at(99_000)).belief.phase, 'doubted')
  const { belief: next, effects } = step(belief, { type: 'silent', by: 'me' }, at(900))
  assert.is(next.phase, 'suspected')
  assert.equal(effects.at(-1), { type: 'timer', afterMs: 2_100 })
  assert.is(step(belief, { type: 'silent', by: 'me' }, at(3_000)).belief.phase, 'dead')
})

test('with nobody else to ask, one refusal is enough', () => {
  assert.is(step(trusted, { type: 'refused', by: 'me' }, at(0, { others: 0 })).belief.phase, 'dead')
})

test('time in which this node stood still does not count', () => {
  const before = suspected({ accusers: ['me', 'b', 'c'] })
  const after = step(before, { type: 'stalled', forMs: 2_500 }, at(3_000)).belief
  assert.is(after.phase, 'suspected')
  assert.is(step(after, { type: 'look' }, at(5_499)).belief.phase, 'suspected')
  assert.is(step(after, { type: 'look' }, at(5_500)).belief.phase, 'dead')
})

test('the timer comes when the verdict is due', () => {
  const { effects } = step(suspected({ accusers: ['me', 'b'] }), { type: 'silent', by: 'c' }, at(1_000))
  assert.equal(effects.at(-1), { type: 'timer', afterMs: 2_000 })
})

test.run()

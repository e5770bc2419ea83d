import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ContextInput, type ContextState, initialContext, step } from '../../src/proxy/response-context.ts'

const test = suite('sip: response context')

/** Inputs as short words: `0:180` a response, `0!timeout`, `C0` Timer C, `G` the time of a group, `cancel`. */
function input(word: string): ContextInput {
  if (word === 'start' || word === 'cancel') return { type: word }
  if (word === 'G') return { type: 'group-timer' }
  if (word.startsWith('C')) return { type: 'timer-c', branch: Number(word.slice(1)) }
  const [branch, status] = word.split(/[:!]/) as [string, string]
  if (word.includes('!')) return { type: 'failure', branch: Number(branch), cause: status as 'timeout' | 'transport' }
  return { type: 'response', branch: Number(branch), status: Number(status) }
}

/** Effects as short words; timers are left out. */
function run(groups: number[], words: string, invite = true): string[] {
  let state: ContextState = initialContext(invite, groups)
  const out: string[] = []
  for (const word of `start ${words}`.trim().split(' ')) {
    const result = step(state, input(word))
    state = result.state
    for (const effect of result.effects) {
      if (effect.type === 'start-branch') out.push(`+${effect.branch}`)
      else if (effect.type === 'cancel-branch') out.push(`-${effect.branch}`)
      else if (effect.type === 'forward') out.push(`fwd ${word}`)
      else if (effect.type === 'respond') out.push(`=${effect.status}`)
    }
  }
  return out
}

const invites: [name: string, groups: number[], inputs: string, effects: string[]][] = [
  ['nobody to ask is 480', [], '', ['=480']],
  ['100 is not forwarded, 180 is', [0], '0:100 0:180', ['+0', 'fwd 0:180']],
  [
    '2xx is forwarded at once and cancels the others',
    [0, 0],
    '0:180 1:200',
    ['+0', '+1', 'fwd 0:180', 'fwd 1:200', '-0'],
  ],
  [
    'a second 2xx is forwarded too',
    [0, 0],
    '0:200 1:200 0:200',
    ['+0', '+1', 'fwd 0:200', '-1', 'fwd 1:200', 'fwd 0:200'],
  ],
  ['failures wait for the last', [0, 0], '0:486 1:404', ['+0', '+1', '=486']],
  ['the lowest class wins', [0, 0, 0], '0:500 1:404 2:302', ['+0', '+1', '+2', '=302']],
  ['within 4xx a challenge wins', [0, 0], '0:404 1:407', ['+0', '+1', '=407']],
  ['a time-out loses against a word', [0, 0], '0!timeout 1:486', ['+0', '+1', '=486']],
  ['a time-out alone is 408', [0], '0!timeout', ['+0', '=408']],
  ['a broken transport is 503', [0], '0!transport', ['+0', '=503']],
  ['6xx cancels the others and wins', [0, 0], '0:603 1:487', ['+0', '+1', '-1', '=603']],
  ['6xx starts no further group', [0, 1], '0:603', ['+0', '=603']],
  [
    'a group follows when all of the one before failed',
    [0, 0, 1],
    '0:486 1:480 2:200',
    ['+0', '+1', '+2', 'fwd 2:200'],
  ],
  ['groups need not start at 0 nor be dense', [5, 2], '1:404 0:200', ['+1', '+0', 'fwd 0:200']],
  ['CANCEL cancels what runs and starts no more', [0, 1], '0:180 cancel 0:487', ['+0', 'fwd 0:180', '-0', '=487']],
  ['CANCEL of a silent branch ends in 487', [0], 'cancel 0!timeout', ['+0', '-0', '=487']],
  ['a second CANCEL does nothing', [0], 'cancel cancel', ['+0', '-0']],
  ['a 2xx that crosses CANCEL is forwarded', [0], 'cancel 0:200', ['+0', '-0', 'fwd 0:200']],
  ['CANCEL after the answer does nothing', [0], '0:200 cancel', ['+0', 'fwd 0:200']],
  ['Timer C cancels a branch that rang', [0], '0:180 C0 0:487', ['+0', 'fwd 0:180', '-0', '=487']],
  ['Timer C ends a branch that never spoke', [0], 'C0', ['+0', '-0', '=408']],
  ['Timer C after the end does nothing', [0], '0:486 C0', ['+0', '=486']],
  ['late provisional responses are dropped', [0], '0:486 0:180', ['+0', '=486']],
  ['a final response twice counts once', [0, 0], '0:486 0:404 1:480', ['+0', '+1', '=486']],
  [
    'the next group starts when the first has rung long enough',
    [0, 0, 1],
    '0:180 1:486 G',
    ['+0', '+1', 'fwd 0:180', '-0', '+2'],
  ],
  ['what rang long loses against a word', [0, 1], '0:180 G 1:486', ['+0', 'fwd 0:180', '-0', '+1', '=486']],
  ['all that rang long are 408', [0, 1], 'G 1!timeout', ['+0', '-0', '+1', '=408']],
  ['its 487 is no news', [0, 1], '0:180 G 0:487 1:200', ['+0', 'fwd 0:180', '-0', '+1', 'fwd 1:200']],
  [
    'picked up while the next group rings',
    [0, 1],
    '0:180 G 1:180 0:200 1:487',
    ['+0', 'fwd 0:180', '-0', '+1', 'fwd 1:180', 'fwd 0:200', '-1'],
  ],
  ['the last group has all its time', [0, 1], '0:486 1:180 G', ['+0', '+1', 'fwd 1:180']],
  ['its time does nothing after CANCEL', [0, 1], 'cancel G', ['+0', '-0']],
  ['a branch that does not exist is ignored', [0], '7:200 7!timeout C7', ['+0']],
]

for (const [name, groups, inputs, effects] of invites) {
  test(name, () => assert.equal(run(groups, inputs), effects))
}

test('other methods cancel nothing and forward one 2xx', () => {
  assert.equal(run([0, 0], '0:200 1:200', false), ['+0', '+1', 'fwd 0:200'])
  assert.equal(run([0, 0], 'cancel 0:404 1:404', false), ['+0', '+1', '=404'])
})

test('Timer C runs from the start of a branch, anew with 18x, and stops at its end', () => {
  let { state, effects } = step(initialContext(true, [0]), { type: 'start' })
  assert.ok(effects.some((effect) => effect.type === 'start-timer-c'))
  ;({ state, effects } = step(state, { type: 'response', branch: 0, status: 100 }))
  assert.not.ok(effects.some((effect) => effect.type === 'start-timer-c'))
  ;({ state, effects } = step(state, { type: 'response', branch: 0, status: 183 }))
  assert.ok(effects.some((effect) => effect.type === 'start-timer-c'))
  ;({ state, effects } = step(state, { type: 'response', branch: 0, status: 200 }))
  assert.ok(effects.some((effect) => effect.type === 'stop-timer-c'))
  assert.ok(state.answered)
})

test.run()

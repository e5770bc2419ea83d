/** Every pair of state and input of the registration at a carrier, also the ignored ones. `-` = same state, no effect. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  initialRegistration,
  type Phase,
  type Registration,
  type RegistrationContext,
  type RegistrationEffect,
  type RegistrationInput,
  stepRegistration,
} from '../../src/trunk/registration.ts'

const test = suite('sip: registration of a trunk')

const context: RegistrationContext = { now: 1_000, chance: 1, backOffMs: 2_000, backOffMaxMs: 300_000 }

const inputs = {
  start: { type: 'start' },
  stop: { type: 'stop' },
  unregister: { type: 'unregister' },
  timer: { type: 'timer' },
  '200': { type: 'response', status: 200, granted: 120 },
  '401': { type: 'response', status: 401, answerable: true },
  '407': { type: 'response', status: 407, answerable: true },
  'wrong password': { type: 'response', status: 401, answerable: false },
  '423': { type: 'response', status: 423, minExpires: 900 },
  '423 of nothing': { type: 'response', status: 423, minExpires: 10 },
  '302': { type: 'response', status: 302 },
  '403': { type: 'response', status: 403 },
  '408': { type: 'response', status: 408 },
  '503': { type: 'response', status: 503, retryAfter: 60 },
  '603': { type: 'response', status: 603 },
  silence: { type: 'failure' },
} satisfies Record<string, RegistrationInput>

function show(effect: RegistrationEffect): string {
  if (effect.type === 'arm') return `arm=${effect.afterMs}`
  return effect.type === 'send' || effect.type === 'answer' ? `${effect.type}=${effect.expires}` : effect.type
}

function tell(before: Registration, input: RegistrationInput): string {
  const { state, effects } = stepRegistration(before, input, context)
  if (effects.length === 0) {
    assert.equal(state, before)
    return '-'
  }
  const bound = state.boundUntil > context.now ? ' bound' : ''
  return [`${state.phase}${bound}`, ...effects.map(show)].join(' ')
}

const state = (phase: Phase, change: Partial<Registration> = {}): Registration => ({
  ...initialRegistration(600),
  phase,
  ...change,
})

const waiting = {
  stop: 'idle disarm abandon',
  unregister: 'leaving disarm abandon send=0',
  '200': 'registered bound arm=60000',
  '401': 'challenged answer=600',
  '407': 'challenged answer=600',
  'wrong password': 'backing-off arm=300000',
  '423': 'trying send=900',
  '423 of nothing': 'backing-off arm=2000',
  '302': 'backing-off arm=2000',
  '403': 'backing-off arm=300000',
  '408': 'backing-off arm=2000',
  '503': 'backing-off arm=60000',
  '603': 'backing-off arm=300000',
  silence: 'backing-off arm=2000',
}
const refreshing = {
  ...waiting,
  unregister: 'leaving bound disarm abandon send=0',
  '401': 'challenged bound answer=600',
  '407': 'challenged bound answer=600',
  '423': 'refreshing bound send=900',
  '423 of nothing': 'backing-off bound arm=2000',
  '302': 'backing-off bound arm=2000',
  '408': 'backing-off bound arm=2000',
  '503': 'backing-off bound arm=60000',
  silence: 'backing-off bound arm=2000',
}
const end = 'idle disarm abandon'
const leaving = {
  stop: end,
  '200': end,
  '401': 'leaving bound answer=0',
  '407': 'leaving bound answer=0',
  'wrong password': end,
  '423': end,
  '423 of nothing': end,
  '302': end,
  '403': end,
  '408': end,
  '503': end,
  '603': end,
  silence: end,
}
const bound = { boundUntil: 50_000 }

const table: [name: string, Registration, cells: Partial<Record<keyof typeof inputs, string>>][] = [
  ['idle', state('idle'), { start: 'trying send=600' }],
  ['trying', state('trying'), waiting],
  ['challenged, at first', state('challenged', { challenges: 1 }), waiting],
  [
    'challenged, too often',
    state('challenged', { challenges: 2 }),
    { ...waiting, '401': 'backing-off arm=300000', '407': 'backing-off arm=300000' },
  ],
  ['challenged in a refresh', state('challenged', { challenges: 1, ...bound }), refreshing],
  [
    'registered',
    state('registered', bound),
    {
      stop: end,
      unregister: 'leaving bound disarm abandon send=0',
      timer: 'refreshing bound send=600',
    },
  ],
  ['refreshing', state('refreshing', bound), refreshing],
  [
    'backing off, unbound',
    state('backing-off', { failures: 1 }),
    { stop: end, unregister: end, timer: 'trying send=600' },
  ],
  [
    'backing off, bound still',
    state('backing-off', { failures: 1, ...bound }),
    { stop: end, unregister: 'leaving bound disarm abandon send=0', timer: 'refreshing bound send=600' },
  ],
  ['leaving', state('leaving', bound), leaving],
]

for (const [name, before, cells] of table) {
  test(name, () => {
    for (const [input, value] of Object.entries(inputs)) {
      assert.is(tell(before, value), cells[input as keyof typeof inputs] ?? '-', `${name}: ${input}`)
    }
  })
}

test('pauses double up to the longest, half of them is chance, and success forgets them', () => {
  const pauses = (chance: number): number[] => {
    let now = state('trying')
    return Array.from({ length: 10 }, () => {
      const step = stepRegistration(now, { type: 'failure' }, { ...context, chance })
      now = stepRegistration(step.state, { type: 'timer' }, context).state
      return step.effects.flatMap((effect) => (effect.type === 'arm' ? [effect.afterMs] : []))[0] ?? 0
    })
  }
  assert.equal(pauses(1), [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000])
  assert.equal(pauses(0).slice(0, 3), [1_000, 2_000, 4_000])
  const { state: after } = stepRegistration(
    state('trying', { failures: 9 }),
    { type: 'response', status: 200 },
    context,
  )
  assert.is(after.failures, 0)
})

test('what is granted decides when to refresh: at half of it, long ones ten minutes before the end', () => {
  const refresh = (granted?: number): number | undefined => {
    const input = { type: 'response', status: 200, ...(granted !== undefined && { granted }) } as const
    const [effect] = stepRegistration(state('trying'), input, context).effects
    return effect?.type === 'arm' ? effect.afterMs / 1_000 : undefined
  }
  assert.is(refresh(60), 30)
  assert.is(refresh(1_200), 600)
  assert.is(refresh(3_600), 3_000)
  assert.is(refresh(), 300, 'what was asked for, where the carrier does not say')
  assert.is(refresh(0), 1)
})

test('a Retry-After of a day is heeded for an hour', () => {
  const { effects } = stepRegistration(state('trying'), { type: 'response', status: 503, retryAfter: 86_400 }, context)
  assert.equal(effects, [{ type: 'arm', afterMs: 3_600_000 }])
})

test.run()

/** Every pair of state and input of the four machines, also the ignored ones. `-` = same state, no effect. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import * as clientInvite from '../../src/transaction/client-invite.ts'
import * as clientNonInvite from '../../src/transaction/client-non-invite.ts'
import type { Context, Effect, Step } from '../../src/transaction/machine.ts'
import * as serverInvite from '../../src/transaction/server-invite.ts'
import * as serverNonInvite from '../../src/transaction/server-non-invite.ts'

const test = suite('sip: transaction machines')

const udp: Context = { reliable: false, t1: 500, t2: 4_000, t4: 5_000 }
const tcp: Context = { ...udp, reliable: true }

function show(effect: Effect): string {
  if (effect.type === 'start') return `${effect.timer}=${effect.afterMs}`
  if (effect.type === 'stop') return `~${effect.timer}`
  return effect.type === 'fail' ? effect.cause : effect.type
}

function tell<S extends string>(before: S, { state, effects }: Step<S>): string {
  if (state === before && effects.length === 0) return '-'
  return [state, ...effects.map(show)].join(' ')
}

type Table = Record<string, Record<string, string>>

function check<S extends string, I>(
  name: string,
  step: (state: S, input: I, context: Context) => Step<S>,
  inputs: Record<string, I>,
  context: Context,
  table: Table,
): void {
  for (const [state, row] of Object.entries(table)) {
    test(`${name}, ${state}`, () => {
      assert.equal(Object.keys(row), Object.keys(inputs), 'every input has its cell')
      for (const [input, expected] of Object.entries(row)) {
        const got = tell(state as S, step(state as S, inputs[input] as I, context))
        assert.is(got, expected, `${name}: ${state}, ${input}`)
      }
    })
  }
}

/** Fills in the cells that a row does not name. */
const row = (inputs: object, cells: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.keys(inputs).map((input) => [input, cells[input] ?? '-']))

const clientInputs = (timers: readonly string[]) =>
  Object.fromEntries<clientInvite.Input>([
    ['100', { type: 'response', status: 100 }],
    ['180', { type: 'response', status: 180 }],
    ['200', { type: 'response', status: 200 }],
    ['302', { type: 'response', status: 302 }],
    ['486', { type: 'response', status: 486 }],
    ['603', { type: 'response', status: 603 }],
    ...timers.map((timer): [string, clientInvite.Input] => [
      timer,
      { type: 'timer', timer: timer as clientInvite.Input extends { timer: infer T } ? T : never, attempt: 3 },
    ]),
    ['transport', { type: 'transport-error' }],
  ])

const ci = clientInputs(['A', 'B', 'D', 'M'])
const failed = 'completed ~A ~B send-ack pass-up D=32000'
check('client INVITE', clientInvite.step, ci, udp, {
  calling: row(ci, {
    100: 'proceeding ~A ~B pass-up',
    180: 'proceeding ~A ~B pass-up',
    200: 'accepted ~A ~B pass-up M=32000',
    302: failed,
    486: failed,
    603: failed,
    A: 'calling send-request A=4000',
    B: 'terminated timeout end',
    transport: 'terminated transport end',
  }),
  proceeding: row(ci, {
    100: 'proceeding pass-up',
    180: 'proceeding pass-up',
    200: 'accepted ~A ~B pass-up M=32000',
    302: failed,
    486: failed,
    603: failed,
    B: 'terminated timeout end',
    transport: 'terminated transport end',
  }),
  completed: row(ci, {
    302: 'completed send-ack',
    486: 'completed send-ack',
    603: 'completed send-ack',
    D: 'terminated end',
  }),
  accepted: row(ci, { 200: 'accepted pass-up', M: 'terminated end' }),
  terminated: row(ci, {}),
})

const cn = clientInputs(['E', 'F', 'K'])
const answered = 'completed ~E ~F pass-up K=5000'
const finals = { 200: answered, 302: answered, 486: answered, 603: answered }
const gone = { F: 'terminated timeout end', transport: 'terminated transport end' }
const provisional = { 100: 'proceeding pass-up', 180: 'proceeding pass-up' }
check('client non-INVITE', clientNonInvite.step, cn, udp, {
  trying: row(cn, { ...provisional, ...finals, ...gone, E: 'trying send-request E=4000' }),
  proceeding: row(cn, { ...provisional, ...finals, ...gone, E: 'proceeding send-request E=4000' }),
  completed: row(cn, { K: 'terminated end' }),
  terminated: row(cn, {}),
})

const serverInputs = (timers: readonly string[]) =>
  Object.fromEntries<serverInvite.Input>([
    ['request', { type: 'request' }],
    ['ack', { type: 'ack' }],
    ['r180', { type: 'respond', status: 180 }],
    ['r200', { type: 'respond', status: 200 }],
    ['r486', { type: 'respond', status: 486 }],
    ...timers.map((timer): [string, serverInvite.Input] => [
      timer,
      { type: 'timer', timer: timer as serverInvite.Input extends { timer: infer T } ? T : never, attempt: 2 },
    ]),
    ['transport', { type: 'transport-error' }],
  ])

const si = serverInputs(['G', 'H', 'I', 'L'])
check('server INVITE', serverInvite.step, si, udp, {
  proceeding: row(si, {
    request: 'proceeding send-response',
    r180: 'proceeding send-response',
    r200: 'accepted send-response L=32000',
    r486: 'completed send-response H=32000 G=500',
  }),
  accepted: row(si, { ack: 'accepted pass-up', r200: 'accepted send-response', L: 'terminated end' }),
  completed: row(si, {
    request: 'completed send-response',
    ack: 'confirmed ~G ~H I=5000',
    G: 'completed send-response G=2000',
    H: 'terminated timeout end',
    transport: 'terminated transport end',
  }),
  confirmed: row(si, { I: 'terminated end' }),
  terminated: row(si, {}),
})

const { ack: _, ...withoutAck } = serverInputs(['J'])
const sn: Record<string, serverNonInvite.Input> = {
  ...(withoutAck as Record<string, serverNonInvite.Input>),
  r408: { type: 'respond', status: 408 },
}
const lost = { transport: 'terminated transport end' }
check('server non-INVITE', serverNonInvite.step, sn, udp, {
  trying: row(sn, {
    r180: 'proceeding send-response',
    r200: 'completed send-response J=32000',
    r486: 'completed send-response J=32000',
    r408: 'terminated end',
    ...lost,
  }),
  proceeding: row(sn, {
    request: 'proceeding send-response',
    r180: 'proceeding send-response',
    r200: 'completed send-response J=32000',
    r486: 'completed send-response J=32000',
    r408: 'terminated end',
    ...lost,
  }),
  completed: row(sn, { request: 'completed send-response', J: 'terminated end', ...lost }),
  terminated: row(sn, {}),
})

test('starting sends and arms; a reliable transport needs no retransmissions and no waiting', () => {
  const start = { type: 'start' } as const
  assert.is(tell('terminated', clientInvite.step('calling', start, udp)), 'calling send-request B=32000 A=500')
  assert.is(tell('terminated', clientInvite.step('calling', start, tcp)), 'calling send-request B=32000')
  assert.is(tell('terminated', clientNonInvite.step('trying', start, udp)), 'trying send-request F=32000 E=500')
  assert.is(tell('terminated', clientNonInvite.step('trying', start, tcp)), 'trying send-request F=32000')
  const refuse = { type: 'response', status: 486 } as const
  assert.is(tell('calling', clientInvite.step('calling', refuse, tcp)), 'completed ~A ~B send-ack pass-up D=0')
  assert.is(tell('trying', clientNonInvite.step('trying', refuse, tcp)), 'completed ~E ~F pass-up K=0')
  const respond = { type: 'respond', status: 486 } as const
  assert.is(tell('proceeding', serverInvite.step('proceeding', respond, tcp)), 'completed send-response H=32000')
  assert.is(tell('completed', serverInvite.step('completed', { type: 'ack' }, tcp)), 'confirmed ~G ~H I=0')
  assert.is(tell('trying', serverNonInvite.step('trying', respond, tcp)), 'completed send-response J=0')
})

test('intervals double up to T2, but for INVITE requests', () => {
  const delays = (step: (attempt: number) => Step<string>): number[] =>
    [1, 2, 3, 4, 5].map((attempt) => {
      const effect = step(attempt).effects.find(({ type }) => type === 'start')
      return effect?.type === 'start' ? effect.afterMs : -1
    })
  const timer = <T extends string>(name: T, attempt: number) => ({ type: 'timer', timer: name, attempt }) as const
  assert.equal(
    delays((n) => clientInvite.step('calling', timer('A', n), udp)),
    [1000, 2000, 4000, 8000, 16_000],
  )
  assert.equal(
    delays((n) => clientNonInvite.step('trying', timer('E', n), udp)),
    [1000, 2000, 4000, 4000, 4000],
  )
  assert.equal(
    delays((n) => serverInvite.step('completed', timer('G', n), udp)),
    [1000, 2000, 4000, 4000, 4000],
  )
})

test.run()

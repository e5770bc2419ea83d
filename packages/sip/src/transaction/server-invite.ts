/**
 * INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1.
 *
 *     INVITE, 1xx: send last provisional
 *             +--->[ proceeding ]--- respond 2xx: send, L ---> [ accepted ]  2xx again: send
 *             +------|   |                                       | ACK: pass up; INVITE: absorb
 *                        | respond 300-699: send, G, H           | L
 *                        v                                       |
 *   INVITE, G: send  [ completed ]--- H: fail -----------+       |
 *                        | ACK: I                        |       |
 *                        v                               v       v
 *                    [ confirmed ]----- I -------> [ terminated ]
 */
import { type Context, type Effect, type Step, start, stop } from './machine.ts'
import type { TimerName } from './timers.ts'

export type State = 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated'
export type Input =
  /** The INVITE again. */
  | { type: 'request' }
  | { type: 'ack' }
  | { type: 'respond'; status: number }
  /** `attempt`: how often the response was sent before (for G). */
  | { type: 'timer'; timer: TimerName; attempt: number }
  | { type: 'transport-error' }

const SEND: Effect = { type: 'send-response' }
const END: Effect = { type: 'end' }
const nothing = (state: State): Step<State> => ({ state, effects: [] })

export function step(state: State, input: Input, context: Context): Step<State> {
  switch (input.type) {
    case 'request':
      return state === 'proceeding' || state === 'completed' ? { state, effects: [SEND] } : nothing(state)
    case 'ack':
      if (state === 'accepted') return { state, effects: [{ type: 'pass-up' }] }
      if (state !== 'completed') return nothing(state)
      return { state: 'confirmed', effects: [stop('G'), stop('H'), start('I', context.reliable ? 0 : context.t4)] }
    case 'respond':
      return onRespond(state, input.status, context)
    case 'timer':
      return onTimer(state, input, context)
    case 'transport-error':
      // The 2xx core retransmits end to end; for the others the client's timers decide.
      return state === 'completed'
        ? { state: 'terminated', effects: [{ type: 'fail', cause: 'transport' }, END] }
        : nothing(state)
  }
}

function onRespond(state: State, status: number, context: Context): Step<State> {
  if (state === 'accepted') return status >= 200 && status < 300 ? { state, effects: [SEND] } : nothing(state)
  if (state !== 'proceeding') return nothing(state)
  if (status < 200) return { state, effects: [SEND] }
  if (status < 300) return { state: 'accepted', effects: [SEND, start('L', 64 * context.t1)] }
  const effects: Effect[] = [SEND, start('H', 64 * context.t1)]
  if (!context.reliable) effects.push(start('G', context.t1))
  return { state: 'completed', effects }
}

function onTimer(
  state: State,
  { timer, attempt }: { timer: TimerName; attempt: number },
  context: Context,
): Step<State> {
  if (state === 'completed' && timer === 'G') {
    return { state, effects: [SEND, start('G', Math.min(context.t1 * 2 ** attempt, context.t2))] }
  }
  if (state === 'completed' && timer === 'H') {
    return { state: 'terminated', effects: [{ type: 'fail', cause: 'timeout' }, END] }
  }
  if ((state === 'confirmed' && timer === 'I') || (state === 'accepted' && timer === 'L')) {
    return { state: 'terminated', effects: [END] }
  }
  return nothing(state)
}

/**
 * Non-INVITE server transaction: RFC 3261 §17.2.2, with RFC 4320: nothing provisional but what the user sends, and no 408:
 * instead of sending one it ends.
 *
 *   request: absorb  [ trying ]--- respond 200-699: send, J ---+
 *                        | respond 1xx: send                   |
 *                        v                                     v
 *   request: send   [ proceeding ]--- respond 200-699 ---> [ completed ] request: send
 *                                                              | J
 *                                                              v
 *                                                        [ terminated ]
 */
import { type Context, type Effect, type Step, start } from './machine.ts'
import type { TimerName } from './timers.ts'

export type State = 'trying' | 'proceeding' | 'completed' | 'terminated'
export type Input =
  /** The request again. */
  | { type: 'request' }
  | { type: 'respond'; status: number }
  | { type: 'timer'; timer: TimerName; attempt: number }
  | { type: 'transport-error' }

const SEND: Effect = { type: 'send-response' }
const END: Effect = { type: 'end' }

export function step(state: State, input: Input, context: Context): Step<State> {
  switch (input.type) {
    case 'request':
      return { state, effects: state === 'proceeding' || state === 'completed' ? [SEND] : [] }
    case 'respond':
      if (state !== 'trying' && state !== 'proceeding') return { state, effects: [] }
      // A late 408 would only reach a client that has given up (RFC 4320 §4.2): the end, without a word.
      if (input.status === 408) return { state: 'terminated', effects: [END] }
      if (input.status < 200) return { state: 'proceeding', effects: [SEND] }
      return { state: 'completed', effects: [SEND, start('J', context.reliable ? 0 : 64 * context.t1)] }
    case 'timer':
      return input.timer === 'J' && state === 'completed'
        ? { state: 'terminated', effects: [END] }
        : { state, effects: [] }
    case 'transport-error':
      if (state === 'terminated') return { state, effects: [] }
      return { state: 'terminated', effects: [{ type: 'fail', cause: 'transport' }, END] }
  }
}

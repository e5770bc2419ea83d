/**
 * Non-INVITE client transaction: RFC 3261 §17.1.2.
 *
 *               start: send, E, F
 *                     |
 *   E: resend +-->[ trying ]------- F or transport ----> fail, end
 *             +-----|   |  200-699: pass up, K
 *      1xx: pass up |   +------------------------+
 *                   v                            v
 *           [ proceeding ]--- 200-699 ---> [ completed ]
 *             | E: resend (T2)                   | K
 *             | F or transport: fail, end        v
 *             +------------------------> [ terminated ]
 */
import { type Context, type Effect, type Step, start, stop } from './machine.ts'
import type { TimerName } from './timers.ts'

export type State = 'trying' | 'proceeding' | 'completed' | 'terminated'
export type Input =
  | { type: 'start' }
  | { type: 'response'; status: number }
  /** `attempt`: how often the request was sent before (for E). */
  | { type: 'timer'; timer: TimerName; attempt: number }
  | { type: 'transport-error' }

const END: Effect = { type: 'end' }
const PASS_UP: Effect = { type: 'pass-up' }

export function step(state: State, input: Input, context: Context): Step<State> {
  const waiting = state === 'trying' || state === 'proceeding'
  switch (input.type) {
    case 'start': {
      const effects: Effect[] = [{ type: 'send-request' }, start('F', 64 * context.t1)]
      if (!context.reliable) effects.push(start('E', context.t1))
      return { state: 'trying', effects }
    }
    case 'response':
      if (!waiting) return { state, effects: [] }
      if (input.status < 200) return { state: 'proceeding', effects: [PASS_UP] }
      return {
        state: 'completed',
        effects: [stop('E'), stop('F'), PASS_UP, start('K', context.reliable ? 0 : context.t4)],
      }
    case 'timer':
      if (input.timer === 'E' && waiting) {
        const afterMs = state === 'proceeding' ? context.t2 : Math.min(context.t1 * 2 ** input.attempt, context.t2)
        return { state, effects: [{ type: 'send-request' }, start('E', afterMs)] }
      }
      if (input.timer === 'F' && waiting)
        return { state: 'terminated', effects: [{ type: 'fail', cause: 'timeout' }, END] }
      if (input.timer === 'K' && state === 'completed') return { state: 'terminated', effects: [END] }
      return { state, effects: [] }
    case 'transport-error':
      if (!waiting) return { state, effects: [] }
      return { state: 'terminated', effects: [{ type: 'fail', cause: 'transport' }, END] }
  }
}

/**
 * INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2.
 *
 *                    start: send, A, B
 *                          |
 *     A: resend   +--->[ calling ]----- B or transport -----> fail, end
 *                 +-----|  |  |
 *        1xx: pass up   |  |  | 2xx: pass up, M
 *                       |  |  +-----------------------+
 *                       |  | 300-699: pass up, ACK, D |
 *          [ proceeding ]  |                          |
 *            | 1xx: pass up|                          |
 *            | B, which CANCEL starts: fail, end      v
 *            |    300-699  v                     [ accepted ] 2xx: pass up
 *            +------> [ completed ] resp: ACK         |
 *            |  2xx        | D or transport           | M
 *            +--- M -------|--------------------------+
 *                          v                          v
 *                      [ terminated ] <---------------+
 */
import { type Context, type Effect, type Step, start, stop } from './machine.ts'
import type { TimerName } from './timers.ts'

export type State = 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated'
export type Input =
  | { type: 'start' }
  | { type: 'response'; status: number }
  /** `attempt`: how often the request was sent before (for A). */
  | { type: 'timer'; timer: TimerName; attempt: number }
  | { type: 'transport-error' }

const END: Effect = { type: 'end' }
const PASS_UP: Effect = { type: 'pass-up' }

export function step(state: State, input: Input, context: Context): Step<State> {
  switch (input.type) {
    case 'start': {
      const effects: Effect[] = [{ type: 'send-request' }, start('B', 64 * context.t1)]
      if (!context.reliable) effects.push(start('A', context.t1))
      return { state: 'calling', effects }
    }
    case 'response':
      return onResponse(state, input.status, context)
    case 'timer':
      return onTimer(state, input, context)
    case 'transport-error':
      if (state === 'terminated') return { state, effects: [] }
      // An ACK that cannot be sent is nobody's business; a request that cannot be sent is (§17.1.4).
      if (state === 'completed' || state === 'accepted') return { state, effects: [] }
      return { state: 'terminated', effects: [{ type: 'fail', cause: 'transport' }, END] }
  }
}

function onResponse(state: State, status: number, context: Context): Step<State> {
  if (state === 'calling' || state === 'proceeding') {
    const quiet = [stop('A'), stop('B')]
    if (status < 200) return { state: 'proceeding', effects: state === 'calling' ? [...quiet, PASS_UP] : [PASS_UP] }
    if (status < 300) return { state: 'accepted', effects: [...quiet, PASS_UP, start('M', 64 * context.t1)] }
    const linger = context.reliable ? 0 : Math.max(32_000, 64 * context.t1)
    return { state: 'completed', effects: [...quiet, { type: 'send-ack' }, PASS_UP, start('D', linger)] }
  }
  if (state === 'completed' && status >= 300) return { state, effects: [{ type: 'send-ack' }] }
  if (state === 'accepted' && status >= 200 && status < 300) return { state, effects: [PASS_UP] }
  return { state, effects: [] }
}

function onTimer(
  state: State,
  { timer, attempt }: { timer: TimerName; attempt: number },
  context: Context,
): Step<State> {
  if (timer === 'A' && state === 'calling') {
    return { state, effects: [{ type: 'send-request' }, start('A', context.t1 * 2 ** attempt)] }
  }
  // Of a peer that rang and is gone, nothing comes for the CANCEL either.
  if (timer === 'B' && (state === 'calling' || state === 'proceeding')) {
    return { state: 'terminated', effects: [{ type: 'fail', cause: 'timeout' }, END] }
  }
  if ((timer === 'D' && state === 'completed') || (timer === 'M' && state === 'accepted')) {
    return { state: 'terminated', effects: [END] }
  }
  return { state, effects: [] }
}

/**
 * Registration at a carrier, as a user agent makes it: RFC 3261 §10.2, with §22.2 for challenges.
 *
 *                   start                 401, 407: answer
 *     [ idle ] ---------------> [ trying ] ---------------> [ challenged ] <-----------+
 *        ^                        ^  |  |                     |    |                   |
 *        | stop, or               |  |  +-------- 200 --------+    |                   | 401, 407: answer
 *        | unregister: end        |  |             |               |                   |
 *        |                  timer |  | refused,    v        refused, no answer         |
 *     [ leaving ] <-----------+   |  | no answer [ registered ]--- timer ---> [ refreshing ]
 *           unregister: send 0    |  v             ^               |                |
 *                               [ backing-off ] <--+---------------+----------------+
 *                                                  +-- 200
 *
 * 423 is answered by asking for longer, once; whatever else is refused, and silence, backs off. A binding that was granted
 * lasts through a refresh that fails, until it expires.
 */

export type Phase = 'idle' | 'trying' | 'challenged' | 'registered' | 'refreshing' | 'backing-off' | 'leaving'

export interface Registration {
  phase: Phase
  /** Seconds that are asked for. */
  expires: number
  /** Challenges answered in this attempt. */
  challenges: number
  /** Attempts in a row that failed. */
  failures: number
  /** Until when the carrier keeps the binding, by the clock of `context.now`; 0: there is none. */
  boundUntil: number
}

export type RegistrationInput =
  | { type: 'start' }
  /** Another node goes on with it: not a word to the carrier. */
  | { type: 'stop' }
  /** For good: the binding is taken back. */
  | { type: 'unregister' }
  | { type: 'timer' }
  /** A final response. Times in seconds; `answerable`: a challenge that the password is an answer to. */
  | {
      type: 'response'
      status: number
      granted?: number
      minExpires?: number
      retryAfter?: number
      answerable?: boolean
    }
  /** Nobody answered, nobody was found, or no number could be had from the ring. */
  | { type: 'failure' }

export type RegistrationEffect =
  /** A REGISTER with a number of its own. */
  | { type: 'send'; expires: number }
  /** The same once more, with an answer to its challenge. */
  | { type: 'answer'; expires: number }
  /** The answer to what was sent last is of no interest any more. */
  | { type: 'abandon' }
  | { type: 'arm'; afterMs: number }
  | { type: 'disarm' }

export interface RegistrationContext {
  now: number
  /** 0 … 1 */
  chance: number
  /** The first pause, doubled with each failure up to the longest; a carrier that says no is asked at that pace from the start. */
  backOffMs: number
  backOffMaxMs: number
}

export interface RegistrationStep {
  state: Registration
  effects: RegistrationEffect[]
}

/** Challenges of one attempt that are answered: a nonce may have become stale between two of them. */
const CHALLENGES_MAX = 2
/** What a Min-Expires may make of it, and how long a Retry-After is heeded. */
const EXPIRES_MAX_S = 86_400
const RETRY_AFTER_MAX_S = 3_600
/** Registrations up to this long are refreshed at half their time, longer ones so long before their end. */
const LONG_S = 1_200
const AHEAD_S = 600
/** No answer, but a pause: what these say may be otherwise in a moment. */
const PASSING = new Set([408, 423, 480, 491])

export const initialRegistration = (expires: number): Registration => ({
  phase: 'idle',
  expires,
  challenges: 0,
  failures: 0,
  boundUntil: 0,
})

const isBound = (state: Registration, now: number): boolean => state.boundUntil > now
const same = (state: Registration): RegistrationStep => ({ state, effects: [] })

export function stepRegistration(
  state: Registration,
  input: RegistrationInput,
  context: RegistrationContext,
): RegistrationStep {
  switch (input.type) {
    case 'start':
      return state.phase === 'idle' ? attempt(state, 'trying') : same(state)
    case 'stop':
      return state.phase === 'idle' ? same(state) : rest(state)
    case 'unregister':
      return leave(state, context)
    case 'timer':
      if (state.phase === 'registered') return attempt(state, 'refreshing')
      if (state.phase !== 'backing-off') return same(state)
      return attempt(state, isBound(state, context.now) ? 'refreshing' : 'trying')
    case 'failure':
      return isWaiting(state) ? fail(state, context, 'silence') : same(state)
    case 'response':
      return isWaiting(state) ? hear(state, input, context) : same(state)
  }
}

const isWaiting = ({ phase }: Registration): boolean =>
  phase === 'trying' || phase === 'challenged' || phase === 'refreshing' || phase === 'leaving'

const attempt = (state: Registration, phase: 'trying' | 'refreshing'): RegistrationStep => ({
  state: { ...state, phase, challenges: 0 },
  effects: [{ type: 'send', expires: state.expires }],
})

const rest = (state: Registration): RegistrationStep => ({
  state: { ...initialRegistration(state.expires) },
  effects: [{ type: 'disarm' }, { type: 'abandon' }],
})

function leave(state: Registration, { now }: RegistrationContext): RegistrationStep {
  if (state.phase === 'idle' || state.phase === 'leaving') return same(state)
  // What is on its way may have bound already.
  if (!isBound(state, now) && !isWaiting(state)) return rest(state)
  return {
    state: { ...state, phase: 'leaving', challenges: 0 },
    effects: [{ type: 'disarm' }, { type: 'abandon' }, { type: 'send', expires: 0 }],
  }
}

function hear(
  state: Registration,
  input: Extract<RegistrationInput, { type: 'response' }>,
  context: RegistrationContext,
): RegistrationStep {
  const { status } = input
  const leaving = state.phase === 'leaving'
  if (status >= 200 && status < 300) return leaving ? rest(state) : accept(state, input.granted, context)
  if (status === 401 || status === 407) {
    if (!input.answerable || state.challenges >= CHALLENGES_MAX) return fail(state, context, 'refused')
    return {
      state: { ...state, phase: leaving ? 'leaving' : 'challenged', challenges: state.challenges + 1 },
      effects: [{ type: 'answer', expires: leaving ? 0 : state.expires }],
    }
  }
  const { minExpires = 0 } = input
  if (status === 423 && !leaving && minExpires > state.expires && minExpires <= EXPIRES_MAX_S) {
    return attempt({ ...state, expires: minExpires }, state.boundUntil > 0 ? 'refreshing' : 'trying')
  }
  const no = (status >= 400 && status < 500 && !PASSING.has(status)) || status >= 600
  return fail(state, context, no ? 'refused' : 'silence', input.retryAfter)
}

function accept(state: Registration, granted = state.expires, { now }: RegistrationContext): RegistrationStep {
  // A binding of no time: nothing that could be refreshed.
  const seconds = Math.max(1, granted)
  const refreshS = seconds <= LONG_S ? seconds / 2 : seconds - AHEAD_S
  return {
    state: { ...state, phase: 'registered', challenges: 0, failures: 0, boundUntil: now + seconds * 1_000 },
    effects: [{ type: 'arm', afterMs: Math.max(1_000, refreshS * 1_000) }],
  }
}

function fail(
  state: Registration,
  context: RegistrationContext,
  cause: 'silence' | 'refused',
  retryAfter = 0,
): RegistrationStep {
  if (state.phase === 'leaving') return rest(state)
  const failures = state.failures + 1
  const { backOffMs, backOffMaxMs, chance } = context
  const steps = cause === 'refused' ? backOffMaxMs : Math.min(backOffMaxMs, backOffMs * 2 ** Math.min(failures - 1, 20))
  // Half of it is chance, so that a carrier that comes back is not run over.
  const pause = steps / 2 + (steps / 2) * chance
  const afterMs = Math.max(pause, Math.min(retryAfter, RETRY_AFTER_MAX_S) * 1_000)
  const boundUntil = cause === 'refused' ? 0 : state.boundUntil
  return {
    state: { ...state, phase: 'backing-off', challenges: 0, failures, boundUntil },
    effects: [{ type: 'arm', afterMs }],
  }
}

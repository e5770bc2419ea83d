import type { TimerName } from './timers.ts'

/** What the four machines know of their surroundings. */
export interface Context {
  /** The transport does not lose messages: no retransmissions, and no waiting for them. */
  reliable: boolean
  t1: number
  t2: number
  t4: number
}

/** What a machine asks its driver to do. */
export type Effect =
  | { type: 'send-request' }
  | { type: 'send-ack' }
  /** The response that was handed in last. */
  | { type: 'send-response' }
  /** To the transaction user. */
  | { type: 'pass-up' }
  | { type: 'fail'; cause: 'timeout' | 'transport' }
  | { type: 'start'; timer: TimerName; afterMs: number }
  | { type: 'stop'; timer: TimerName }
  | { type: 'end' }

export interface Step<S> {
  state: S
  effects: Effect[]
}

export const start = (timer: TimerName, afterMs: number): Effect => ({ type: 'start', timer, afterMs })
export const stop = (timer: TimerName): Effect => ({ type: 'stop', timer })

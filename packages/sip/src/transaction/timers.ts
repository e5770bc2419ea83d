import type { TimerValues } from './contract.ts'

/** RFC 3261 Table 4; Timer C (§16.6 step 11) is longer than three minutes by rule. */
export const defaultTimers: TimerValues = { t1: 500, t2: 4_000, t4: 5_000, timerC: 181_000 }

/** Letters as in RFC 3261 Table 4, L and M as in RFC 6026. */
export type TimerName = 'A' | 'B' | 'D' | 'E' | 'F' | 'G' | 'H' | 'I' | 'J' | 'K' | 'L' | 'M'

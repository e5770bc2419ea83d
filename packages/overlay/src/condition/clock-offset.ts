import { conditionLimits } from './limits.ts'

/**
 * How far this clock is from what most clocks show, in milliseconds (positive: it is slow). `offsets`: each peer's time minus
 * this node's. The median of all clocks, this one (0) with them; of two in the middle the nearer one. Pure.
 */
export function ownOffset(offsets: readonly number[]): number {
  const all = [...offsets, 0].sort((a, b) => a - b)
  const [low, high] = [all[(all.length - 1) >> 1] as number, all[all.length >> 1] as number]
  return Math.abs(low) <= Math.abs(high) ? low : high
}

/** What a clock is, given what it was: limits to leave a state are lower than those to enter it. Pure. */
export type ClockState = 'right' | 'off' | 'wrong'

export function clockState(before: ClockState, offsetMs: number): ClockState {
  const { clockOffMs, clockWrongMs, clockAgainShare } = conditionLimits
  const off = Math.abs(offsetMs)
  if (off > clockWrongMs * (before === 'wrong' ? clockAgainShare : 1)) return 'wrong'
  return off > clockOffMs * (before === 'right' ? 1 : clockAgainShare) ? 'off' : 'right'
}

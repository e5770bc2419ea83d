import type { ProfileWish } from './profile.ts'
import { type Outcome, simulate } from './run.ts'

const RUNS_MAX = 40

/** Leaves out faults while the run still fails: halves first, then one by one (delta debugging). */
export async function shrink(failed: Outcome, profile: ProfileWish = {}): Promise<Outcome> {
  let best = failed
  let runs = 0
  const without = async (leaveOut: readonly number[]): Promise<boolean> => {
    if (runs++ >= RUNS_MAX) return false
    const faults = best.plan.map(({ id }) => id).filter((id) => !leaveOut.includes(id))
    const outcome = await simulate({ seed: failed.seed, profile, faults })
    if (outcome.wrong.length > 0) best = outcome
    return outcome.wrong.length > 0
  }
  for (let size = Math.ceil(best.plan.length / 2); size >= 1 && runs < RUNS_MAX; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.plan.length && runs < RUNS_MAX; ) {
      const chunk = best.plan.slice(at, at + size).map(({ id }) => id)
      if (!(await without(chunk))) at += size
    }
  }
  return best
}

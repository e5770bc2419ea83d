import type { NodeId } from '../peers.ts'

/** Ranges that go from the same members to the same members. */
export interface MoveGroup {
  from: readonly NodeId[]
  to: readonly NodeId[]
  /** Not there yet; `open` of them are between two configs now. */
  left: number
  open: number
  /** The most that were ever left since this group came up: what the share done is measured by. */
  total: number
  /** Until none is left, at the pace so far; undefined while that says nothing. */
  etaMs?: number
}

/** Too early to tell a pace. */
const PACE_AFTER_MS = 2_000

/** Remembers how much there was to move, as the configs only say how much is left. */
export class MoveProgress {
  readonly #groups = new Map<string, { total: number; since: number; first: number }>()

  /** What is to be moved now, with how far it came. Pure but for its memory; to be called now and then. */
  look(now: number, moves: Iterable<{ from: readonly NodeId[]; to: readonly NodeId[]; open: boolean }>): MoveGroup[] {
    const groups = new Map<string, MoveGroup>()
    for (const { from, to, open } of moves) {
      const key = JSON.stringify([[...from].sort(), [...to].sort()])
      const group = groups.get(key) ?? { from, to, left: 0, open: 0, total: 0 }
      groups.set(key, group)
      group.left++
      if (open) group.open++
    }
    for (const key of this.#groups.keys()) if (!groups.has(key)) this.#groups.delete(key)
    for (const [key, group] of groups) {
      let known = this.#groups.get(key)
      // More than before: the pace of what was is not the pace of what comes.
      if (!known || group.left > known.total) known = { total: group.left, since: now, first: group.left }
      this.#groups.set(key, known)
      group.total = known.total
      const [done, elapsed] = [known.first - group.left, now - known.since]
      if (done > 0 && elapsed >= PACE_AFTER_MS) group.etaMs = Math.round((group.left / done) * elapsed)
    }
    return [...groups.values()].sort((a, b) => b.left - a.left)
  }
}

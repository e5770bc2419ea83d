/**
 * How much each node should hold, pure. Hashing alone leaves the worst of ten nodes 22 % off its share in one ring of
 * twenty (4096 draws are few), so what a node may hold has a ceiling and a floor.
 */
export interface ShareTaker {
  zone: string
  /** Above 0. */
  weight: number
}

/** Part of the fair share that a node may be off, at least. */
const SLACK = 0.08
/** With few ranges per node evenness costs too many moves: what chance gives anyway is let pass. */
const SLACK_DEVIATIONS = 1.6

export interface Bounds {
  floor: number
  fair: number
  ceiling: number
}

/**
 * Bounds of every node for `slots` copies of each of `count` ranges. A fair share is in proportion to the weight, but no
 * node (with `byZone`, no zone) holds a range twice; what it cannot take the others share.
 */
export function boundsOf(takers: readonly ShareTaker[], count: number, slots: number, byZone: boolean): Bounds[] {
  const groupOf = (taker: ShareTaker, index: number): string | number => (byZone ? taker.zone : index)
  const groups = new Map<string | number, number>()
  takers.forEach((taker, index) => {
    const group = groupOf(taker, index)
    groups.set(group, (groups.get(group) ?? 0) + taker.weight)
  })
  const full = new Set<string | number>()
  let perWeight = 0
  for (;;) {
    const open = [...groups].filter(([group]) => !full.has(group))
    const weight = open.reduce((sum, [, one]) => sum + one, 0)
    perWeight = weight === 0 ? 0 : Math.max(0, count * (slots - full.size)) / weight
    const filled = open.filter(([, one]) => one * perWeight >= count)
    if (filled.length === 0) break
    for (const [group] of filled) full.add(group)
  }
  return takers.map((taker, index) => {
    const group = groupOf(taker, index)
    const ofGroup = groups.get(group) as number
    const fair = full.has(group) ? (count * taker.weight) / ofGroup : taker.weight * perWeight
    const slack = Math.max(SLACK * fair, SLACK_DEVIATIONS * Math.sqrt(fair))
    return { floor: Math.floor(fair - slack), fair, ceiling: Math.min(count, Math.ceil(fair + slack)) }
  })
}

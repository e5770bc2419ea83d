/** Gives every range a node for one more copy, within bounds. Pure, and the same whatever the order of the work. */
import type { Bounds } from './shares.ts'

/** A node that a range may go to. */
export interface Choice {
  node: number
  distance: number
}

export interface MatchingInput {
  /** Ranges to be given a node: 0 … count - 1. */
  count: number
  nodes: number
  /** The `nth` closest node of a range, from 0 on; undefined when there are no more. */
  choice(range: number, nth: number): Choice | undefined
  /** Choices of a range that evening out may use. */
  reach: number
  /** False for a node that the range may not have: it has it already, or one of its zone. */
  isFree(range: number, node: number): boolean
  /** What each node may hold, with this copy and those before. */
  bounds: readonly Bounds[]
  /** What each node holds already. */
  loads: readonly number[]
}

/**
 * Stable matching (Gale and Shapley, 1962): ranges propose to the closest node first; a node that holds more than its ceiling
 * lets go of the ranges that are farthest from it, and these propose to the next one. Then nodes below their floor, in turn,
 * take the closest ranges of those above their fair share. A range that nobody may take goes to the closest node all the same;
 * -1 when it has all nodes already.
 */
export function match(input: MatchingInput): number[] {
  const taken = propose(input)
  liftUp(input, taken)
  return taken
}

function propose({ count, nodes, choice, isFree, bounds, loads }: MatchingInput): number[] {
  const room = bounds.map(({ ceiling }, node) => Math.max(0, ceiling - (loads[node] as number)))
  const held: { range: number; distance: number }[][] = Array.from({ length: nodes }, () => [])
  const turn = new Uint32Array(count)
  const taken = new Array<number>(count).fill(-1)
  for (let first = 0; first < count; first++) {
    let range: number | undefined = first
    while (range !== undefined) {
      const wish: Choice | undefined = choice(range, turn[range] as number)
      turn[range] = (turn[range] as number) + 1
      if (!wish) {
        taken[range] = closestFree(range, choice, isFree)
        break
      }
      const { node, distance } = wish
      if (room[node] === 0 || !isFree(range, node)) continue
      const holds = held[node] as { range: number; distance: number }[]
      insert(holds, { range, distance })
      taken[range] = node
      range = holds.length > (room[node] as number) ? holds.pop()?.range : undefined
    }
  }
  return taken
}

function insert(list: { range: number; distance: number }[], one: { range: number; distance: number }): void {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = list[middle] as { range: number; distance: number }
    if (other.distance < one.distance || (other.distance === one.distance && other.range < one.range)) low = middle + 1
    else high = middle
  }
  list.splice(low, 0, one)
}

function closestFree(range: number, choice: MatchingInput['choice'], isFree: MatchingInput['isFree']): number {
  for (let nth = 0; ; nth++) {
    const wish = choice(range, nth)
    if (!wish) return -1
    if (isFree(range, wish.node)) return wish.node
  }
}

function liftUp({ count, nodes, choice, reach, isFree, bounds, loads }: MatchingInput, taken: number[]): void {
  const total = [...loads]
  for (const node of taken) if (node >= 0) total[node] = (total[node] as number) + 1
  const low = new Set<number>()
  for (let node = 0; node < nodes; node++) {
    if ((total[node] as number) < (bounds[node] as Bounds).floor) low.add(node)
  }
  if (low.size === 0) return
  const wanted = new Map<number, { range: number; distance: number }[]>([...low].map((node) => [node, []]))
  for (let range = 0; range < count; range++) {
    for (let nth = 0; nth < reach; nth++) {
      const wish = choice(range, nth)
      if (!wish) break
      const list = wanted.get(wish.node)
      if (list && taken[range] !== wish.node && isFree(range, wish.node)) list.push({ range, distance: wish.distance })
    }
  }
  for (const [node, list] of wanted) {
    list.sort((a, b) => a.distance - b.distance || a.range - b.range)
    for (const { range } of list) {
      if ((total[node] as number) >= (bounds[node] as Bounds).floor) break
      const from = taken[range] as number
      if (from < 0 || (total[from] as number) <= (bounds[from] as Bounds).fair) continue
      taken[range] = node
      total[from] = (total[from] as number) - 1
      total[node] = (total[node] as number) + 1
    }
  }
}

/** Evenness of placement, what joins and leaves move, and what a placement costs. Real placement. */
import { SimRandom } from '@thor-node/core/testing'
import { type Placement, type PlacementNode, Placer } from '../packages/overlay/src/ranges/placement.ts'

const RANGES = 4096
const COPIES = 3

export interface PlacementRow {
  nodes: number
  rings: number
  /** Least and most that a node holds, in fair shares, over all rings. */
  homes: [number, number]
  copies: [number, number]
  /** Copies that move when one node joins or leaves, in shares of 1 / (nodes + 1) of all: median and worst of the rings. */
  join: [number, number]
  /** Of them, those between nodes that were there before and after. */
  beyond: [number, number]
  /** CPU milliseconds of one placement, with the hashes of known nodes kept, and of the first. */
  ms: number
  firstMs: number
}

const middle = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number
const round = (value: number): number => Math.round(value * 1000) / 1000

function ring(count: number, seed: number): PlacementNode[] {
  const random = new SimRandom(seed)
  return Array.from({ length: count }, (_, i) => ({
    nodeId: `node${i}`,
    placementId: Buffer.from(random.bytes(16)).toString('hex'),
    zone: '',
    weight: 1,
  }))
}

function spread(placement: Placement, nodes: readonly PlacementNode[], copies: number): [number, number] {
  const held = new Map(nodes.map(({ nodeId }) => [nodeId, 0]))
  for (const list of placement)
    for (const nodeId of list.slice(0, copies)) held.set(nodeId, (held.get(nodeId) ?? 0) + 1)
  const shares = [...held.values()].map((ranges) => (ranges * nodes.length) / (RANGES * Math.min(copies, nodes.length)))
  return [Math.min(...shares), Math.max(...shares)]
}

function timed<T>(work: () => T): [T, number] {
  const before = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(before)
  return [result, (user + system) / 1000]
}

function measure(count: number, rings: number): PlacementRow {
  const homes: number[] = []
  const copies: number[] = []
  const joins: number[] = []
  const beyond: number[] = []
  const ms: number[] = []
  const firstMs: number[] = []
  for (let seed = 1; seed <= rings; seed++) {
    const all = ring(count + 1, seed)
    const nodes = all.slice(0, count)
    const placer = new Placer()
    const [before, first] = timed(() => placer.place(nodes))
    firstMs.push(first)
    const [after, again] = timed(() => placer.place(all))
    ms.push(again)
    homes.push(...spread(before, nodes, 1))
    copies.push(...spread(before, nodes, COPIES))
    const joined = all.at(-1)?.nodeId ?? ''
    let moved = 0
    let needed = 0
    after.forEach((list, range) => {
      moved += list.filter((nodeId) => !before[range]?.includes(nodeId)).length
      if (list.includes(joined)) needed++
    })
    const ideal = (RANGES * COPIES) / (count + 1)
    joins.push(moved / ideal)
    beyond.push((moved - needed) / ideal)
  }
  return {
    nodes: count,
    rings,
    homes: [round(Math.min(...homes)), round(Math.max(...homes))],
    copies: [round(Math.min(...copies)), round(Math.max(...copies))],
    join: [round(middle(joins)), round(Math.max(...joins))],
    beyond: [round(middle(beyond)), round(Math.max(...beyond))],
    ms: Math.round(middle(ms)),
    firstMs: Math.round(middle(firstMs)),
  }
}

export function measurePlacement(sizes: readonly number[], seeds: number): PlacementRow[] {
  return sizes.map((count) => measure(count, count >= 300 ? Math.min(seeds, 3) : seeds))
}

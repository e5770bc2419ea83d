/** The curves of docs/LARGE-RINGS.md. */
import { draw } from './curves.ts'
import type { GossipRow } from './large-rings-gossip.ts'
import type { ConnectionCost, MemoryRow } from './large-rings-memory.ts'
import type { PlacementRow } from './large-rings-placement.ts'

export interface Results {
  placement?: readonly PlacementRow[]
  gossip?: readonly GossipRow[]
  rules?: ReturnType<typeof checkRules>
  memory?: { tables: readonly MemoryRow[]; connections: ConnectionCost }
}

/** What is worked out for any size, by rule; `measured` is what the rule is checked against. */
export interface Rule {
  name: string
  rule: string
  at(nodes: number): number
  measured(row: GossipRow): number
}

export const rules: readonly Rule[] = [
  { name: 'at rest, per node and second', rule: '825', at: () => 825, measured: (row) => row.idle.bytes },
  { name: 'one join, per node', rule: '2100', at: () => 2_100, measured: (row) => row.join.bytes },
  { name: 'one join, by the new node', rule: '1000 n', at: (n) => 1_000 * n, measured: (row) => row.join.joinerBytes },
  { name: 'one silent death, per node', rule: '19500', at: () => 19_500, measured: (row) => row.silent.bytes },
]

/** Measured by rule, from 30 nodes on. */
export function checkRules(gossip: readonly GossipRow[]): { name: string; rule: string; measuredByRule: number[] }[] {
  return rules.map(({ name, rule, at, measured }) => ({
    name,
    rule,
    measuredByRule: gossip
      .filter(({ nodes }) => nodes >= 30)
      .map((row) => Math.round((measured(row) / at(row.nodes)) * 100) / 100),
  }))
}

type Point = [number, number]
/** 256 virtual ids of 8 bytes in each of three placements. */
const HASHES_KB = 6
const FAR = [1_000, 10_000] as const

/** Straight line through the last and the first point, continued. */
function onward(points: readonly Point[]): Point[] {
  const [first, last] = [points[0], points.at(-1)] as [Point, Point]
  const slope = (last[1] - first[1]) / (last[0] - first[0])
  return FAR.filter((at) => at > last[0]).map((at): Point => [at, Math.max(1, last[1] + slope * (at - last[0]))])
}

export function charts({ placement, gossip, memory }: Results): Record<string, string> {
  const out: Record<string, string> = {}
  if (placement) {
    const of = (value: (row: PlacementRow) => number): Point[] => placement.map((row) => [row.nodes, value(row)])
    out.evenness = draw({
      title: 'What the worst and the best node holds, in fair shares',
      x: 'nodes',
      y: 'share',
      linearY: [0, 2.5],
      curves: [
        { name: 'copies, most', points: of((row) => row.copies[1]) },
        { name: 'homes, most', points: of((row) => row.homes[1]) },
        { name: 'copies, least', points: of((row) => row.copies[0]) },
        { name: 'homes, least', points: of((row) => row.homes[0]) },
      ],
    })
    out.moves = draw({
      title: 'Copies that move when one node joins, in percent of all',
      x: 'nodes',
      y: 'percent',
      curves: [
        { name: 'measured', points: of((row) => (row.join[0] * 100) / (row.nodes + 1)) },
        { name: 'ideal, 1 / (n + 1)', points: of((row) => 100 / (row.nodes + 1)) },
      ],
    })
    out.placement = draw({
      title: 'CPU of one placement',
      x: 'nodes',
      y: 'milliseconds',
      curves: [{ name: 'measured', points: of((row) => row.ms), beyond: onward(of((row) => row.ms)) }],
    })
  }
  if (gossip) {
    const of = (value: (row: GossipRow) => number): Point[] => gossip.map((row) => [row.nodes, Math.max(1, value(row))])
    out.traffic = draw({
      title: 'What membership sends (dashed: by rule)',
      x: 'nodes',
      y: 'bytes',
      curves: rules.map(({ name, at, measured }) => ({
        name,
        points: of(measured),
        beyond: FAR.map((n): Point => [n, at(n)]),
      })),
    })
  }
  if (memory) {
    const { perEnd } = memory.connections
    const tables = memory.tables.map(
      (row): Point => [row.nodes, (row.table + row.roster + HASHES_KB * row.nodes) / 1024],
    )
    const mesh = [memory.connections.meshes[1], ...FAR].map((n): Point => [n, ((n - 1) * perEnd) / 1024])
    out.memory = draw({
      title: 'Memory of one node by members (dashed: straight on)',
      x: 'nodes',
      y: 'megabytes',
      curves: [
        { name: 'tables, certificates, hashes', points: tables, beyond: onward(tables) },
        { name: `full mesh, ${perEnd} kB per connection`, points: mesh.slice(0, 1), beyond: mesh.slice(1) },
      ],
    })
  }
  return out
}

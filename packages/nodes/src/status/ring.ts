/**
 * A small picture of the ring: the nodes on a circle in order of name, with their state and their part of the ranges, and what
 * the service does in the middle. Pure text, at most 64 columns.
 *
 *                   ● n1
 *                1366 home
 *
 *      ● n3    2 calls, 4 phones    ✕ n2
 *    1365 home                       dead
 */
import type { NodeStatus } from '../control/contract.ts'
import { type Paint, width } from './paint.ts'

export interface RingNode extends Pick<NodeStatus, 'name' | 'state' | 'serving' | 'rangesHeld' | 'rangesHome'> {}

const COLUMNS = 64
const RADIUS_COLUMNS = 24
/** More than this does not fit on the circle and is drawn as bars instead. */
const CIRCLE_NODES_MAX = 8
const BAR_COLUMNS = 24

const marks = { alive: '●', suspect: '◐', dead: '✕', left: '○' } as const

function colour(node: RingNode, paint: Paint): (text: string) => string {
  if (node.state === 'alive') return node.serving ? paint.green : paint.yellow
  return node.state === 'suspect' ? paint.yellow : node.state === 'dead' ? paint.red : paint.dim
}

function describe(node: RingNode): string {
  if (node.state === 'dead' || node.state === 'left') return node.state
  if (!node.serving) return 'not serving'
  return `${node.state === 'suspect' ? 'suspect, ' : ''}home of ${node.rangesHome}`
}

type Cell = { column: number; text: string }

function compose(cells: Cell[]): string {
  let line = ''
  for (const { column, text } of cells.sort((a, b) => a.column - b.column)) {
    const gap = Math.max(line === '' ? 0 : 1, column - width(line))
    line += ' '.repeat(gap) + text
  }
  return line.trimEnd()
}

function circle(nodes: readonly RingNode[], centre: readonly string[], paint: Paint): string {
  const radius = nodes.length <= 4 ? 4 : 6
  const lines: Cell[][] = Array.from({ length: radius * 2 + 2 }, () => [])
  const put = (row: number, middle: number, text: string): void => {
    const column = Math.max(0, Math.min(COLUMNS - width(text), Math.round(middle - width(text) / 2)))
    lines[row]?.push({ column, text })
  }
  for (const [index, node] of nodes.entries()) {
    const angle = (2 * Math.PI * index) / nodes.length - Math.PI / 2
    const row = Math.round(radius + radius * Math.sin(angle))
    const middle = COLUMNS / 2 + RADIUS_COLUMNS * Math.cos(angle)
    const tint = colour(node, paint)
    put(row, middle, tint(`${marks[node.state]} ${paint.bold(node.name)}`))
    put(row + 1, middle, paint.dim(describe(node)))
  }
  const top = Math.floor(radius - (centre.length - 1) / 2)
  for (const [index, text] of centre.entries()) put(top + index, COLUMNS / 2, text)
  const drawn = lines.map(compose)
  while (drawn.at(-1) === '') drawn.pop()
  return drawn.join('\n')
}

/** One line per node: a bar of the ranges that it holds, full where it is home. */
export function rangeBars(nodes: readonly RingNode[], ranges: number, paint: Paint): string {
  const nameWidth = Math.max(...nodes.map((node) => width(node.name)), 0)
  return nodes
    .map((node) => {
      const tint = colour(node, paint)
      const live = node.state === 'alive' || node.state === 'suspect'
      const home = live ? Math.round((node.rangesHome / ranges) * BAR_COLUMNS) : 0
      const held = live ? Math.max(home, Math.round((node.rangesHeld / ranges) * BAR_COLUMNS)) : 0
      const bar = '█'.repeat(home) + '▒'.repeat(held - home) + '·'.repeat(BAR_COLUMNS - held)
      const figures = live ? `holds ${node.rangesHeld}, ${describe(node)}` : describe(node)
      return `${tint(marks[node.state])} ${node.name.padEnd(nameWidth)}  ${tint(bar)}  ${figures}`
    })
    .join('\n')
}

/**
 * @param nodes those to draw; `left` ones are best left out
 * @param centre short lines for the middle, at most three
 */
export function renderRing(
  nodes: readonly RingNode[],
  ranges: number,
  centre: readonly string[],
  paint: Paint,
): string {
  if (nodes.length === 0) return centre.join('\n')
  if (nodes.length > CIRCLE_NODES_MAX) return rangeBars(nodes, ranges, paint)
  return circle(nodes, centre, paint)
}

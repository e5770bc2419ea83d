/**
 * All ranges as a map, in order: row by row from range 0. With colours two ranges a cell (upper and lower half of a block), the
 * colour being that of the home; without, one letter a range.
 *
 *   a … z 0 … 9   home, by the order of the nodes     A … Z   the same, being moved (digits: no sign)
 *   *             home of a node beyond those         !       no majority lives: changes are refused
 */
import type { RingShowResult } from '../control/ring-contract.ts'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
const LETTER_COLUMNS = 128
const CELL_COLUMNS = 64

/** Colours of the 256 that terminals know, well apart on black and on white. */
const PALETTE = [39, 208, 76, 170, 220, 30, 203, 99, 142, 45, 130, 213] as const
/** The same for pictures. */
export const WEB_PALETTE = [
  '#00afff',
  '#ff8700',
  '#5fd700',
  '#d75fd7',
  '#ffd700',
  '#008787',
  '#ff5f5f',
  '#875fff',
  '#afaf00',
  '#00d7ff',
  '#af5f00',
  '#ff87ff',
] as const
const CLOSED = 196
const NOBODY = 240

/** By which a node is known in the map. */
export const letterOf = (node: number): string => LETTERS[node] ?? '*'

const colourOf = (node: number): number => PALETTE[node % PALETTE.length] as number

export function paintNode(node: number, text: string): string {
  return `\u001b[38;5;${colourOf(node)}m${text}\u001b[39m`
}

type Mapped = Pick<RingShowResult, 'homes' | 'moving' | 'closed'>

function letters({ homes, moving, closed }: Mapped): string {
  const [moves, shut] = [new Set(moving), new Set(closed)]
  const signs = homes.map((home, range) => {
    if (shut.has(range) || home < 0) return '!'
    return moves.has(range) ? letterOf(home).toUpperCase() : letterOf(home)
  })
  const rows: string[] = []
  for (let at = 0; at < signs.length; at += LETTER_COLUMNS) rows.push(signs.slice(at, at + LETTER_COLUMNS).join(''))
  return rows.join('\n')
}

function blocks({ homes, moving, closed }: Mapped): string {
  const [moves, shut] = [new Set(moving), new Set(closed)]
  const colour = (range: number): number => {
    const home = homes[range]
    if (home === undefined) return NOBODY
    return shut.has(range) ? CLOSED : home < 0 ? NOBODY : colourOf(home)
  }
  const rows: string[] = []
  for (let top = 0; top < homes.length; top += 2 * CELL_COLUMNS) {
    let row = ''
    for (let range = top; range < top + CELL_COLUMNS && range < homes.length; range++) {
      const below = range + CELL_COLUMNS
      // A moving range lets the background show: a half block with a gap.
      const sign = moves.has(range) || moves.has(below) ? '▚' : '▀'
      row += `\u001b[38;5;${colour(range)};48;5;${colour(below)}m${sign}`
    }
    rows.push(`${row}\u001b[0m`)
  }
  return rows.join('\n')
}

export function renderMap(ring: Mapped, colours: boolean): string {
  return colours ? blocks(ring) : letters(ring)
}

/** The ring as a picture: a spoke for each range in the colour of its home, nodes with their shares in the middle. Pure. */
import type { RingShowResult } from '../control/ring-contract.ts'
import { count } from './format.ts'
import { WEB_PALETTE } from './ring-map.ts'

const SIZE = 900
const INNER = 330
const OUTER = 420
/** Of ranges that move or are closed: outside of the ring. */
const MARK = 440
const NODES_SHOWN_MAX = 24

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const colour = (node: number): string => (node < 0 ? '#444444' : (WEB_PALETTE[node % WEB_PALETTE.length] as string))

function spokes(ranges: readonly number[], total: number, from: number, to: number): string {
  return ranges
    .map((range) => {
      const angle = (2 * Math.PI * range) / total - Math.PI / 2
      const at = (radius: number): string =>
        `${(SIZE / 2 + radius * Math.cos(angle)).toFixed(1)} ${(SIZE / 2 + radius * Math.sin(angle)).toFixed(1)}`
      return `M${at(from)}L${at(to)}`
    })
    .join('')
}

export function renderRingSvg(ring: RingShowResult, title: string): string {
  const total = ring.homes.length
  const stroke = ((2 * Math.PI * OUTER) / total + 0.3).toFixed(2)
  const byHome = Map.groupBy(ring.homes.keys(), (range) => ring.homes[range] as number)
  const paths = [...byHome].map(
    ([home, ranges]) => `<path stroke="${colour(home)}" d="${spokes(ranges, total, INNER, OUTER)}"/>`,
  )
  const marks = [
    [ring.moving, '#999999'],
    [ring.closed, '#ff0000'],
  ] as const
  for (const [ranges, tint] of marks) {
    if (ranges.length > 0) paths.push(`<path stroke="${tint}" d="${spokes(ranges, total, OUTER + 6, MARK)}"/>`)
  }
  const shown = ring.nodes.slice(0, NODES_SHOWN_MAX)
  const step = Math.min(36, 420 / Math.max(1, shown.length))
  const top = SIZE / 2 - (step * shown.length) / 2 + 20
  const lines = shown.map((node, at) => {
    const y = (top + at * step).toFixed(0)
    const text = `${escaped(node.name)}: home ${node.homes}, copies ${node.held}${node.state === 'alive' ? '' : `, ${node.state}`}`
    const dot = `<rect x="310" y="${Number(y) - 12}" width="14" height="14" fill="${colour(at)}"/>`
    return `${dot}<text x="334" y="${y}">${text}</text>`
  })
  const state = [
    ring.moving.length > 0 ? `${ring.moving.length} moving` : '',
    ring.thin.length > 0 ? `${ring.thin.length} lack a copy` : '',
    ring.closed.length > 0 ? `${ring.closed.length} closed` : '',
  ].filter((text) => text !== '')
  const caption = `${count(total, 'range')}${state.length > 0 ? `: ${state.join(', ')}` : ', all in place'}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIZE} ${SIZE}" font-family="sans-serif" font-size="17">`,
    `<title>${escaped(title)}</title><rect width="${SIZE}" height="${SIZE}" fill="#ffffff"/>`,
    `<g stroke-width="${stroke}" fill="none">${paths.join('\n')}</g>`,
    `<text x="${SIZE / 2}" y="${(top - 40).toFixed(0)}" text-anchor="middle" font-size="22">${escaped(title)}</text>`,
    ...lines,
    `<text x="${SIZE / 2}" y="${SIZE - 6}" text-anchor="middle" font-size="15">${caption}</text>`,
    '</svg>',
    '',
  ].join('\n')
}

/** Messages as a picture: who stands where is a column, each message an arrow. */
import type { Captured } from './pcap.ts'

export interface Step extends Captured {
  /** Name of the node that saw it. */
  node: string
  transport: string
}

const WIDTH = 26
const TIME = 10

/** `INVITE`, `200 OK (INVITE)`. */
export function labelOf(text: string): string {
  const [first = ''] = text.split('\r\n', 1)
  const status = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(first)
  if (!status) return first.split(' ')[0] ?? ''
  const method = /\r\ncseq[ \t]*:[ \t]*\d+[ \t]+(\w+)/i.exec(text)?.[1]
  return `${status[1]} ${status[2]}${method === undefined ? '' : ` (${method})`}`
}

/** `nodes`: address of SIP → name. What goes from node to node is one arrow for each end that saw it. */
export function drawLadder(steps: readonly Step[], nodes: ReadonlyMap<string, string> = new Map()): string {
  const [first] = steps
  if (!first) return 'Nothing was said.'
  const columns: string[] = []
  const columnOf = (name: string): number => {
    if (!columns.includes(name)) columns.push(name)
    return columns.indexOf(name)
  }
  const rows = steps.map(({ at, direction, node, remote, transport, text }) => {
    const [own, other] = [columnOf(node), columnOf(nodes.get(remote) ?? `${transport} ${remote}`)]
    const [from, to] = direction === 'in' ? [other, own] : [own, other]
    return { at: at - first.at, from, to, label: labelOf(text) }
  })
  const head = `${' '.repeat(TIME)}${columns.map((name) => center(name, WIDTH)).join('')}`
  const bars = columns.map(() => center('|', WIDTH)).join('')
  const lines = rows.flatMap(({ at, from, to, label }) => {
    const [left, right] = [Math.min(from, to), Math.max(from, to)]
    const start = left * WIDTH + Math.floor((WIDTH - 1) / 2)
    const room = (right - left) * WIDTH - 1
    const shown = label.length > room - 4 ? label.slice(0, Math.max(0, room - 4)) : label
    const dashes = center(` ${shown} `, room, '-')
    const arrow = to > from ? `${dashes.slice(0, -1)}>` : `<${dashes.slice(1)}`
    const line = room < 2 ? bars : bars.slice(0, start + 1) + arrow + bars.slice(start + 1 + room)
    return [`${seconds(at)}${line}`]
  })
  return [head, `${' '.repeat(TIME)}${bars}`, ...lines].map((line) => line.trimEnd()).join('\n')
}

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(3)}`.padStart(TIME - 2).padEnd(TIME)

function center(text: string, width: number, fill = ' '): string {
  const shown = text.length > width ? text.slice(0, width) : text
  const left = Math.floor((width - shown.length) / 2)
  return fill.repeat(left) + shown + fill.repeat(width - shown.length - left)
}

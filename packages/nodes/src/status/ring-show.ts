/** What `thor-node ring show` prints. Pure. */
import type { RingMoveView, RingNodeView, RingRangeResult, RingShowResult } from '../control/ring-contract.ts'
import { count, formatBytes, formatSeconds, formatTime } from './format.ts'
import { type Paint, width } from './paint.ts'
import { letterOf, paintNode, renderMap } from './ring-map.ts'
import { type Column, renderTable } from './table.ts'

const BAR_COLUMNS = 30
const MOVES_LINES_MAX = 10

/** 1.2 → `+20 %`; what is less than one percent off is even. */
function offShare(actual: number, fair: number): string {
  if (fair === 0) return actual === 0 ? '' : 'no share'
  const percent = Math.round((actual / fair - 1) * 100)
  return percent === 0 ? 'even' : `${percent > 0 ? '+' : '−'}${Math.abs(percent)} %`
}

/** `actual` of a scale on which `fair` is marked: `██████│···` */
function bar(actual: number, fair: number, scale: number): string {
  const cells = (amount: number): number =>
    Math.min(BAR_COLUMNS, Math.round((amount / Math.max(1, scale)) * BAR_COLUMNS))
  const [full, mark] = [cells(actual), Math.min(BAR_COLUMNS - 1, cells(fair))]
  return Array.from({ length: BAR_COLUMNS }, (_, at) => {
    if (at === mark && fair > 0) return at < full ? '┃' : '│'
    return at < full ? '█' : '·'
  }).join('')
}

function stateOf(node: RingNodeView, paint: Paint): string {
  if (node.state === 'dead') return paint.red('dead')
  if (node.state === 'suspect') return paint.yellow('suspect')
  return node.serving ? '' : paint.yellow('takes no new work')
}

function nodeLines(ring: RingShowResult, paint: Paint, colours: boolean): string[] {
  const nameWidth = Math.max(0, ...ring.nodes.map(({ name }) => width(name)))
  const homeScale = Math.max(1, ...ring.nodes.map((node) => Math.max(node.homes, node.fairHomes)))
  const heldScale = Math.max(1, ...ring.nodes.map((node) => Math.max(node.held, node.fairHeld)))
  return ring.nodes.flatMap((node, at) => {
    const tint = (text: string): string => (colours ? paintNode(at, text) : text)
    const head = `${tint(colours ? '■' : letterOf(at))} ${paint.bold(node.name.padEnd(nameWidth))}`
    const gap = ' '.repeat(nameWidth + 2)
    const notes = [
      `zone ${node.zone}`,
      ...(node.weight === 1 ? [] : [`weight ${node.weight}`]),
      ...(node.self ? ['asked'] : []),
      stateOf(node, paint),
      node.filling ? paint.yellow(`${count(node.filling, 'copy', 'copies')} being filled`) : '',
    ].filter((text) => text !== '')
    const line = (what: string, actual: number, fair: number, scale: number): string => {
      const amount = String(actual).padStart(4)
      return `${what} ${tint(bar(actual, fair, scale))} ${amount}  ${paint.dim(offShare(actual, fair))}`.trimEnd()
    }
    return [
      `${head}  ${line('home  ', node.homes, node.fairHomes, homeScale)}`,
      `${gap}  ${line('copies', node.held, node.fairHeld, heldScale)}`,
      `${gap}  ${paint.dim(notes.join(', '))}`,
    ]
  })
}

/** `n1,n2,n3 → n1,n2,n4 at 45 %` */
export function moveLine({ from, to, left, open, total, etaSeconds }: RingMoveView): string {
  const done = total > 0 ? Math.floor(((total - left) / total) * 100) : 0
  const rest = [`${count(left, 'range')} left`, ...(open > 0 ? [`${open} under way`] : [])]
  const eta = etaSeconds === null ? '' : `, about ${formatSeconds(etaSeconds)}`
  return `${from.join(',')} → ${to.join(',')} at ${done} % (${rest.join(', ')}${eta})`
}

function moveLines(ring: RingShowResult, paint: Paint): string[] {
  if (ring.moves.length === 0) return restLines(ring, paint)
  const shown = ring.moves.slice(0, MOVES_LINES_MAX)
  const hidden = ring.moves.slice(MOVES_LINES_MAX)
  const groups = hidden.length + ring.more.groups
  const ranges = hidden.reduce((sum, { left }) => sum + left, 0) + ring.more.ranges
  const copied = ring.nodes.reduce((sum, node) => sum + (node.copiedIn ?? 0), 0)
  return [
    paint.bold('Moves'),
    ...shown.map((move) => `  ${moveLine(move)}`),
    ...(groups > 0 ? [`  and ${count(ranges, 'range')} in ${count(groups, 'other group')}`] : []),
    paint.dim(`  ${formatBytes(copied)} copied since the nodes started`),
  ]
}

/** Nothing is being moved: all is well, or something is waited for (`ChangeLimits` of `overlay`). */
function restLines({ nodes, thin, closed }: RingShowResult, paint: Paint): string[] {
  const dead = nodes.filter(({ state, held }) => state === 'dead' && held > 0).map(({ name }) => name)
  const empty = nodes.filter(({ state, held, fairHeld }) => state === 'alive' && held === 0 && fairHeld > 0)
  const waiting = empty.map(({ name }) => `${name} holds nothing yet: it gets its share ten seconds after it came.`)
  if (thin.length > closed.length && dead.length > 0) {
    waiting.push(
      `Copies of ${dead.join(', ')} are replaced a minute after the death, when another node can take them. ` +
        'Who comes back has them still; who never will: "thor-node revoke".',
    )
  }
  if (closed.length > 0) {
    waiting.push(
      `What has no majority opens when dead nodes come back. If they never will, what they had is lost: see "thor-node recover --help".`,
    )
  }
  if (waiting.length > 0) return waiting.map(paint.yellow)
  return thin.length > 0 ? [] : [paint.green('Every range is where it should be.')]
}

function warnings(ring: RingShowResult, paint: Paint): string[] {
  const lines: string[] = []
  if (ring.closed.length > 0) {
    const text = `${count(ring.closed.length, 'range')} without a live majority: changes are refused there (! in the map).`
    lines.push(paint.red(text))
  }
  const thin = ring.thin.length - ring.closed.length
  if (thin > 0) lines.push(paint.yellow(`${count(thin, 'range')} lack a copy.`))
  if (ring.oneZone > 0) {
    lines.push(paint.yellow(`${count(ring.oneZone, 'range')} with all copies in one zone, though there are others.`))
  }
  return lines
}

function zoneLines(ring: RingShowResult, paint: Paint): string[] {
  if (ring.zones.length < 2) return []
  const columns: Column[] = [
    { title: 'ZONE' },
    { title: 'NODES', align: 'right' },
    { title: 'HOMES', align: 'right' },
    { title: 'COPIES', align: 'right' },
  ]
  const rows = ring.zones.map(({ zone, nodes, homes, held }) => [zone, String(nodes), String(homes), String(held)])
  return ['', renderTable(columns, rows, paint)]
}

export function renderRingShow(
  ring: RingShowResult,
  paint: Paint,
  options: { colours: boolean; map: boolean },
): string {
  const map = options.map ? [renderMap(ring, options.colours), ''] : []
  return [
    ...map,
    ...nodeLines(ring, paint, options.colours),
    paint.dim('The mark in a bar is the fair share: by weight, and by zone where there are three or more.'),
    ...zoneLines(ring, paint),
    '',
    ...warnings(ring, paint),
    ...moveLines(ring, paint),
  ].join('\n')
}

const memberColumns: Column[] = [
  { title: 'MEMBER' },
  { title: 'STATE' },
  { title: 'SINCE', align: 'right' },
  { title: 'COPY' },
  { title: 'KNOWS EPOCH', align: 'right' },
  { title: '' },
]

export function renderRange(result: RingRangeResult, paint: Paint): string {
  const { range, name, epoch, home, changing, members, recoveries } = result
  const what = name === undefined ? `Range ${range}` : `${paint.bold(name)} is in range ${range}`
  const rows = members.map((member) => [
    `${member.name}${member.home ? ' (home)' : ''}`,
    member.state === 'alive' ? paint.green('alive') : paint.red(member.state),
    String(member.since),
    member.copy ?? paint.red('no answer'),
    member.epoch === null ? '-' : member.epoch === epoch ? String(member.epoch) : paint.yellow(String(member.epoch)),
    member.change === 'stays' ? '' : paint.yellow(member.change),
  ])
  return [
    `${what}: epoch ${epoch}${changing ? ', being moved' : ''}, home ${home ?? paint.red('none: no replica lives')}.`,
    '',
    renderTable(memberColumns, rows, paint),
    ...recoveries.map(({ at, by, epochBefore, epochAfter }) =>
      paint.yellow(
        `\nStarted anew without its majority by ${by} at ${formatTime(at)} UTC (epoch ${epochBefore} → ${epochAfter}).`,
      ),
    ),
  ].join('\n')
}

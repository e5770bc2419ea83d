/** What `thor-node status` shows: StatusResult → text. Pure. */
import type { NodeStatus, StatusResult } from '../control/contract.ts'
import { count, formatSeconds } from './format.ts'
import type { Paint } from './paint.ts'
import { renderRing } from './ring.ts'
import { type Column, renderTable } from './table.ts'

const columns: Column[] = [
  { title: 'NODE' },
  { title: 'STATE' },
  { title: 'ADDRESS' },
  { title: 'PORTS' },
  { title: 'ZONE' },
  { title: 'VERSION' },
  { title: 'UPTIME', align: 'right' },
  { title: 'HOLDS', align: 'right' },
  { title: 'HOME', align: 'right' },
  { title: 'ROLES' },
]

function state(node: NodeStatus, paint: Paint): string {
  if (node.state === 'alive') return node.serving ? paint.green('alive') : paint.yellow('not serving')
  return node.state === 'left' ? paint.dim('left') : node.state === 'dead' ? paint.red('dead') : paint.yellow('suspect')
}

/** `sip 5060, soap 9200`; UDP and TCP apart only when they differ. */
export function showPorts({ services }: Pick<NodeStatus, 'services'>): string {
  const { sipUdp, sipTcp, sipTls, sipWs, sipWss, soap, dns } = services
  const sip =
    sipUdp !== undefined && sipUdp === sipTcp
      ? [`sip ${sipUdp}`]
      : [sipUdp === undefined ? '' : `sip ${sipUdp}/udp`, sipTcp === undefined ? '' : `sip ${sipTcp}/tcp`]
  const more = Object.entries({ tls: sipTls, ws: sipWs, wss: sipWss })
  const others = [
    ...more.map(([name, port]) => (port === undefined ? '' : `${name} ${port}`)),
    soap === undefined ? '' : `soap ${soap}`,
    dns === undefined ? '' : `dns ${dns}`,
  ]
  return [...sip, ...others].filter((text) => text !== '').join(', ')
}

/** One sentence about the health of the ring. */
export function ringSentence(status: StatusResult, paint: Paint): string {
  const { ranges, underReplicated, closed, changing } = status.ring
  const live = status.nodes.filter((node) => node.state === 'alive' || node.state === 'suspect').length
  const parts = [
    underReplicated === 0
      ? paint.green(`all ${ranges} ranges fully replicated`)
      : paint.yellow(`${underReplicated} of ${ranges} ranges lack a replica`),
  ]
  if (closed > 0) parts.push(paint.red(`${closed} have no live majority and refuse changes`))
  if (changing > 0) parts.push(paint.yellow(`${changing} ranges are moving`))
  return `Ring: ${count(live, 'live node')}, ${parts.join(', ')}.`
}

/** One line per alarm. */
export function alarmLines(nodes: readonly NodeStatus[], paint: Paint): string[] {
  return nodes.flatMap(({ name, alarms }) => alarms.map(({ text }) => paint.red(`! ${name}: ${text}`)))
}

export function renderStatus(status: StatusResult, paint: Paint, options: { ring?: boolean } = {}): string {
  const rows = status.nodes.map((node) => {
    const live = node.state === 'alive' || node.state === 'suspect'
    return [
      `${paint.bold(node.name)}${node.self ? ' *' : ''}`,
      state(node, paint),
      node.address,
      showPorts(node),
      node.zone,
      node.version,
      live ? formatSeconds(node.uptimeSeconds) : '-',
      live ? String(node.rangesHeld) : '-',
      live ? String(node.rangesHome) : '-',
      node.roles.join(' '),
    ]
  })
  const { accounts, registrations, calls } = status.totals
  const known = accounts === null ? 'accounts out of reach' : count(accounts, 'account')
  const totals = `${known}, ${count(registrations, 'registration')}, ${count(calls, 'call')}`
  const picture = options.ring
    ? [
        renderRing(
          status.nodes.filter((node) => node.state !== 'left'),
          status.ring.ranges,
          [status.domain, totals],
          paint,
        ),
        '',
      ]
    : []
  return [
    `${paint.bold(status.domain)}: ${totals}`,
    ringSentence(status, paint),
    ...alarmLines(status.nodes, paint),
    '',
    ...picture,
    renderTable(columns, rows, paint),
    '',
    paint.dim('* this node; HOLDS and HOME count ranges'),
  ].join('\n')
}

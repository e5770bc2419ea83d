import type { WhereResult } from '../control/contract.ts'
import { formatSeconds } from '../status/format.ts'
import type { Paint } from '../status/paint.ts'
import { type Column, renderTable } from '../status/table.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { nodeVerb, type Verb } from './verb.ts'

const columns: Column[] = [
  { title: 'CONTACT' },
  { title: 'EDGE' },
  { title: 'TRANSPORT' },
  { title: 'SOURCE' },
  { title: 'EXPIRES IN', align: 'right' },
  { title: 'Q', align: 'right' },
  { title: 'USER AGENT' },
]

export function renderWhere(result: WhereResult, paint: Paint): string {
  const what = {
    account: 'an account',
    alias: `an alias of ${result.redirectsTo ?? '?'}`,
    none: 'no account here; this is where it would live',
  }
  const replicas = result.replicas.map(({ name, live }) => (live ? name : paint.red(`${name} (not live)`)))
  const lines = [
    `${paint.bold(result.aor)} is ${what[result.kind]}.`,
    `Range ${result.range}, home ${result.home ?? paint.red('none: no replica lives')}, replicas ${replicas.join(', ')}.`,
  ]
  if (result.contacts.length === 0) return [...lines, 'No device is registered.'].join('\n')
  const rows = result.contacts.map((contact) => [
    contact.contact,
    contact.edge,
    contact.transport,
    contact.source,
    formatSeconds(contact.expiresSeconds),
    String(contact.q),
    contact.userAgent,
  ])
  return [...lines, '', renderTable(columns, rows, paint)].join('\n')
}

export const whereVerb: Verb = (console) =>
  nodeVerb(
    'where <address>',
    'Show where an account lives: its range, home and replicas, its devices and the nodes that reach them.',
    `thor-node where alice@thor.local
     thor-node where alice@thor.local --json | jq .home`,
  ).action(async (aor: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).where({ aor })
    show(console, options, result, (where) => renderWhere(where, console.paint))
  })

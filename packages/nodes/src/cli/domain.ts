import { formatTime } from '../status/format.ts'
import { renderTable } from '../status/table.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

const list: Verb = (console) =>
  nodeVerb(
    'list',
    'List the domains that are served.',
    `thor-node domain list
     thor-node domain list --json`,
  ).action(async (options: NodeOptions) => {
    const result = await nodeOf(console, options).domainList()
    show(console, options, result, ({ domains }) => {
      const columns = [{ title: 'DOMAIN' }, { title: 'ACCOUNTS', align: 'right' as const }, { title: 'CHANGED (UTC)' }]
      const rows = domains.map(({ domain, accounts, changedAt }) => [domain, String(accounts), formatTime(changedAt)])
      return renderTable(columns, rows, console.paint)
    })
  })

export const domainVerb: Verb = (console) =>
  group('domain', 'List domains. They are added and removed over SOAP.', [list(console)], 'thor-node domain list')

import { formatTime } from '../status/format.ts'
import { renderTable } from '../status/table.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { wholeNumber } from './parse.ts'
import { nodeVerb, type Verb } from './verb.ts'

const ARGS_SHOWN = 80

export const auditVerb: Verb = (console) =>
  nodeVerb(
    'audit [about]',
    'Show who changed what, when and from where: the latest changes first. With a word, only those that have it.',
    `thor-node audit
     thor-node audit alice@example.com --limit 200
     thor-node audit Sip.deleteAccount --json`,
  )
    .option('--limit <number>', 'at most so many; default 50', wholeNumber)
    .action(async (about: string | undefined, { limit, ...options }: NodeOptions & { limit?: number }) => {
      const query = { ...(limit !== undefined && { limit }), ...(about !== undefined && { about }) }
      const result = await nodeOf(console, options).auditRead(query)
      show(console, options, result, ({ lines }) => {
        if (lines.length === 0) return 'Nothing was changed.'
        const columns = ['WHEN (UTC)', 'WHO', 'FOR', 'FROM', 'WHAT', ''].map((title) => ({ title }))
        const rows = lines.map(({ at, who, impersonate, from, via, operation, args, outcome }) => [
          formatTime(at),
          who,
          impersonate === 0 ? '-' : `${impersonate}`,
          from === '' ? via : `${from} ${via}`,
          outcome === 'done' ? operation : `${operation} ${console.paint.red(outcome)}`,
          args.length > ARGS_SHOWN ? `${args.slice(0, ARGS_SHOWN)}…` : args,
        ])
        return renderTable(columns, rows, console.paint)
      })
    })

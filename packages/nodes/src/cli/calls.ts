import { formatBytes, formatSeconds, formatTime } from '../status/format.ts'
import { type Column, renderTable } from '../status/table.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { wholeNumber } from './parse.ts'
import { nodeVerb, type Verb } from './verb.ts'

const columns: Column[] = [
  { title: 'STARTED (UTC)' },
  { title: 'CALLER' },
  { title: 'CALLEE' },
  { title: 'DURATION', align: 'right' },
  { title: 'END' },
  { title: 'MEDIA', align: 'right' },
  { title: 'CODECS' },
  { title: 'CALL' },
]

export const callsVerb: Verb = (console) =>
  nodeVerb(
    'calls [account]',
    'List calls, newest first: those that go on and those that have ended, of one account or of all.',
    `thor-node calls
     thor-node calls alice@thor.local --limit 10
     thor-node calls --current`,
  )
    .option('--limit <number>', 'at most so many (50)', wholeNumber)
    .option('--current', 'only calls that go on now')
    .action(async (account: string | undefined, options: NodeOptions & { limit?: number; current?: boolean }) => {
      const { limit, current } = options
      const result = await nodeOf(console, options).calls({ account, limit, current })
      show(console, options, result, ({ calls }) => {
        if (calls.length === 0) return current ? 'No call goes on.' : 'No calls.'
        const led = calls.some((call) => call.enum)
        const rows = calls.map((call) => [
          formatTime(call.startedAt),
          call.caller,
          call.callee,
          formatSeconds(call.durationSeconds),
          call.endCause ?? console.paint.green('goes on'),
          formatBytes(call.bytesCaller + call.bytesCallee),
          call.codecs.join(' '),
          console.paint.dim(call.callUuid),
          ...(led ? [call.enum?.tree ?? ''] : []),
        ])
        return renderTable(led ? [...columns, { title: 'ENUM' }] : columns, rows, console.paint)
      })
    })

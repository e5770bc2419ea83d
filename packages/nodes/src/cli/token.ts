import { formatTime } from '../status/format.ts'
import { renderTable } from '../status/table.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { durationSeconds, wholeNumber } from './parse.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

interface AddOptions extends NodeOptions {
  scope?: string[]
  customer?: number
  ttl?: number
}

const add: Verb = (console) =>
  nodeVerb(
    'add <name>',
    'Make a token for REST. It is shown this once.',
    `thor-node token add portal
     thor-node token add monitor --scope read
     thor-node token add shop --scope Sip Customer:read --customer 12 --ttl 30d`,
  )
    .option('--scope <scope...>', 'all (default), read, a port such as Sip, or Sip:read')
    .option('--customer <id>', 'with the rights of this customer or reseller only', wholeNumber)
    .option('--ttl <duration>', 'how long it is good; default: until it is removed', durationSeconds)
    .action(async (name: string, { scope = ['all'], customer, ttl, ...options }: AddOptions) => {
      const scopes = scope.map((one) => (one === 'all' ? '*' : one))
      const query = { name, scopes, ...(customer && { customer }), ...(ttl !== undefined && { ttlSeconds: ttl }) }
      const result = await nodeOf(console, options).tokenAdd(query)
      show(
        console,
        options,
        result,
        ({ token, id }) => `${token}\nShown this once. To take it back: thor-node token remove ${id}`,
      )
    })

export const tokenVerb: Verb = (console) => {
  const list = nodeVerb('list', 'List the tokens.', 'thor-node token list').action(async (options: NodeOptions) => {
    const result = await nodeOf(console, options).tokenList()
    show(console, options, result, ({ tokens }) => {
      if (tokens.length === 0) return 'There are no tokens.'
      const columns = ['TOKEN', 'NAME', 'SCOPES', 'CUSTOMER', 'MADE (UTC)', 'UNTIL (UTC)'].map((title) => ({ title }))
      const rows = tokens.map(({ id, name, scopes, customer, createdAt, expiresAt }) => [
        console.paint.bold(id),
        name,
        scopes.map((scope) => (scope === '*' ? 'all' : scope)).join(' '),
        customer === 0 ? '-' : `${customer}`,
        formatTime(createdAt),
        expiresAt === null ? '-' : formatTime(expiresAt),
      ])
      return renderTable(columns, rows, console.paint)
    })
  })
  const remove = nodeVerb('remove <token>', 'Take a token back.', 'thor-node token remove 0123456789ab').action(
    async (id: string, options: NodeOptions) => {
      const result = await nodeOf(console, options).tokenRemove({ id })
      show(console, options, result, ({ removed }) => `Removed ${removed}.`)
    },
  )
  return group(
    'token',
    'Tokens: keys of the REST interface.',
    [add(console), list, remove],
    'thor-node token add portal',
  )
}

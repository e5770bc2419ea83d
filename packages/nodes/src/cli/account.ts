import type { AccountView } from '../control/contract.ts'
import { formatTime } from '../status/format.ts'
import { renderTable } from '../status/table.ts'
import { type Console, type NodeOptions, nodeOf, show } from './console.ts'
import { wholeNumber } from './parse.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

interface AddOptions extends NodeOptions {
  password?: string
  name?: string
  email?: string
  group?: string[]
}

const add: Verb = (console) =>
  nodeVerb(
    'add <address>',
    'Add an account. Prints its password, once: the service keeps nothing but hashes.',
    `thor-node account add alice@thor.local
     thor-node account add bob@thor.local --password s3cret --name "Bob Miller" --group free-pstn`,
  )
    .option('--password <password>', 'default: a good one is made')
    .option('--name <name>', 'first and last name')
    .option('--email <address>', 'e-mail address')
    .option('--group <group...>', 'rights and marks: free-pstn may call numbers outside')
    .action(async (aor: string, options: AddOptions) => {
      const { password, name, email, group: groups } = options
      const rights = groups && { groups }
      const added = await nodeOf(console, options).accountAdd({ aor, password, displayName: name, email, ...rights })
      show(console, options, added, () => {
        const secret = added.generated ? `\nPassword: ${added.password}   (shown this once)` : ''
        return `Added ${added.account.aor}.${secret}`
      })
    })

const list: Verb = (console) =>
  nodeVerb(
    'list [domain]',
    'List the accounts, of one domain or of all.',
    `thor-node account list
     thor-node account list thor.local --json`,
  )
    .option('--limit <number>', 'at most so many', wholeNumber)
    .action(async (domain: string | undefined, options: NodeOptions & { limit?: number }) => {
      const result = await nodeOf(console, options).accountList({ domain, limit: options.limit })
      show(console, options, result, ({ accounts, total }) => {
        if (total === 0) return 'There are no accounts. Add one: thor-node account add alice@<domain>'
        const columns = [{ title: 'ACCOUNT' }, { title: 'NAME' }, { title: 'ALIASES' }, { title: 'ADDED (UTC)' }]
        const rows = accounts.map((account) => [
          account.aor,
          account.displayName,
          account.aliases.join(' '),
          formatTime(account.createdAt),
        ])
        const more = accounts.length < total ? `\n${accounts.length} of ${total} shown; see --limit` : ''
        return renderTable(columns, rows, console.paint) + more
      })
    })

function renderAccount(account: AccountView, console: Console): string {
  const lines: [string, string][] = [
    ['Account', account.aor],
    ['Name', account.displayName],
    ['E-mail', account.email],
    ['Aliases', account.aliases.join(', ')],
    ['Groups', account.groups.join(', ')],
    ['Call limit', account.callLimit === 0 ? 'that of the platform' : String(account.callLimit)],
    ['Added', `${formatTime(account.createdAt)} UTC`],
    ['Changed', `${formatTime(account.changedAt)} UTC`],
  ]
  return lines.map(([title, value]) => `${console.paint.dim(title.padEnd(12))}${value || '-'}`).join('\n')
}

const showOne: Verb = (console) =>
  nodeVerb('show <address>', 'Show one account.', 'thor-node account show alice@thor.local').action(
    async (aor: string, options: NodeOptions) => {
      const account = await nodeOf(console, options).accountShow({ aor })
      show(console, options, account, (result) => renderAccount(result, console))
    },
  )

const remove: Verb = (console) =>
  nodeVerb(
    'remove <address>',
    'Remove an account with its aliases and registrations.',
    'thor-node account remove alice@thor.local',
  ).action(async (aor: string, options: NodeOptions) => {
    const result = await nodeOf(console, options).accountRemove({ aor })
    show(console, options, result, ({ removed }) => `Removed ${removed}.`)
  })

export const accountVerb: Verb = (console) =>
  group(
    'account',
    'Add, list, show and remove accounts.',
    [add(console), list(console), showOne(console), remove(console)],
    'thor-node account add alice@thor.local\nthor-node account list',
  )

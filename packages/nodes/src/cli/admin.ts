import { formatTime } from '../status/format.ts'
import { renderTable } from '../status/table.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

const password: Verb = (console) =>
  nodeVerb(
    'password',
    'Show the user and password of the first administrator, or make a new password.',
    `thor-node admin password
     thor-node admin password --reset`,
  )
    .option('--reset', 'make a new password; the old one ends on all nodes')
    .action(async (options: NodeOptions & { reset?: boolean }) => {
      const result = await nodeOf(console, options).adminPassword({ reset: options.reset })
      show(console, options, result, (admin) => `User:     ${admin.user}\nPassword: ${admin.password}`)
    })

const add: Verb = (console) =>
  nodeVerb(
    'add <user>',
    'Add an administrator. Prints its password, once: the service keeps what scrypt makes of it.',
    'thor-node admin add eve',
  )
    .option('--password <password>', 'default: a good one is made')
    .action(async (user: string, options: NodeOptions & { password?: string }) => {
      const given = options.password !== undefined && { password: options.password }
      const result = await nodeOf(console, options).adminAdd({ user, ...given })
      show(console, options, result, (admin) => `User:     ${admin.user}\nPassword: ${admin.password}`)
    })

const list: Verb = (console) =>
  nodeVerb('list', 'List the administrators.', 'thor-node admin list').action(async (options: NodeOptions) => {
    const result = await nodeOf(console, options).adminList()
    show(console, options, result, ({ admins }) => {
      const rows = admins.map(({ user, changedAt }) => [console.paint.bold(user), formatTime(changedAt)])
      return renderTable([{ title: 'ADMINISTRATOR' }, { title: 'PASSWORD SET (UTC)' }], rows, console.paint)
    })
  })

const remove: Verb = (console) =>
  nodeVerb('remove <user>', 'Remove an administrator.', 'thor-node admin remove eve').action(
    async (user: string, options: NodeOptions) => {
      const result = await nodeOf(console, options).adminRemove({ user })
      show(console, options, result, ({ removed }) => `Removed ${removed}.`)
    },
  )

export const adminVerb: Verb = (console) =>
  group(
    'admin',
    'Administrators of the provisioning interface.',
    [password(console), add(console), list(console), remove(console)],
    'thor-node admin password\nthor-node admin add eve',
  )

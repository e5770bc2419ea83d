import { type NodeOptions, nodeOf, show } from './console.ts'
import { group, nodeVerb, type Verb } from './verb.ts'

const password: Verb = (console) =>
  nodeVerb(
    'password',
    'Show the user and password for provisioning over SOAP, or make a new password.',
    `thor-node admin password
     thor-node admin password --reset`,
  )
    .option('--reset', 'make a new password; the old one ends on all nodes')
    .action(async (options: NodeOptions & { reset?: boolean }) => {
      const result = await nodeOf(console, options).adminPassword({ reset: options.reset })
      show(console, options, result, (admin) => `User:     ${admin.user}\nPassword: ${admin.password}`)
    })

export const adminVerb: Verb = (console) =>
  group('admin', 'The administrator of the provisioning interface.', [password(console)], 'thor-node admin password')

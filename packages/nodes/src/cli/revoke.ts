import { ThorError } from '@thor-node/core'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { nodeVerb, type Verb } from './verb.ts'

interface RevokeOptions extends NodeOptions {
  yes?: boolean
  force?: boolean
}

export const revokeVerb: Verb = (console) =>
  nodeVerb(
    'revoke <node>',
    'Put a node out of the ring for good: a stolen server, or one that will never come back. All others cut it within ' +
      'seconds, its ranges move to them, and its key is never admitted again.',
    `thor-node revoke n3                   says what would happen
     thor-node revoke n3 --yes
     thor-node revoke 12D3KooW… --yes      by its id, as "members --json" shows it`,
  )
    .option('--yes', 'really do it: there is no way back')
    .option('--force', 'also when ranges lose their majority by it')
    .action(async (node: string, { yes, force, ...options }: RevokeOptions) => {
      const asked = nodeOf(console, options)
      if (!yes) {
        const { members } = await asked.members()
        const named = members.filter(({ name, nodeId }) => name === node.toLowerCase() || nodeId === node)
        const found = named.find(({ revokedAt }) => revokedAt === null)
        if (!found) {
          const why = named.length > 0 ? 'was revoked already' : 'is no member; "thor-node members" names them'
          throw new ThorError('NODE_MEMBER_UNKNOWN', `${node} ${why}`)
        }
        const who = `${found.name} (${found.nodeId}, ${found.state})`
        throw new ThorError(
          'NODE_NOT_CONFIRMED',
          `this puts ${who} out for good: it can come back only as a new node, with an empty data directory. ` +
            `A node that still works leaves in peace with "thor-node leave". To go on: thor-node revoke ${node} --yes`,
        )
      }
      const result = await asked.revoke({ node, ...(force && { force }) })
      show(console, options, result, ({ name, nodeId }) => `${name} (${nodeId}) is out; its ranges move to the others.`)
    })

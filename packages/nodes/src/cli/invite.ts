import { formatTime } from '../status/format.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { durationSeconds } from './parse.ts'
import { nodeVerb, type Verb } from './verb.ts'

export const inviteVerb: Verb = (console) =>
  nodeVerb(
    'invite',
    'Make an invite: whoever has it can join one node to the ring, once.',
    `thor-node invite
     thor-node invite --ttl 30m
     ssh server2 npx thor-node join "$(thor-node invite --json | jq -r .invite)"`,
  )
    .option('--ttl <duration>', 'how long it is good for (24h)', durationSeconds)
    .action(async (options: NodeOptions & { ttl?: number }) => {
      const result = await nodeOf(console, options).invite({ ttlSeconds: options.ttl })
      show(console, options, result, ({ invite, expiresAt }) =>
        [
          'On the next server:',
          '',
          `  npx thor-node join ${invite}`,
          '',
          `Good for one node, until ${formatTime(expiresAt)} UTC.`,
        ].join('\n'),
      )
    })

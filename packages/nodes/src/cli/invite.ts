import { InvalidArgumentError } from 'commander'
import { ISSUER_ROLE, ROLES } from '../roles.ts'
import { formatTime } from '../status/format.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { durationSeconds, names } from './parse.ts'
import { nodeVerb, type Verb } from './verb.ts'

interface InviteOptions extends NodeOptions {
  ttl?: number
  roles?: string[]
  zone?: string
}

const DAY_SECONDS = 86_400

function atMostADay(text: string): number {
  const seconds = durationSeconds(text)
  if (seconds > DAY_SECONDS) throw new InvalidArgumentError('An invite is good for a day (24h) at most.')
  return seconds
}

export const inviteVerb: Verb = (console) =>
  nodeVerb(
    'invite',
    'Make an invite: whoever has it can join one node to the ring, once.',
    `thor-node invite
     thor-node invite --ttl 30m
     thor-node invite --roles sip_proxy,media_relay --zone berlin
     ssh server2 npx thor-node join "$(thor-node invite --json | jq -r .invite)"`,
  )
    .option('--ttl <duration>', 'how long it is good for, a day at most (24h)', atMostADay)
    .option(
      '--roles <names>',
      `what the node is for, of ${[...ROLES, ISSUER_ROLE].join(', ')} (the first four, and issuer for the first three nodes)`,
      names([...ROLES, ISSUER_ROLE]),
    )
    .option('--zone <name>', 'site of the node (what it is set to itself)')
    .action(async ({ ttl, roles, zone, ...options }: InviteOptions) => {
      const query = { ttlSeconds: ttl, ...(roles && { roles }), ...(zone && { zone }) }
      const result = await nodeOf(console, options).invite(query)
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

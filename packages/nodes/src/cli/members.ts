import type { MembersResult, MemberView } from '../control/contract.ts'
import { formatTime } from '../status/format.ts'
import type { Paint } from '../status/paint.ts'
import { renderTable } from '../status/table.ts'
import { type NodeOptions, nodeOf, show } from './console.ts'
import { nodeVerb, type Verb } from './verb.ts'

const columns = ['NODE', 'STATE', 'ZONE', 'CERTIFICATE UNTIL', 'ISSUER UNTIL', 'ROLES'].map((title) => ({ title }))

function stateOf(member: MemberView, paint: Paint): string {
  const { state } = member
  return state === 'alive' ? paint.green(state) : state === 'suspect' ? paint.yellow(state) : paint.red(state)
}

export function renderMembers({ members, hints }: MembersResult, paint: Paint): string {
  const day = (at: number | null): string => (at === null ? '-' : formatTime(at).slice(0, 16))
  const rows = members.map((member) => {
    const { name, state, self, zone, certificateUntil, issuerUntil, roles, revokedAt, revokedBy } = member
    const head = [`${paint.bold(name)}${self ? ' *' : ''}`, stateOf(member, paint), zone]
    if (revokedAt !== null)
      return [
        ...head,
        '-',
        '-',
        paint.dim(
          `${state === 'left' ? 'left' : 'revoked'} ${day(revokedAt)}${state === 'left' ? '' : ` at ${revokedBy}`}`,
        ),
      ]
    return [...head, day(certificateUntil), day(issuerUntil), roles.join(' ')]
  })
  const told = hints.length > 0 ? ['', ...hints.map((hint) => paint.yellow(hint))] : []
  return [renderTable(columns, rows, paint), '', paint.dim('* this node; times in UTC'), ...told].join('\n')
}

export const membersVerb: Verb = (console) =>
  nodeVerb(
    'members',
    'Show who is a member of the ring, until when, who can issue certificates, and who was put out.',
    `thor-node members
     thor-node members --json | jq -r '.members[] | select(.state == "dead").name'`,
  ).action(async (options: NodeOptions) => {
    const result = await nodeOf(console, options).members()
    show(console, options, result, (members) => renderMembers(members, console.paint))
  })

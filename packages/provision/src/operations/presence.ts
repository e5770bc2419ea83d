import type { Aor } from '@thor-node/core'
import { address, text } from '../accounts/validate.ts'
import { limits } from '../limits.ts'
import { checkMembers, listOf, type Rules } from '../records/rules.ts'
import { type Operation, type OperationContext, operation, required } from '../schema/operation.ts'
import type { Value } from '../schema/types.ts'

/** `presence/<aor>`: what was said over this interface. Devices say theirs by SIP. */
export interface PresenceRow {
  information?: Value<'PresenceInformation'>
  policy?: Value<'PresencePolicy'>
}

const informationRules: Rules<'PresenceInformation'> = {
  note: (value: string, field: string) => text(value, field, 512),
}

const rule = (value: Value<'PresencePolicyRule'>, field: string): Value<'PresencePolicyRule'> => {
  const checked = checkMembers('PresencePolicyRule', value, {}, field)
  const [username = '', domain = ''] = (checked.watcher ?? '').replace(/^sips?:/i, '').split('@')
  return { watcher: address({ username, domain }, `${field}.watcher`), policy: checked.policy || 'deny' }
}
const policyRules: Rules<'PresencePolicy'> = { rules: listOf(limits.presenceRulesMax, rule) }

/** The account whose password is given. Throws PROVISION_UNAUTHENTICATED, for accounts that do not exist too. */
async function authenticated(
  context: OperationContext,
  args: { sipId?: Value<'SipId'>; password?: string },
): Promise<Aor> {
  const aor = address(args.sipId, 'sipId')
  await context.logins.user(aor, args.password ?? '', context.request.from)
  return aor
}

const input = { sipId: 'SipId', password: 'string' } as const
const faults = ['PROVISION_UNAUTHENTICATED'] as const
const who = 'anyone' as const

export const presencePort: readonly Operation[] = [
  operation({
    port: 'Presence',
    name: 'setPresenceInformation',
    doc: 'Says how an account is reachable.',
    who,
    rest: 'PUT /presence/{sipId}/information',
    input: { ...input, information: 'PresenceInformation' },
    faults,
    async run(context, args) {
      const aor = await authenticated(context, args)
      const wire = required(args.information, 'information')
      const information = { activity: 'open', note: '', ...checkMembers('PresenceInformation', wire, informationRules) }
      await context.records.presence.upsert(aor, (row) => ({ ...row, information }))
    },
  }),
  operation({
    port: 'Presence',
    name: 'getPresenceInformation',
    doc: 'Tells what was said last; nothing when nothing was.',
    who,
    rest: 'POST /presence/{sipId}/information/read',
    input,
    output: 'PresenceInformation',
    faults,
    async run(context, args) {
      const found = await context.records.presence.find(await authenticated(context, args))
      return found?.body.information ?? {}
    },
  }),
  operation({
    port: 'Presence',
    name: 'deletePresenceInformation',
    doc: 'Takes back what was said.',
    who,
    rest: 'POST /presence/{sipId}/information/delete',
    input,
    faults,
    async run(context, args) {
      const aor = await authenticated(context, args)
      await context.records.presence.upsert(aor, (row) => ({ ...(row?.policy && { policy: row.policy }) }))
    },
  }),
  operation({
    port: 'Presence',
    name: 'getWatchers',
    doc: 'Lists who is subscribed to the presence of an account. The platform has no presence agent yet, so nobody is.',
    who,
    rest: 'POST /presence/{sipId}/watchers/read',
    input,
    output: 'WatcherArray',
    faults,
    async run(context, args) {
      await authenticated(context, args)
      return []
    },
  }),
  operation({
    port: 'Presence',
    name: 'setPolicy',
    doc: 'Says who may see the presence of an account.',
    who,
    rest: 'PUT /presence/{sipId}/policy',
    input: { ...input, policy: 'PresencePolicy' },
    faults,
    async run(context, args) {
      const aor = await authenticated(context, args)
      const wire = checkMembers('PresencePolicy', required(args.policy, 'policy'), policyRules)
      const policy = { default: wire.default || 'confirm', rules: wire.rules ?? [] }
      await context.records.presence.upsert(aor, (row) => ({ ...row, policy }))
    },
  }),
  operation({
    port: 'Presence',
    name: 'getPolicy',
    doc: 'Tells who may see the presence of an account.',
    who,
    rest: 'POST /presence/{sipId}/policy/read',
    input,
    output: 'PresencePolicy',
    faults,
    async run(context, args) {
      const found = await context.records.presence.find(await authenticated(context, args))
      return found?.body.policy ?? { default: 'confirm', rules: [] }
    },
  }),
]

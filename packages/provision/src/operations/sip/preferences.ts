import {
  acceptOf,
  acceptView,
  barringPrefixes,
  diversionRules,
  noPreferences,
  type Preferences,
  rejectMembers,
} from '../../records/preferences.ts'
import { checkMembers } from '../../records/rules.ts'
import { type OperationContext, operation } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { ownedAccount } from '../scope.ts'

/** The account that a request is about; it exists. */
export async function ownAccount(context: OperationContext, id: Value<'SipId'> | undefined): Promise<string> {
  return (await ownedAccount(context, id, 'sipId')).aor
}

async function change(
  context: OperationContext,
  id: Value<'SipId'> | undefined,
  fn: (preferences: Preferences) => Preferences,
): Promise<void> {
  const aor = await ownAccount(context, id)
  await context.records.accounts.change(aor, fn, context.request.etag)
}

async function read(context: OperationContext, id: Value<'SipId'> | undefined): Promise<Preferences> {
  return seen(context, await ownAccount(context, id))
}

/** All preferences are one record, so a change of some is one of all to who sends its etag. */
async function seen(context: OperationContext, aor: string): Promise<Preferences> {
  const found = await context.records.accounts.preferences.find(aor)
  context.request.seen = found?.etag
  return found?.body ?? noPreferences
}

const faults = ['PROVISION_ACCOUNT_UNKNOWN'] as const

export const setRejectMembers = operation({
  port: 'Sip',
  name: 'setRejectMembers',
  doc: 'Says whose calls are refused; replaces the list.',
  who: 'user',
  rest: 'PUT /sip/accounts/{sipId}/reject',
  guarded: true,
  input: { sipId: 'SipId', members: 'StringArray' },
  faults,
  run(context, args) {
    const reject = [...new Set(rejectMembers((args.members ?? []) as never, 'members') as string[])]
    return change(context, args.sipId, (preferences) => ({ ...preferences, reject }))
  },
})

export const getRejectMembers = operation({
  port: 'Sip',
  name: 'getRejectMembers',
  doc: 'Tells whose calls are refused.',
  who: 'user',
  rest: 'GET /sip/accounts/{sipId}/reject',
  input: { sipId: 'SipId' },
  output: 'StringArray',
  faults,
  run: async (context, args) => (await read(context, args.sipId)).reject,
})

export const setAcceptRules = operation({
  port: 'Sip',
  name: 'setAcceptRules',
  doc: 'Says when calls of which groups are taken; replaces all rules. A temporary rule counts down and ends by itself.',
  who: 'user',
  rest: 'PUT /sip/accounts/{sipId}/accept',
  guarded: true,
  input: { sipId: 'SipId', rules: 'AcceptRules' },
  faults,
  run(context, args) {
    const accept = acceptOf(args.rules ?? {}, context.clock.wall())
    return change(context, args.sipId, (preferences) => ({ ...preferences, accept }))
  },
})

export const getAcceptRules = operation({
  port: 'Sip',
  name: 'getAcceptRules',
  doc: 'Tells the accept rules, and which groups of the phonebook have entries.',
  who: 'user',
  rest: 'GET /sip/accounts/{sipId}/accept',
  input: { sipId: 'SipId' },
  output: 'AcceptRulesResult',
  faults,
  async run(context, args) {
    const aor = await ownAccount(context, args.sipId)
    const { accounts } = context.records
    const [{ accept }, entries] = await Promise.all([seen(context, aor), accounts.entriesOf(aor)])
    const groups = new Set(entries.map(({ group = '' }) => group))
    groups.delete('')
    return { rules: acceptView(accept, context.clock.wall()), nonEmptyGroups: [...groups].sort() }
  },
})

export const setBarringPrefixes = operation({
  port: 'Sip',
  name: 'setBarringPrefixes',
  doc: 'Says which numbers may not be called, by what they begin with; replaces the list.',
  rest: 'PUT /sip/accounts/{sipId}/barring',
  guarded: true,
  input: { sipId: 'SipId', prefixes: 'StringArray' },
  faults,
  run(context, args) {
    const barring = [...new Set(barringPrefixes((args.prefixes ?? []) as never, 'prefixes') as string[])].sort()
    return change(context, args.sipId, (preferences) => ({ ...preferences, barring }))
  },
})

export const getBarringPrefixes = operation({
  port: 'Sip',
  name: 'getBarringPrefixes',
  doc: 'Tells which numbers may not be called.',
  who: 'user',
  rest: 'GET /sip/accounts/{sipId}/barring',
  input: { sipId: 'SipId' },
  output: 'StringArray',
  faults,
  run: async (context, args) => (await read(context, args.sipId)).barring,
})

/** What is stored of diversions: those that are given, canonical. */
export function diversionsOf(wire: Value<'CallDiversions'> | undefined): Preferences['diversions'] {
  const checked = checkMembers('CallDiversions', wire ?? {}, diversionRules)
  return Object.fromEntries(Object.entries(checked).filter(([, to]) => to !== undefined))
}

export const setCallDiversions = operation({
  port: 'Sip',
  name: 'setCallDiversions',
  doc: 'Says where calls go on a condition; replaces all diversions: what is not given is taken off.',
  who: 'user',
  rest: 'PUT /sip/accounts/{sipId}/diversions',
  guarded: true,
  input: { sipId: 'SipId', diversions: 'CallDiversions' },
  faults,
  run(context, args) {
    const diversions = diversionsOf(args.diversions)
    return change(context, args.sipId, (preferences) => ({ ...preferences, diversions }))
  },
})

export const getCallDiversions = operation({
  port: 'Sip',
  name: 'getCallDiversions',
  doc: 'Tells where calls go on which condition.',
  who: 'user',
  rest: 'GET /sip/accounts/{sipId}/diversions',
  input: { sipId: 'SipId' },
  output: 'CallDiversions',
  faults,
  run: async (context, args) => (await read(context, args.sipId)).diversions,
})

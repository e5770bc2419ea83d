import { phonebookRules } from '../../records/preferences.ts'
import { checkMembers, needMembers } from '../../records/rules.ts'
import { operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { rowOf, runQuery } from '../queries.ts'
import { ownAccount } from './preferences.ts'

function checked(entry: Value<'PhonebookEntry'> | undefined): Value<'PhonebookEntry'> & { uri: string } {
  const wire = checkMembers('PhonebookEntry', required(entry, 'entry'), phonebookRules)
  needMembers(wire, ['uri'])
  return wire as Value<'PhonebookEntry'> & { uri: string }
}

export const addPhonebookEntry = operation({
  port: 'Sip',
  name: 'addPhonebookEntry',
  doc: 'Adds an entry to the phonebook of an account.',
  who: 'user',
  rest: 'POST /sip/accounts/{sipId}/phonebook',
  input: { sipId: 'SipId', entry: 'PhonebookEntry' },
  faults: ['PROVISION_ACCOUNT_UNKNOWN', 'PROVISION_PHONEBOOK_EXISTS'],
  async run(context, args) {
    const entry = { name: '', group: '', ...checked(args.entry) }
    await context.records.accounts.addEntry(await ownAccount(context, args.sipId), entry)
  },
})

export const updatePhonebookEntry = operation({
  port: 'Sip',
  name: 'updatePhonebookEntry',
  doc: 'Changes the members of an entry that are given.',
  who: 'user',
  rest: 'PATCH /sip/accounts/{sipId}/phonebook/{entry.uri}',
  input: { sipId: 'SipId', entry: 'PhonebookEntry' },
  faults: ['PROVISION_ACCOUNT_UNKNOWN', 'PROVISION_PHONEBOOK_UNKNOWN'],
  async run(context, args) {
    const entry = checked(args.entry)
    const aor = await ownAccount(context, args.sipId)
    await context.records.accounts.changeEntry(aor, entry.uri, (before) => ({ ...before, ...entry }))
  },
})

export const deletePhonebookEntry = operation({
  port: 'Sip',
  name: 'deletePhonebookEntry',
  doc: 'Deletes an entry.',
  who: 'user',
  rest: 'DELETE /sip/accounts/{sipId}/phonebook/{uri}',
  input: { sipId: 'SipId', uri: 'string' },
  faults: ['PROVISION_ACCOUNT_UNKNOWN', 'PROVISION_PHONEBOOK_UNKNOWN'],
  async run(context, args) {
    const aor = await ownAccount(context, args.sipId)
    await context.records.accounts.changeEntry(aor, required(args.uri, 'uri').trim(), () => undefined)
  },
})

export const getPhonebookEntries = operation({
  port: 'Sip',
  name: 'getPhonebookEntries',
  doc: 'Lists entries. In match, uri and name may have % and _ as wildcards; an empty group finds those without one.',
  who: 'user',
  rest: 'GET /sip/accounts/{sipId}/phonebook',
  input: { sipId: 'SipId', match: 'PhonebookEntry', range: 'Range' },
  output: 'PhonebookResult',
  faults: ['PROVISION_ACCOUNT_UNKNOWN'],
  async run(context, args) {
    const { group, uri, name } = args.match ?? {}
    const entries = await context.records.accounts.entriesOf(await ownAccount(context, args.sipId))
    const inGroup = entries.filter((entry) => group === undefined || (entry.group ?? '') === group)
    const rows = inGroup.map((entry) => rowOf(entry, 0))
    const query = { filter: { uri, name }, range: args.range }
    const { values, total } = runQuery(rows, query, { attribute: 'uri', direction: 'ASC' })
    return { entries: values, total }
  },
})

import type { AccountRecord, DomainRecord } from '../../accounts/contract.ts'
import { type AccountInput, AUTOINCREMENT } from '../../accounts/input.ts'
import { domainName, user } from '../../accounts/validate.ts'
import { accountView } from '../../accounts/view.ts'
import { operation, required } from '../../schema/operation.ts'
import type { Value } from '../../schema/types.ts'
import { assertCredit } from '../credits.ts'
import { assertMayAdd, dateText, ownedAccount, ownedAddress, ownedDomain } from '../scope.ts'
import { assertUserMay } from './user-rights.ts'

export function toInput(wire: Value<'SipAccount'>, id: { username: string; domain: string }): AccountInput {
  const { firstName, lastName, email, timezone, owner, rpid, groups, prepaid, quota } = wire
  const { quickdialPrefix, timeout, region, callLimit, acl, properties, password } = wire
  return {
    ...id,
    ...{ password, firstName, lastName, email, timezone, owner, rpid, groups, prepaid, quota },
    ...{ quickdialPrefix, timeout, region, callLimit, acl, properties },
    ...(wire.enum_trees && { enumTrees: [...wire.enum_trees] }),
  }
}

export function toWire(record: AccountRecord, owner: DomainRecord | undefined): Value<'SipAccount'> {
  const { aor, aliases: _, createdAt, changedAt, username, domain, enumTrees, ...fields } = accountView(record, owner)
  const dates = { createDate: dateText(createdAt), changeDate: dateText(changedAt) }
  return { id: { username, domain }, ...fields, ...(enumTrees?.length && { enum_trees: enumTrees }), ...dates }
}

/** The id of an account that is to be added. */
function idOfNew(wire: Value<'SipAccount'>): { username: string; domain: string } {
  const id = required(wire.id, 'id')
  const username = id.username === AUTOINCREMENT ? AUTOINCREMENT : user(id.username, 'id.username')
  return { username, domain: domainName(id.domain, 'id.domain') }
}

export const addAccount = operation({
  port: 'Sip',
  name: 'addAccount',
  doc: 'Adds an account. The answer has the address it got, when one was asked for with <autoincrement>.',
  rest: 'POST /sip/accounts',
  input: { account: 'SipAccount' },
  output: 'SipAccount',
  faults: ['PROVISION_ACCOUNT_EXISTS', 'PROVISION_DOMAIN_UNKNOWN', 'PROVISION_NAMES_EXHAUSTED'],
  async run(context, args) {
    const wire = required(args.account, 'account')
    const id = idOfNew(wire)
    // Who may do everything need not know first whose the domain is.
    const domain = context.caller.impersonate === 0 ? undefined : await ownedDomain(context, id.domain)
    if (domain) {
      assertMayAdd(context)
      await assertCredit(context, domain.customer, 'sip_credit')
    }
    const { record, owner } = await context.directory.addOwnedAccount(toInput(wire, id))
    return toWire(record, owner)
  },
})

export const updateAccount = operation({
  port: 'Sip',
  name: 'updateAccount',
  doc: 'Changes the members that are given; lists are replaced, an empty password leaves it as it is.',
  who: 'user',
  rest: 'PATCH /sip/accounts/{account.id}',
  guarded: true,
  input: { account: 'SipAccount' },
  output: 'SipAccount',
  faults: ['PROVISION_ACCOUNT_UNKNOWN'],
  async run(context, args) {
    const wire = required(args.account, 'account')
    let owner: DomainRecord | undefined
    if (context.caller.kind === 'user') {
      const own = await ownedAccount(context, wire.id, 'id')
      owner = own.owner
      assertUserMay(wire, toWire(own.account.body, owner))
    } else owner = (await ownedAddress(context, wire.id, 'id')).owner
    const { username = '', domain = '' } = wire.id ?? {}
    const input = toInput(wire, { username, domain })
    return toWire(await context.directory.updateAccount(input, { etag: context.request.etag }), owner)
  },
})

export const deleteAccount = operation({
  port: 'Sip',
  name: 'deleteAccount',
  doc: 'Deletes an account with its aliases, registrations and all that was kept for it.',
  rest: 'DELETE /sip/accounts/{sipId}',
  guarded: true,
  input: { sipId: 'SipId' },
  faults: ['PROVISION_ACCOUNT_UNKNOWN'],
  async run(context, args) {
    const { aor } = await ownedAddress(context, args.sipId, 'sipId')
    await context.directory.deleteAccount(aor, { etag: context.request.etag })
  },
})

/** The only operation that hands out a digest: portals check their users' log-ins with `ha1`. */
export const getAccount = operation({
  port: 'Sip',
  name: 'getAccount',
  doc: 'Reads an account.',
  who: 'user',
  rest: 'GET /sip/accounts/{sipId}',
  input: { sipId: 'SipId' },
  output: 'SipAccount',
  faults: ['PROVISION_ACCOUNT_UNKNOWN'],
  async run(context, args) {
    const { owner, account } = await ownedAccount(context, args.sipId, 'sipId')
    const { body: record, etag } = account
    context.request.seen = etag
    if (context.caller.kind === 'user') return toWire(record, owner)
    return { ...toWire(record, owner), ha1: context.directory.credentials(record).ha1Md5 }
  },
})

import type { AccountRecord, DomainRecord } from '../../../accounts/contract.ts'
import { type AccountInput, AUTOINCREMENT } from '../../../accounts/input.ts'
import { domainName, user } from '../../../accounts/validate.ts'
import { accountView } from '../../../accounts/view.ts'
import { type OperationContext, operation, required } from '../../operation.ts'
import type { Value } from '../../types.ts'
import { dateText, ownedAddress, ownedDomain } from '../scope.ts'

function toInput(wire: Value<'SipAccount'>, id: { username: string; domain: string }): AccountInput {
  const { firstName, lastName, email, timezone, owner, rpid, groups, prepaid, quota } = wire
  const { quickdialPrefix, timeout, region, callLimit, acl, properties, password } = wire
  return {
    ...id,
    ...{ password, firstName, lastName, email, timezone, owner, rpid, groups, prepaid, quota },
    ...{ quickdialPrefix, timeout, region, callLimit, acl, properties },
  }
}

export function toWire(record: AccountRecord, owner: DomainRecord | undefined): Value<'SipAccount'> {
  const { aor, aliases: _aliases, createdAt, changedAt, username, domain, ...fields } = accountView(record, owner)
  return { id: { username, domain }, ...fields, createDate: dateText(createdAt), changeDate: dateText(changedAt) }
}

/** The id of an account in a request, and its domain when the caller has rights for it. */
async function ownedId(context: OperationContext, wire: Value<'SipAccount'>) {
  const id = required(wire.id, 'id')
  const username = id.username === AUTOINCREMENT ? AUTOINCREMENT : user(id.username, 'id.username')
  const domain = domainName(id.domain, 'id.domain')
  return { username, domain, owner: await ownedDomain(context, domain) }
}

export const addAccount = operation({
  port: 'Sip',
  name: 'addAccount',
  input: { account: 'SipAccount' },
  output: 'SipAccount',
  async run(context, args) {
    const wire = required(args.account, 'account')
    const { owner, ...id } = await ownedId(context, wire)
    return toWire(await context.directory.addAccount(toInput(wire, id)), owner)
  },
})

export const updateAccount = operation({
  port: 'Sip',
  name: 'updateAccount',
  input: { account: 'SipAccount' },
  output: 'SipAccount',
  async run(context, args) {
    const wire = required(args.account, 'account')
    const { owner, ...id } = await ownedId(context, wire)
    user(id.username, 'id.username')
    return toWire(await context.directory.updateAccount(toInput(wire, id)), owner)
  },
})

export const deleteAccount = operation({
  port: 'Sip',
  name: 'deleteAccount',
  input: { sipId: 'SipId' },
  async run(context, args) {
    const { aor } = await ownedAddress(context, args.sipId, 'sipId')
    await context.directory.deleteAccount(aor)
  },
})

/** The only operation that hands out a digest: portals check their users' log-ins with `ha1`. */
export const getAccount = operation({
  port: 'Sip',
  name: 'getAccount',
  input: { sipId: 'SipId' },
  output: 'SipAccount',
  async run(context, args) {
    const { aor, owner } = await ownedAddress(context, args.sipId, 'sipId')
    const record = (await context.directory.getAccount(aor)).body
    return { ...toWire(record, owner), ha1: context.directory.credentials(record).ha1Md5 }
  },
})

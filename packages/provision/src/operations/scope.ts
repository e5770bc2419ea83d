import { type Aor, splitAor, type Versioned } from '@thor-node/core'
import { accountUnknown } from '../accounts/accounts.ts'
import type { AccountRecord, DomainRecord } from '../accounts/contract.ts'
import { address, identity } from '../accounts/validate.ts'
import { failure } from '../errors.ts'
import type { RecordTable, Stamped } from '../records/table.ts'
import type { OperationContext } from '../schema/operation.ts'
import type { Value } from '../schema/types.ts'

/** Who a record belongs to. Some types have only a reseller. */
export interface Owned {
  customer?: number
  reseller?: number
}

/** Whether records of this customer and reseller are the caller's to see and change. */
export function inScope({ caller }: OperationContext, owned: Owned | undefined): boolean {
  const { impersonate, isReseller, kind } = caller
  if (kind === 'user') return false
  if (impersonate === 0) return true
  return owned !== undefined && (owned.customer === impersonate || (isReseller && owned.reseller === impersonate))
}

const forbidden = (what: string) => failure('PROVISION_FORBIDDEN', what)

/** For records that belong to whom something else of the caller belongs to. Throws PROVISION_FORBIDDEN. */
export function assertMayAdd({ caller }: OperationContext): void {
  if (!caller.mayAdd) throw forbidden('the reseller is not active')
}

/** The owners of a record that the caller adds: itself, unless it may say otherwise. Throws PROVISION_FORBIDDEN. */
export function ownersOfNew(context: OperationContext, given: Owned): { customer: number; reseller: number } {
  const { impersonate, reseller, isReseller } = context.caller
  assertMayAdd(context)
  const customer = identity(given.customer ?? impersonate, 'customer')
  const owners = { customer, reseller: identity(given.reseller ?? reseller, 'reseller') }
  const other = !inScope(context, owners) || (impersonate !== 0 && owners.reseller !== reseller)
  if (other) {
    const of = isReseller ? 'customer or reseller' : 'customer'
    throw forbidden(`${of} must be ${impersonate}`)
  }
  return owners
}

/** The reseller of a record that only has one. Throws PROVISION_FORBIDDEN, for customers too. */
export function resellerOfNew(context: OperationContext, given: Owned): number {
  if (!context.caller.isReseller) throw forbidden('only resellers and administrators may add these')
  return ownersOfNew(context, { reseller: given.reseller, customer: context.caller.impersonate }).reseller
}

/** Nobody gives a record away to whom it is not his to give. Throws PROVISION_FORBIDDEN. */
export function assertKept(context: OperationContext, owned: Owned): void {
  if (!inScope(context, owned)) {
    throw forbidden(`customer or reseller must be ${context.caller.impersonate}`)
  }
}

/** A record of a table, when it is the caller's; that of another is unknown to it. Throws what the table throws. */
export async function ownedRecord<B extends Owned>(
  context: OperationContext,
  table: RecordTable<B>,
  name: string,
): Promise<B & Stamped> {
  const found = await table.require(name)
  if (!inScope(context, found.body)) throw table.unknown(name)
  context.request.seen = found.etag
  return found.body
}

/** The records of a table that are the caller's. Near. */
export async function ownedRecords<B extends Owned>(
  context: OperationContext,
  table: RecordTable<B>,
): Promise<(B & Stamped)[]> {
  return (await table.list()).filter((record) => inScope(context, record))
}

/** The id of the only record of this name that the caller has. Throws what the table throws. */
export async function idOfName<B extends Owned & { id?: number; name?: string }>(
  context: OperationContext,
  table: RecordTable<B>,
  name: string,
): Promise<number> {
  const found = (await ownedRecords(context, table)).filter((record) => record.name === name)
  const [only] = found
  if (!only?.id || found.length > 1) throw table.unknown(name)
  return only.id
}

/**
 * The domain that a request is about, when it exists. Throws PROVISION_FORBIDDEN when it is somebody else's: the same answer
 * as for one that does not exist, so that customers cannot ask around.
 */
export async function ownedDomain(context: OperationContext, domain: string): Promise<DomainRecord | undefined> {
  const found = await context.directory.knownDomain(domain)
  if (!inScope(context, found?.body)) throw forbidden(`no rights for SIP domain ${domain}`)
  return found?.body
}

/**
 * The address that a request is about, canonical, and the domain that owns it. The user of an account has rights for its
 * address. Throws PROVISION_FORBIDDEN.
 */
export async function ownedAddress(
  context: OperationContext,
  id: Value<'SipId'> | undefined,
  field: string,
): Promise<{ aor: Aor; owner: DomainRecord | undefined }> {
  const aor = address(id, field)
  const domain = splitAor(aor)?.domain ?? ''
  if (context.caller.kind !== 'user') return { aor, owner: await ownedDomain(context, domain) }
  if (context.caller.aor !== aor) throw forbidden(`no rights for ${aor}`)
  return { aor, owner: (await context.directory.knownDomain(domain))?.body }
}

/**
 * The account that a request is about, and the domain that owns it: read at once. Throws PROVISION_FORBIDDEN also where there is no
 * such account, PROVISION_ACCOUNT_UNKNOWN.
 */
export async function ownedAccount(
  context: OperationContext,
  id: Value<'SipId'> | undefined,
  field: string,
): Promise<{ aor: Aor; owner: DomainRecord | undefined; account: Versioned<AccountRecord> }> {
  const aor = address(id, field)
  const [{ owner }, account] = await Promise.all([ownedAddress(context, id, field), context.directory.findAccount(aor)])
  if (!account) throw accountUnknown(aor)
  return { aor, owner, account }
}

/** The domains that the caller may see, by name: for lists, which take customer and reseller from them. */
export async function ownedDomains(context: OperationContext): Promise<Map<string, DomainRecord>> {
  const records = await context.directory.domains()
  return new Map(records.filter((record) => inScope(context, record)).map((record) => [record.domain, record]))
}

export function sipId(aor: Aor): Value<'SipId'> {
  const { user, domain } = splitAor(aor) ?? { user: aor, domain: '' }
  return { username: user, domain }
}

/** `YYYY-MM-DD HH:MM:SS` in UTC. */
export function dateText(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 19).replace('T', ' ')
}

/** A stored record as the wire has it: its members, and when it was changed. */
export function dated<B extends Stamped>({ changedAt, ...members }: B): Omit<B, 'changedAt'> & { changeDate: string } {
  return { ...members, changeDate: dateText(changedAt) }
}

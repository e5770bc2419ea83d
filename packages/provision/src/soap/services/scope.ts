import { type Aor, splitAor } from '@thor-node/core'
import type { DomainRecord } from '../../accounts/contract.ts'
import { address } from '../../accounts/validate.ts'
import { failure } from '../../errors.ts'
import type { OperationContext } from '../operation.ts'
import type { Value } from '../types.ts'

type Owned = Pick<DomainRecord, 'customer' | 'reseller'>

/** Whether records of this customer and reseller are the caller's to see and change. */
export function inScope({ caller }: OperationContext, owned: Owned | undefined): boolean {
  const { impersonate } = caller
  return (
    impersonate === 0 || (owned !== undefined && (owned.customer === impersonate || owned.reseller === impersonate))
  )
}

/**
 * The domain that a request is about, when it exists. Throws PROVISION_FORBIDDEN when it is somebody else's: the same answer
 * as for one that does not exist, so that customers cannot ask around.
 */
export async function ownedDomain(context: OperationContext, domain: string): Promise<DomainRecord | undefined> {
  const record = (await context.directory.knownDomain(domain))?.body
  if (!inScope(context, record)) throw failure('PROVISION_FORBIDDEN', `no rights for SIP domain ${domain}`)
  return record
}

/** The address that a request is about, canonical, and the domain that owns it. Throws PROVISION_FORBIDDEN. */
export async function ownedAddress(
  context: OperationContext,
  id: Value<'SipId'> | undefined,
  field: string,
): Promise<{ aor: Aor; owner: DomainRecord | undefined }> {
  const aor = address(id, field)
  return { aor, owner: await ownedDomain(context, splitAor(aor)?.domain ?? '') }
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

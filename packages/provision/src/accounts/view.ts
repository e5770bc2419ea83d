import { type Aor, splitAor } from '@thor-node/core'
import type { AccountRecord, AliasRecord, DomainRecord } from './contract.ts'

/** An account as people see it: nothing secret, and with what it inherits from its domain. */
export interface AccountView extends Omit<AccountRecord, 'kind' | 'sealedCredentials' | 'numbers'> {
  username: string
  domain: string
  /** Of the domain; 0 when nobody's. */
  customer: number
  reseller: number
}

export function accountView(
  record: AccountRecord,
  owner: Pick<DomainRecord, 'customer' | 'reseller'> | undefined,
): AccountView {
  const { kind: _kind, sealedCredentials: _sealed, numbers: _numbers, ...rest } = record
  const { user, domain } = splitAor(record.aor) ?? { user: record.aor, domain: '' }
  return { ...rest, username: user, domain, customer: owner?.customer ?? 0, reseller: owner?.reseller ?? 0 }
}

export interface AliasView {
  aor: Aor
  username: string
  domain: string
  target: Aor
  targetUsername: string
  targetDomain: string
  owner: number
  customer: number
  reseller: number
  changedAt: number
}

export function aliasView(
  record: AliasRecord,
  owner: Pick<DomainRecord, 'customer' | 'reseller'> | undefined,
): AliasView {
  const own = splitAor(record.aor) ?? { user: record.aor, domain: '' }
  const target = splitAor(record.target) ?? { user: record.target, domain: '' }
  return {
    aor: record.aor,
    username: own.user,
    domain: own.domain,
    target: record.target,
    targetUsername: target.user,
    targetDomain: target.domain,
    owner: record.owner,
    customer: owner?.customer ?? 0,
    reseller: owner?.reseller ?? 0,
    changedAt: record.changedAt,
  }
}

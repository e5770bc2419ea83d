import type { Aor } from '@thor-node/core'
import type { AccountRecord, DomainRecord } from './contract.ts'
import type { RegisterChange } from './registers.ts'

/** What operators may set of an account. Absent: the default on `add`, unchanged on `update`. */
export type AccountFields = Partial<
  Omit<
    AccountRecord,
    'kind' | 'aor' | 'sealedCredentials' | 'aliases' | 'numbers' | 'createdAt' | 'changedAt' | 'acl' | 'properties'
  > & {
    acl: { ip?: string; mask?: number; tag?: string }[]
    properties: { name?: string; value?: string }[]
  }
>

/** Asks for the next free number of the domain as the username. */
export const AUTOINCREMENT = '<autoincrement>'

export interface AccountInput extends AccountFields {
  /** May be AUTOINCREMENT on `add`. */
  username: string
  domain: string
  /** Clear text, or `MD5(user:domain:password):MD5(user@domain:domain:password)`, each 32 hex digits. */
  password?: string
}

export type DomainFields = Partial<Omit<DomainRecord, 'domain' | 'dialPlan' | 'changedAt'>>

export interface DomainInput extends DomainFields {
  domain: string
}

export interface AliasInput {
  aor: Aor
  target: Aor
  owner?: number
}

/** What is made in one transaction with an account, for its address once that is known. */
export interface AccountCompany {
  aliases: Aor[]
  /** ENUM numbers, as `number/tld`. */
  numbers: string[]
  parts(aor: Aor): RegisterChange[]
}

/** For changes that shall happen only to the value that was seen: mismatch is PROVISION_CONFLICT. */
export interface ChangeOptions {
  etag?: string
}

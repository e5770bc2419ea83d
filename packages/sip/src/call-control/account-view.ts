import type { Aor } from '@thor-node/core'

/** What a decision needs to know of an account: no credentials. */
export interface AccountView {
  kind: 'account'
  aor: Aor
  /** Other addresses that are this account's: may stand in From. */
  aliases: readonly Aor[]
  displayName?: string
  /** Of emergency calls. */
  region?: string
  /** Trees of numbers for its calls, where it has an order of its own. */
  trees?: readonly string[]
  /** By which it is known in the telephone network. */
  number?: string
  groups: readonly string[]
  /** Calls at a time; 0: no limit of its own. */
  callLimit: number
  /** MESSAGEs are kept while no device is there. */
  keepsMessages?: boolean
  /** Digest algorithms it can be checked with, strongest first. */
  algorithms: readonly string[]
}

export interface AliasView {
  kind: 'alias'
  aor: Aor
  target: Aor
}

/** Administratively blocked: no registration, no calls. */
export const isBlocked = (account: { groups: readonly string[] }): boolean => account.groups.includes('blocked')

/** AORs are equal when hosts are in any case and users exactly (RFC 3261 §19.1.4). */
export function sameAor(a: Aor, b: Aor): boolean {
  const at = a.lastIndexOf('@')
  return b.lastIndexOf('@') === at && a.slice(0, at) === b.slice(0, at) && a.toLowerCase() === b.toLowerCase()
}

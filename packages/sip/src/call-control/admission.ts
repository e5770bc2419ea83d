/**
 * May this caller go on, and as whom? Decided at the caller's home. Who is unknown and who has the wrong password get the
 * same answers, so that nobody learns which accounts exist.
 */

import type { Aor } from '@thor-node/core'
import { EVERY_ALGORITHM } from '../auth.ts'
import type { Admission, AdmitQuery, AuthVerdict } from '../delegates.ts'
import { type AccountView, isBlocked, sameAor } from './account-view.ts'

/** What an AuthVerdict other than ok means to the peer: asked again, or refused. Shared with REGISTER. */
export function answerToFailedAuth(
  account: Pick<AccountView, 'algorithms'> | undefined,
  verdict: Exclude<AuthVerdict, { ok: true }>,
):
  | { verdict: 'challenge'; stale: boolean; algorithms: readonly string[] }
  | { verdict: 'refuse'; status: number; reason: string } {
  const algorithms = account?.algorithms ?? EVERY_ALGORITHM
  switch (verdict.cause) {
    case 'no-credentials':
      // Not narrowed to what the account has: that would tell known from unknown. The one exception is said in ADR 14.
      return {
        verdict: 'challenge',
        stale: false,
        algorithms: EVERY_ALGORITHM.filter((one) => one !== 'SHA-512-256' || algorithms.includes(one)),
      }
    case 'unsupported-algorithm':
      return { verdict: 'challenge', stale: false, algorithms }
    case 'stale':
    case 'replay':
      return { verdict: 'challenge', stale: true, algorithms }
    case 'unknown-user':
    case 'wrong-password':
      return { verdict: 'refuse', status: 403, reason: 'Forbidden' }
  }
}

export function decideAdmission(account: AccountView | undefined, query: AdmitQuery, verdict: AuthVerdict): Admission {
  if (!verdict.ok) return answerToFailedAuth(account, verdict)
  if (!account) return { verdict: 'refuse', status: 403, reason: 'Forbidden' }
  const bars: string[] = isBlocked(account) ? ['Account Blocked'] : []
  const isOwn = (aor: Aor): boolean => [account.aor, ...account.aliases].some((own) => sameAor(own, aor))
  const from = [query.from, ...(query.fromNumber === undefined ? [] : [query.fromNumber])].find(isOwn)
  if (!query.anonymous && from === undefined) bars.push('From Is Not Your Address')
  const [onlyEmergency] = bars
  if (onlyEmergency !== undefined && !query.emergency) return { verdict: 'refuse', status: 403, reason: onlyEmergency }
  const identity = query.preferred?.find(isOwn) ?? (query.anonymous || from === undefined ? account.aor : from)
  const numbers = numbersOf(account, identity)
  return {
    verdict: 'admit',
    account: account.aor,
    // What the caller chooses among his own, else what From says (RFC 3325 §6).
    identity,
    ...(account.displayName !== undefined && { displayName: account.displayName }),
    groups: account.groups,
    callLimit: account.callLimit,
    ...(account.region && { region: account.region }),
    ...(account.trees && { trees: account.trees }),
    ...(onlyEmergency !== undefined && { onlyEmergency }),
    ...(numbers.length > 0 && { numbers }),
    ...(account.groups.includes('anonymous') && { hidden: true }),
  }
}

/** Numbers that are told at most. */
const NUMBERS_MAX = 5

/** What may be the account's number outside. One that it was given counts alone. */
function numbersOf({ aor, aliases, number }: AccountView, identity: Aor): string[] {
  if (number !== undefined && number !== '') return [number]
  const users = [identity, aor, ...aliases].map((one) => one.slice(0, one.lastIndexOf('@')))
  return [...new Set(users.filter((user) => /^\+?\d{3,20}$/.test(user)))].slice(0, NUMBERS_MAX)
}

/** The same questions for a REGISTER; undefined: go on to the bindings. */
export function refuseBind(
  account: AccountView | undefined,
  verdict: AuthVerdict,
):
  | { verdict: 'challenge'; stale: boolean; algorithms: readonly string[] }
  | { verdict: 'refuse'; status: number; reason: string }
  | undefined {
  if (!verdict.ok) return answerToFailedAuth(account, verdict)
  if (!account) return { verdict: 'refuse', status: 403, reason: 'Forbidden' }
  return isBlocked(account) ? { verdict: 'refuse', status: 403, reason: 'Account Blocked' } : undefined
}

/** Requests without credentials: nothing of the account is needed to ask who is there, and what is not read tells nothing. */
import type { Address, Aor } from '@thor-node/core'
import {
  type Admission,
  type AdmitQuery,
  type BindResult,
  type DigestAnswer,
  decideAdmission,
  refuseBind,
} from '@thor-node/sip'

/** What the home is told of one that was answered elsewhere. */
export interface FirstAsk {
  aor: Aor
  source: Address
}

/** Offered to those accounts alone that have it. */
const BY_ACCOUNT = 'SHA-512-256'
const NOTHING_SAID = { ok: false, cause: 'no-credentials' } as const

export const isFirstAsk = ({ answer, offers }: { answer?: DigestAnswer; offers?: readonly string[] }): boolean =>
  !answer && !offers?.includes(BY_ACCOUNT)

export const askWhoCalls = (query: AdmitQuery): Admission => decideAdmission(undefined, query, NOTHING_SAID)

export const askWhoRegisters = (): BindResult =>
  refuseBind(undefined, NOTHING_SAID) ?? { verdict: 'refuse', status: 403, reason: 'Forbidden' }

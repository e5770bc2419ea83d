import { type Aor, computeHa1, equalDigests, type Sealer, splitAor } from '@thor-node/core'
import { pack, unpack } from 'msgpackr'
import { invalid } from '../errors.ts'
import type { AccountRecord, Credentials } from './contract.ts'
import { password as checkPassword } from './validate.ts'

const DIGESTS = /^([0-9a-f]{32}):([0-9a-f]{32})$/i

/**
 * What is kept of a password (RFC 7616 §3.4.2): H(A1) under all digest algorithms, for clients that authenticate as
 * `user` and as `user@domain`. The realm is the domain. A pair of MD5 digests is taken as such: then there is no other.
 */
export function makeCredentials(aor: Aor, password: string | undefined): Credentials {
  const value = checkPassword(password)
  const parts = splitAor(aor)
  if (!parts) throw invalid('id', 'is not an address')
  const { user, domain } = parts
  const digests = DIGESTS.exec(value)
  if (digests) {
    return { ha1Md5: (digests[1] as string).toLowerCase(), ha1bMd5: (digests[2] as string).toLowerCase() }
  }
  return {
    ha1Md5: computeHa1('MD5', user, domain, value),
    ha1bMd5: computeHa1('MD5', aor, domain, value),
    ha1Sha256: computeHa1('SHA-256', user, domain, value),
    ha1bSha256: computeHa1('SHA-256', aor, domain, value),
    ha1Sha512256: computeHa1('SHA-512-256', user, domain, value),
    ha1bSha512256: computeHa1('SHA-512-256', aor, domain, value),
  }
}

export function sealCredentials(sealer: Sealer, credentials: Credentials): Uint8Array {
  return sealer.seal(pack(credentials))
}

/** For the digest check at the home of the account. Throws CORE_SEAL_BROKEN for a record of another ring. */
export function openCredentials(sealer: Sealer, record: Pick<AccountRecord, 'sealedCredentials'>): Credentials {
  return unpack(sealer.open(record.sealedCredentials)) as Credentials
}

/** Whether a clear-text password is the one of the account. */
export function passwordMatches(sealer: Sealer, record: AccountRecord, password: string): boolean {
  const { user, domain } = splitAor(record.aor) ?? { user: '', domain: '' }
  const { ha1Md5, ha1Sha256 } = openCredentials(sealer, record)
  const given = computeHa1(ha1Sha256 ? 'SHA-256' : 'MD5', user, domain, password)
  return equalDigests(ha1Sha256 ?? ha1Md5, given)
}

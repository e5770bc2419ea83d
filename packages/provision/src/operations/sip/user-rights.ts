import { isDeepStrictEqual } from 'node:util'
import { failure } from '../../errors.ts'
import type { Value } from '../../schema/types.ts'

/** What the user of an account may change of it. Rights, caller id, limits and what costs money are the operator's. */
const own: ReadonlySet<string> = new Set(['password', 'firstName', 'lastName', 'email', 'timezone', 'timeout'])

/**
 * Clients send whole objects back: what is as it was may be in it. Throws PROVISION_FORBIDDEN for the first member that is
 * another and is not the user's to change.
 */
export function assertUserMay(wire: Value<'SipAccount'>, before: Value<'SipAccount'>): void {
  const forbidden = (why: string) => failure('PROVISION_FORBIDDEN', why)
  for (const [member, value] of Object.entries(wire)) {
    if (own.has(member) || member === 'id' || member === 'ha1') continue
    const known = before[member as keyof typeof before]
    // A list of nothing may be left out.
    if (!isDeepStrictEqual(value, known ?? (Array.isArray(value) ? [] : known))) {
      throw forbidden(`${member} is for the operator to change`)
    }
  }
  if (wire.password && before.groups?.includes('deny-password-change')) {
    throw forbidden('the password of this account is for the operator to change')
  }
}

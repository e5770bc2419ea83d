import type { XmlElement } from '@thor-node/core'
import type { Logins } from '../accounts/logins.ts'
import { failure } from '../errors.ts'
import type { Caller } from '../schema/caller.ts'
import type { Value } from '../schema/types.ts'
import type { Decoder } from './decode.ts'

/**
 * Reads the `auth` header, in a namespace or in none, and checks it. Throws PROVISION_UNAUTHENTICATED, and what logging in
 * throws.
 */
export async function authenticate(
  headers: readonly XmlElement[],
  decoder: Decoder,
  logins: Pick<Logins, 'login'>,
  from: string,
): Promise<Caller> {
  const header = headers.find(({ local }) => local === 'auth') ?? headers.find(({ local }) => local === 'Auth')
  if (!header) throw failure('PROVISION_UNAUTHENTICATED', 'the request has no auth header')
  const auth = decoder.value(header, 'Auth', 'auth') as Value<'Auth'> | undefined
  const { username, password, admin = true, impersonate = 0 } = auth ?? {}
  if (!username || !password) throw failure('PROVISION_UNAUTHENTICATED', 'username and password are needed')
  return logins.login({ username, password, admin, impersonate }, from)
}

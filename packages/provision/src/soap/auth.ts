import type { XmlElement } from '@thor-node/core'
import type { Admins } from '../accounts/admins.ts'
import { failure } from '../errors.ts'
import type { Decoder } from './decode.ts'
import type { Value } from './types.ts'

/** Who calls, and for whom. */
export interface Caller {
  username: string
  /** Customer or reseller whose rights apply; 0 = an administrator with all rights. */
  impersonate: number
}

/** Reads the `auth` header, in a namespace or in none, and checks it. Throws PROVISION_UNAUTHENTICATED. */
export async function authenticate(
  headers: readonly XmlElement[],
  decoder: Decoder,
  admins: Pick<Admins, 'verifyAdmin'>,
): Promise<Caller> {
  const header = headers.find(({ local }) => local === 'auth') ?? headers.find(({ local }) => local === 'Auth')
  if (!header) throw failure('PROVISION_UNAUTHENTICATED', 'the request has no auth header')
  const auth = decoder.value(header, 'Auth', 'auth') as Value<'Auth'> | undefined
  const { username, password, admin = true, impersonate = 0 } = auth ?? {}
  if (!username || !password) throw failure('PROVISION_UNAUTHENTICATED', 'username and password are needed')
  if (!admin)
    throw failure('PROVISION_UNAUTHENTICATED', 'login accounts of customers are not known here, use admin=true')
  if (!(await admins.verifyAdmin(username, password))) {
    throw failure('PROVISION_UNAUTHENTICATED', 'wrong username or password')
  }
  return { username, impersonate }
}

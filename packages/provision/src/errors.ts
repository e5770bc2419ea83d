import { ThorError } from '@thor-node/core'

/** Every code this package raises; docs/ERRORS.md explains them. */
export type ProvisionCode =
  | 'PROVISION_ACCOUNT_EXISTS'
  | 'PROVISION_ACCOUNT_UNKNOWN'
  | 'PROVISION_ALIAS_EXISTS'
  | 'PROVISION_ALIAS_UNKNOWN'
  | 'PROVISION_DOMAIN_EXISTS'
  | 'PROVISION_DOMAIN_UNKNOWN'
  | 'PROVISION_DOMAIN_IN_USE'
  | 'PROVISION_GROUP_MEMBER'
  | 'PROVISION_GROUP_NOT_MEMBER'
  | 'PROVISION_INVALID_VALUE'
  | 'PROVISION_MISSING_VALUE'
  | 'PROVISION_CONFLICT'
  | 'PROVISION_NAMES_EXHAUSTED'
  | 'PROVISION_UNAUTHENTICATED'
  | 'PROVISION_FORBIDDEN'
  | 'PROVISION_ADMIN_EXISTS'
  | 'PROVISION_ADMIN_UNKNOWN'
  | 'PROVISION_BUSY'
  | 'PROVISION_TIMEOUT'

export function failure(code: ProvisionCode, message: string, options?: { cause?: unknown }): ThorError {
  return new ThorError(code, message, options)
}

/** A value that is not what its field takes. `field` as operators know it: `domain`, `acl[2].mask`. */
export function invalid(field: string, why: string): ThorError {
  return failure('PROVISION_INVALID_VALUE', `${field}: ${why}`)
}

export function missing(field: string): ThorError {
  return failure('PROVISION_MISSING_VALUE', `${field} is missing`)
}

import { ThorError } from '@thor-node/core'

/** Every code this package raises; docs/ERRORS.md explains them. */
export type DnsCode =
  | 'DNS_INVALID_VALUE'
  | 'DNS_MISSING_VALUE'
  | 'DNS_CONFLICT'
  | 'DNS_ZONE_EXISTS'
  | 'DNS_ZONE_UNKNOWN'
  | 'DNS_RECORD_EXISTS'
  | 'DNS_RECORD_UNKNOWN'
  | 'DNS_ZONE_FULL'
  | 'DNS_RANGE_EXISTS'
  | 'DNS_RANGE_UNKNOWN'
  | 'DNS_RANGE_IN_USE'
  | 'DNS_RANGE_FULL'
  | 'DNS_NUMBER_EXISTS'
  | 'DNS_NUMBER_UNKNOWN'
  | 'DNS_FORBIDDEN'
  | 'DNS_UNANSWERED'

export function failure(code: DnsCode, message: string, options?: { cause?: unknown }): ThorError {
  return new ThorError(code, message, options)
}

/** A value that is not what its field takes. `field` as operators know it: `value`, `mappings[2].mapto`. */
export function invalid(field: string, why: string): ThorError {
  return failure('DNS_INVALID_VALUE', `${field}: ${why}`)
}

export function missing(field: string): ThorError {
  return failure('DNS_MISSING_VALUE', `${field} is missing`)
}

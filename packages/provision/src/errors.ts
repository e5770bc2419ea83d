import { ThorError } from '@thor-node/core'

interface Entry {
  /** The `errorcode` of NGNPro, by which portals decide what to do next. */
  number: number
  side: 'Client' | 'Server'
  /** Status of REST (RFC 9110). */
  status: number
  /** A few words: the `faultstring`, the `title` of a problem. */
  text: string
}

const entry = (number: number, status: number, text: string, side: Entry['side'] = 'Client'): Entry => ({
  number,
  side,
  status,
  text,
})
const unknown = (number: number, what: string): Entry => entry(number, 404, `${what} not found`)
const exists = (number: number, what: string): Entry => entry(number, 409, `${what} already exists`)
const inUse = (number: number, what: string): Entry => entry(number, 409, `${what} is in use`)

/**
 * Every code this package raises, and what becomes of it on the wire; docs/ERRORS.md explains them. Numbers that portals know
 * are NGNPro's (1001, 1010, 1011, 1030, 1031, 1040, 1060, 2000, 3002, 4001, 5000, 5001, 7001, 7003 and those below 1000); the
 * others are ours by analogy: the port's thousands, even for what is not found and odd for what exists.
 */
export const faults = {
  PROVISION_INVALID_TYPE: entry(100, 422, 'Invalid type'),
  PROVISION_INVALID_VALUE: entry(101, 422, 'Invalid value'),
  PROVISION_MISSING_VALUE: entry(102, 422, 'Missing input'),
  PROVISION_CONFLICT: entry(101, 412, 'Changed by somebody else'),
  PROVISION_UNAUTHENTICATED: entry(901, 401, 'Authentication failed'),
  PROVISION_LOCKED_OUT: entry(901, 429, 'Too many failed logins'),
  PROVISION_FORBIDDEN: entry(902, 403, 'Not authorized'),
  PROVISION_BUSY: entry(200, 503, 'Too busy', 'Server'),
  PROVISION_TIMEOUT: entry(200, 504, 'No answer in time', 'Server'),
  PROVISION_ADMIN_EXISTS: exists(101, 'Administrator'),
  PROVISION_ADMIN_UNKNOWN: unknown(101, 'Administrator'),
  PROVISION_TOKEN_UNKNOWN: unknown(101, 'Token'),

  PROVISION_DOMAIN_UNKNOWN: unknown(1000, 'SIP domain'),
  PROVISION_DOMAIN_EXISTS: exists(1001, 'SIP domain'),
  PROVISION_DOMAIN_IN_USE: inUse(1002, 'SIP domain'),
  PROVISION_ACCOUNT_UNKNOWN: unknown(1010, 'SIP account'),
  PROVISION_ACCOUNT_EXISTS: exists(1011, 'SIP account'),
  PROVISION_NAMES_EXHAUSTED: entry(1011, 409, 'No free username'),
  PROVISION_ALIAS_UNKNOWN: unknown(1020, 'SIP alias'),
  PROVISION_ALIAS_EXISTS: exists(1021, 'SIP alias'),
  PROVISION_GROUP_MEMBER: entry(1030, 409, 'SIP account already in group'),
  PROVISION_GROUP_NOT_MEMBER: entry(1031, 404, 'SIP account not in group'),
  PROVISION_PHONEBOOK_UNKNOWN: unknown(1040, 'Phonebook entry'),
  PROVISION_PHONEBOOK_EXISTS: exists(1041, 'Phonebook entry'),
  PROVISION_TRACE_UNKNOWN: unknown(1060, 'Media trace'),
  PROVISION_SIP_TRACE_UNKNOWN: unknown(1062, 'SIP trace'),
  PROVISION_TRACES_FULL: entry(1063, 409, 'Too many SIP traces'),
  PROVISION_REGION_UNKNOWN: unknown(1050, 'Emergency region'),
  PROVISION_PEER_UNKNOWN: unknown(1070, 'Trusted peer'),
  PROVISION_PEER_EXISTS: exists(1071, 'Trusted peer'),
  PROVISION_CARRIER_UNKNOWN: unknown(1080, 'Carrier'),
  PROVISION_CARRIER_EXISTS: exists(1081, 'Carrier'),
  PROVISION_CARRIER_IN_USE: inUse(1082, 'Carrier'),
  PROVISION_GATEWAY_UNKNOWN: unknown(1090, 'Gateway'),
  PROVISION_GATEWAY_EXISTS: exists(1091, 'Gateway'),
  PROVISION_GATEWAY_IN_USE: inUse(1092, 'Gateway'),
  PROVISION_RULE_UNKNOWN: unknown(1100, 'Gateway rule'),
  PROVISION_RULE_EXISTS: exists(1101, 'Gateway rule'),
  PROVISION_ROUTE_UNKNOWN: unknown(1110, 'Route'),
  PROVISION_ROUTE_EXISTS: exists(1111, 'Route'),
  PROVISION_VOUCHER_UNKNOWN: unknown(1120, 'Prepaid card'),
  PROVISION_VOUCHER_EXISTS: exists(1121, 'Prepaid card'),
  PROVISION_VOUCHER_USED: entry(1122, 409, 'Prepaid card cannot be used'),
  PROVISION_BALANCE: entry(1130, 409, 'Balance cannot be changed so'),

  PROVISION_VOICEMAIL_UNKNOWN: unknown(2000, 'Voicemail account'),
  PROVISION_VOICEMAIL_EXISTS: exists(2001, 'Voicemail account'),
  PROVISION_RANGE_UNKNOWN: unknown(3000, 'ENUM range'),
  PROVISION_RANGE_EXISTS: exists(3001, 'ENUM range'),
  PROVISION_RANGE_IN_USE: inUse(3004, 'ENUM range'),
  PROVISION_NUMBER_UNKNOWN: unknown(3002, 'ENUM number'),
  PROVISION_NUMBER_EXISTS: exists(3003, 'ENUM number'),
  PROVISION_PROFILE_UNKNOWN: unknown(4001, 'Rating profile'),
  PROVISION_CUSTOMER_UNKNOWN: unknown(5000, 'Customer'),
  PROVISION_CUSTOMER_EXISTS: exists(5001, 'Customer'),
  PROVISION_CUSTOMER_IN_USE: inUse(5002, 'Customer'),
  PROVISION_CREDIT_EXHAUSTED: entry(5004, 403, 'No more records of this kind allowed'),
  PROVISION_ZONE_UNKNOWN: unknown(7000, 'DNS zone'),
  PROVISION_ZONE_EXISTS: exists(7001, 'DNS zone'),
  PROVISION_ZONE_IN_USE: inUse(7004, 'DNS zone'),
  PROVISION_RECORD_UNKNOWN: unknown(7002, 'DNS record'),
  PROVISION_RECORD_EXISTS: exists(7003, 'DNS record'),
} as const satisfies Record<string, Entry>

export type ProvisionCode = keyof typeof faults

/** The store's failures: an operator must know whether something happened. */
const storeFaults: Record<string, Entry> = {
  STORE_UNAVAILABLE: entry(201, 503, 'Storage unavailable: nothing was changed, try again later', 'Server'),
  STORE_UNKNOWN: entry(201, 504, 'Outcome unknown: read the record before you repeat the request', 'Server'),
  STORE_TOO_OLD: entry(201, 409, 'Too old to be told from what was done: read the record', 'Server'),
  STORE_TOO_LARGE: entry(101, 422, 'Too large'),
  STORE_CONFLICT: entry(201, 409, 'Storage conflict: nothing was changed, try again', 'Server'),
}

/** Zones and numbers are kept by `dns`; these are its codes here. */
const dnsCodes: Readonly<Record<string, ProvisionCode>> = {
  DNS_INVALID_VALUE: 'PROVISION_INVALID_VALUE',
  DNS_MISSING_VALUE: 'PROVISION_MISSING_VALUE',
  DNS_CONFLICT: 'PROVISION_CONFLICT',
  DNS_FORBIDDEN: 'PROVISION_FORBIDDEN',
  DNS_ZONE_EXISTS: 'PROVISION_ZONE_EXISTS',
  DNS_ZONE_UNKNOWN: 'PROVISION_ZONE_UNKNOWN',
  DNS_ZONE_FULL: 'PROVISION_CREDIT_EXHAUSTED',
  DNS_RECORD_EXISTS: 'PROVISION_RECORD_EXISTS',
  DNS_RECORD_UNKNOWN: 'PROVISION_RECORD_UNKNOWN',
  DNS_RANGE_EXISTS: 'PROVISION_RANGE_EXISTS',
  DNS_RANGE_UNKNOWN: 'PROVISION_RANGE_UNKNOWN',
  DNS_RANGE_IN_USE: 'PROVISION_RANGE_IN_USE',
  DNS_RANGE_FULL: 'PROVISION_CREDIT_EXHAUSTED',
  DNS_NUMBER_EXISTS: 'PROVISION_NUMBER_EXISTS',
  DNS_NUMBER_UNKNOWN: 'PROVISION_NUMBER_UNKNOWN',
}

/** The same failure with a code of this package, where it comes from `dns`. */
export function asProvision(error: unknown): unknown {
  const code = error instanceof ThorError ? dnsCodes[error.code] : undefined
  return code && error instanceof ThorError ? failure(code, error.message, { cause: error }) : error
}

/** What a client is told of a code; undefined for what went wrong inside, which is for the log. */
export function faultEntry(code: string): Entry | undefined {
  return Object.hasOwn(faults, code) ? faults[code as ProvisionCode] : storeFaults[code]
}

export function failure(code: ProvisionCode, message: string, options?: { cause?: unknown }): ThorError {
  return new ThorError(code, message, options)
}

/** A value that is not what its field takes. `field` as operators know it: `domain`, `acl[2].mask`. */
export function invalid(field: string, why: string): ThorError {
  return failure('PROVISION_INVALID_VALUE', `${field}: ${why}`)
}

/** Something else than its field takes: text for a structure, a word for a number. */
export function wrongType(field: string, why: string): ThorError {
  return failure('PROVISION_INVALID_TYPE', `${field}: ${why}`)
}

export function missing(field: string): ThorError {
  return failure('PROVISION_MISSING_VALUE', `${field} is missing`)
}

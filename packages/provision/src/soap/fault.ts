import { errorCode, errorMessage } from '@thor-node/core'
import type { ProvisionCode } from '../errors.ts'

/** What a client gets when something is refused or fails. `code` is NGNPro's, by which portals decide what to do next. */
export interface Fault {
  side: 'Client' | 'Server' | 'VersionMismatch' | 'MustUnderstand'
  /** The `faultstring`: a few words. */
  text: string
  /** The `errorcode` and `errorstring` in the detail; absent for faults of the envelope itself. */
  exception?: { code: number; name: string; text: string }
}

type Entry = [code: number, side: 'Client' | 'Server', text: string]

/** 10xx are the Sip port's; 1000, 1002, 1020 and 1021 are ours by analogy, the others are known to portals. */
const table: Record<ProvisionCode, Entry> = {
  PROVISION_DOMAIN_UNKNOWN: [1000, 'Client', 'SIP domain not found'],
  PROVISION_DOMAIN_EXISTS: [1001, 'Client', 'SIP domain already exists'],
  PROVISION_DOMAIN_IN_USE: [1002, 'Client', 'SIP domain is in use'],
  PROVISION_ACCOUNT_UNKNOWN: [1010, 'Client', 'SIP account not found'],
  PROVISION_ACCOUNT_EXISTS: [1011, 'Client', 'SIP account already exists'],
  PROVISION_NAMES_EXHAUSTED: [1011, 'Client', 'No free username'],
  PROVISION_ALIAS_UNKNOWN: [1020, 'Client', 'SIP alias not found'],
  PROVISION_ALIAS_EXISTS: [1021, 'Client', 'SIP alias already exists'],
  PROVISION_GROUP_MEMBER: [1030, 'Client', 'SIP account already in group'],
  PROVISION_GROUP_NOT_MEMBER: [1031, 'Client', 'SIP account not in group'],
  PROVISION_INVALID_VALUE: [101, 'Client', 'Invalid value'],
  PROVISION_MISSING_VALUE: [102, 'Client', 'Missing input'],
  PROVISION_CONFLICT: [101, 'Client', 'Changed by somebody else'],
  PROVISION_UNAUTHENTICATED: [901, 'Client', 'Authentication failed'],
  PROVISION_FORBIDDEN: [902, 'Client', 'Not authorized'],
  PROVISION_ADMIN_EXISTS: [101, 'Client', 'Administrator already exists'],
  PROVISION_ADMIN_UNKNOWN: [101, 'Client', 'Administrator not found'],
  PROVISION_BUSY: [200, 'Server', 'Too busy'],
  PROVISION_TIMEOUT: [200, 'Server', 'No answer in time'],
}

/** The store's failures: an operator must know whether something happened. */
const storeTable: Record<string, Entry> = {
  STORE_UNAVAILABLE: [201, 'Server', 'Storage unavailable: nothing was changed, try again later'],
  STORE_UNKNOWN: [201, 'Server', 'Outcome unknown: read the record before you repeat the request'],
  STORE_TOO_OLD: [201, 'Server', 'Too old to be told from what was done: read the record'],
  STORE_TOO_LARGE: [101, 'Client', 'Too large'],
  STORE_CONFLICT: [201, 'Server', 'Storage conflict: nothing was changed, try again'],
}

export function faultOf(error: unknown): Fault {
  const code = errorCode(error) ?? ''
  const entry = Object.hasOwn(table, code) ? table[code as ProvisionCode] : storeTable[code]
  if (entry) {
    const [number, side, text] = entry
    const detail = code.startsWith('STORE_') ? text : errorMessage(error)
    return { side, text, exception: { code: number, name: code, text: detail } }
  }
  if (code.startsWith('CORE_XML_')) return { side: 'Client', text: errorMessage(error) }
  // What went wrong inside is for the log, not for the wire.
  return { side: 'Server', text: 'Internal error', exception: { code: 200, name: 'INTERNAL', text: 'Internal error' } }
}

/** True for faults that an operator of ours should hear of. */
export const isInternal = (fault: Fault): boolean => fault.exception?.name === 'INTERNAL'

export const notImplemented = (what: string): Fault => ({
  side: 'Client',
  text: 'Not implemented',
  exception: { code: 900, name: 'NOT_IMPLEMENTED', text: `${what} is not an operation of this service` },
})

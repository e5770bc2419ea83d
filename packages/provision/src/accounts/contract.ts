import type { Aor } from '@thor-node/core'

/**
 * What stands under `acct/<aor>`: one register per address of record, so that an address is an account or an alias and
 * never both. Credentials are hashes, sealed with the ring's key; the password itself is nowhere.
 */
export type AddressRecord = AccountRecord | AliasRecord

/** H(user:realm:password) in hex, and for clients that use `user@domain` as digest username the `b` forms (RFC 8760). */
export interface Credentials {
  ha1Md5: string
  ha1bMd5: string
  /** Absent when the operator provisioned MD5 digests only. */
  ha1Sha256?: string
  ha1bSha256?: string
  /** Absent in records older than this field, too: until the password is set again. */
  ha1Sha512256?: string
  ha1bSha512256?: string
}

export interface AccountRecord {
  kind: 'account'
  aor: Aor
  /** msgpack of Credentials, sealed. */
  sealedCredentials: Uint8Array
  firstName: string
  lastName: string
  email: string
  timezone: string
  owner: number
  rpid: string
  groups: string[]
  prepaid: boolean
  quota: number
  quickdialPrefix: string
  /** No-answer seconds. */
  timeout: number
  region: string
  /** Trees of numbers that are asked for its calls, in this order and no others; empty or absent: those of its domain. */
  enumTrees?: string[]
  /** Concurrent calls; 0 = platform default. */
  callLimit: number
  acl: { ip: string; mask: number; tag?: string }[]
  properties: { name: string; value: string }[]
  /** Addresses that ring here too: kept in step with the AliasRecords. */
  aliases: Aor[]
  /** ENUM numbers that were made with it, as `number/tld`, and go with it when it goes as a subscriber. */
  numbers?: string[]
  /** Epoch milliseconds. */
  createdAt: number
  changedAt: number
}

export interface AliasRecord {
  kind: 'alias'
  aor: Aor
  target: Aor
  owner: number
  changedAt: number
}

/** How numbers are dialled in a domain; digits, '' is none. */
export interface DialPlanRecord {
  country: string
  area: string
  international: string
  national: string
  /** Digits of a number with its area and without prefix; 0: they vary. */
  nationalDigits: number
  /** Numbers that stay as they are dialled; with * at the end all that begin so. */
  keep: string[]
}

/** `domain/<domain>` */
export interface DomainRecord {
  domain: string
  customer: number
  reseller: number
  certificate: string
  /** PEM, sealed with the ring's key, in base64; '' when there is none. */
  privateKey: string
  matchIpAddress: string
  matchSipDomain: string
  verifyCert: boolean
  requireCert: boolean
  /** Absent: that of the ring. */
  dialPlan?: DialPlanRecord
  /** Trees of numbers that are asked for its callers, in this order; empty or absent: those of the ring, then those of the settings. */
  enumTrees?: string[]
  changedAt: number
}

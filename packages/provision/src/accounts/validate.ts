import { type Aor, makeAor } from '@thor-node/core'
import { invalid, missing } from '../errors.ts'
import { limits } from '../limits.ts'
import type { AccountRecord, DialPlanRecord } from './contract.ts'
import type { AccountFields, DomainFields } from './input.ts'

/** Pure: each returns the value in its canonical form or throws PROVISION_INVALID_VALUE, which names the field. */

// RFC 3261 §25.1 `user` without escapes, and without what has a meaning in URIs and keys: ; ? / , ( ) and quotes.
const USER = /^[A-Za-z0-9_.!~*+$&=-]+$/
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const GROUP = /^[A-Za-z0-9_.-]+$/
const DIALLED = /^[0-9A-Za-z+*#._-]*$/
const EMAIL = /^[^\s@<>]+@[^\s@<>]+$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/
const IPV4 = /^(25[0-5]|2[0-4]\d|1?\d?\d)(\.(25[0-5]|2[0-4]\d|1?\d?\d)){3}$/

export function user(value: string | undefined, field = 'username'): string {
  if (value === undefined || value === '') throw missing(field)
  if (value.length > limits.userBytesMax) throw invalid(field, `is longer than ${limits.userBytesMax} characters`)
  if (!USER.test(value)) throw invalid(field, 'may have letters, digits and _ . ! ~ * + $ & = - only')
  return value
}

export function domainName(value: string | undefined, field = 'domain'): string {
  if (value === undefined || value === '') throw missing(field)
  const name = value.toLowerCase()
  if (name.length > limits.domainBytesMax || !name.split('.').every((label) => LABEL.test(label))) {
    throw invalid(field, `is not a domain name, such as example.com`)
  }
  return name
}

export function address(id: { username?: string; domain?: string } | undefined, field = 'id'): Aor {
  if (!id) throw missing(field)
  return makeAor(user(id.username, `${field}.username`), domainName(id.domain, `${field}.domain`))
}

export function text(value: string, field: string, bytesMax: number = limits.textBytesMax): string {
  if (Buffer.byteLength(value) > bytesMax) throw invalid(field, `is longer than ${bytesMax} bytes`)
  if (CONTROL.test(value)) throw invalid(field, 'has control characters')
  return value
}

export function whole(value: number, field: string, max: number): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) throw invalid(field, `is not a number from 0 to ${max}`)
  return value
}

const ID_MAX = 2 ** 31 - 1
export const identity = (value: number, field: string): number => whole(value, field, ID_MAX)

export function group(value: string | undefined, field = 'group'): string {
  if (value === undefined || value === '') throw missing(field)
  if (value.length > 64 || !GROUP.test(value)) throw invalid(field, 'may have up to 64 letters, digits and _ . - only')
  return value
}

export function groups(values: readonly string[], field = 'groups'): string[] {
  const unique = [...new Set(values.filter((value) => value !== '').map((value) => group(value, field)))]
  if (unique.length > limits.groupsMax) throw invalid(field, `has more than ${limits.groupsMax} names`)
  return unique
}

export function acl(entries: readonly { ip?: string; mask?: number; tag?: string }[]): AccountRecord['acl'] {
  if (entries.length > limits.aclMax) throw invalid('acl', `has more than ${limits.aclMax} entries`)
  return entries.map(({ ip, mask, tag }, index) => {
    const at = `acl[${index}]`
    if (!ip) throw missing(`${at}.ip`)
    const four = IPV4.test(ip)
    if (!four && !(ip.includes(':') && URL.canParse(`http://[${ip}]/`))) throw invalid(`${at}.ip`, 'is not an address')
    const bits = four ? 32 : 128
    const entry = { ip: ip.toLowerCase(), mask: whole(mask ?? bits, `${at}.mask`, bits) }
    return tag ? { ...entry, tag: text(tag, `${at}.tag`, 64) } : entry
  })
}

export function properties(entries: readonly { name?: string; value?: string }[]): AccountRecord['properties'] {
  if (entries.length > limits.propertiesMax)
    throw invalid('properties', `has more than ${limits.propertiesMax} entries`)
  const byName = new Map<string, string>()
  for (const [index, { name, value = '' }] of entries.entries()) {
    if (!name) throw missing(`properties[${index}].name`)
    if (Buffer.byteLength(value) > limits.propertyValueBytesMax) {
      throw invalid(`properties[${index}].value`, `is longer than ${limits.propertyValueBytesMax} bytes`)
    }
    byName.set(text(name, `properties[${index}].name`, 64), value)
  }
  return [...byName].map(([name, value]) => ({ name, value }))
}

export function email(value: string): string {
  if (value !== '' && !EMAIL.test(text(value, 'email'))) throw invalid('email', 'is not an e-mail address')
  return value
}

export function timezone(value: string): string {
  if (value === '') return value
  try {
    new Intl.DateTimeFormat('en', { timeZone: value })
  } catch {
    throw invalid('timezone', 'is not a time zone name, such as Europe/Amsterdam')
  }
  return value
}

function dialled(value: string, field: string): string {
  if (!DIALLED.test(text(value, field, 64))) throw invalid(field, 'is not a telephone number')
  return value
}

/** A clear-text password or a pair of digests; `credentials.ts` tells them apart. */
export function password(value: string | undefined): string {
  if (value === undefined || value === '') throw missing('password')
  return text(value, 'password', limits.passwordBytesMax)
}

const checks: { [F in keyof AccountFields]-?: (value: NonNullable<AccountFields[F]>) => AccountRecord[F] } = {
  firstName: (value) => text(value, 'firstName'),
  lastName: (value) => text(value, 'lastName'),
  email,
  timezone,
  owner: (value) => identity(value, 'owner'),
  rpid: (value) => dialled(value, 'rpid'),
  groups: (value) => groups(value),
  prepaid: (value) => value,
  quota: (value) => whole(value, 'quota', 1_000_000_000),
  quickdialPrefix: (value) => dialled(value, 'quickdialPrefix'),
  timeout: (value) => whole(value, 'timeout', 900),
  region: (value) => text(value, 'region', 64),
  enumTrees: (value) => treeNames(value),
  callLimit: (value) => whole(value, 'callLimit', 1_000),
  acl,
  properties,
}

/** The fields that are given, checked; those that are not stay absent. */
export function accountFields(fields: AccountFields): Partial<AccountRecord> {
  const out: Record<string, unknown> = {}
  for (const [name, check] of Object.entries(checks) as [keyof AccountFields, (value: never) => unknown][]) {
    const value = fields[name]
    if (value !== undefined) out[name] = check(value as never)
  }
  return out as Partial<AccountRecord>
}

/** What a plan may have; what is absent is none. */
export function dialPlan(given: Partial<DialPlanRecord>): DialPlanRecord {
  const digitsOf = (field: 'country' | 'area' | 'international' | 'national', most: number): string => {
    const value = given[field] ?? ''
    if (!/^\d*$/.test(value) || value.length > most) throw invalid(field, `is not up to ${most} digits`)
    return value
  }
  const country = digitsOf('country', 4)
  if (country.startsWith('0')) throw invalid('country', 'begins with 0, as no country code does')
  const keep = given.keep ?? []
  if (keep.length > limits.keptNumbersMax) throw invalid('keep', `has more than ${limits.keptNumbersMax} entries`)
  for (const [index, kept] of keep.entries()) {
    if (!/^\d{1,15}\*?$/.test(kept)) throw invalid(`keep[${index}]`, 'is not digits, with or without * at the end')
  }
  return {
    country,
    area: digitsOf('area', 8),
    international: digitsOf('international', 5),
    national: digitsOf('national', 4),
    nationalDigits: whole(given.nationalDigits ?? 0, 'nationalDigits', 15),
    keep: [...new Set(keep)],
  }
}

function treeNames(trees: readonly string[]): string[] {
  if (trees.length > limits.enumTreesMax) throw invalid('enumTrees', `has more than ${limits.enumTreesMax} entries`)
  return [...new Set(trees.map((tree, index) => domainName(tree.replace(/\.$/, ''), `enumTrees[${index}]`)))]
}

export function domainFields(fields: DomainFields): Required<DomainFields> {
  const { certificate = '', privateKey = '' } = fields
  for (const [field, value] of Object.entries({ certificate, privateKey })) {
    if (value.length > limits.certificateBytesMax)
      throw invalid(field, `is longer than ${limits.certificateBytesMax} bytes`)
    if (value !== '' && !value.includes('-----BEGIN ')) throw invalid(field, 'is not in PEM format')
  }
  return {
    customer: identity(fields.customer ?? 0, 'customer'),
    reseller: identity(fields.reseller ?? 0, 'reseller'),
    certificate,
    privateKey,
    matchIpAddress: text(fields.matchIpAddress ?? '', 'matchIpAddress'),
    matchSipDomain: text(fields.matchSipDomain ?? '', 'matchSipDomain'),
    verifyCert: fields.verifyCert ?? false,
    requireCert: fields.requireCert ?? false,
    enumTrees: treeNames(fields.enumTrees ?? []),
  }
}

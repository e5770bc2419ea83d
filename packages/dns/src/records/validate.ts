/** Pure: from what was written to what is kept. Throws `DNS_INVALID_VALUE`, which names the field. */

import { parseSubstitution } from '../ddds/substitution.ts'
import { readNaptr } from '../enum/naptr.ts'
import { domainName, identity, nameservers, text, whole } from '../enum/validate.ts'
import { failure, invalid, missing } from '../errors.ts'
import { ZONE_LIMITS } from '../limits.ts'
import { isZoneType, TYPE, typeNumber, type ZoneType } from '../wire/codes.ts'
import { canonicalName, isWithin, nameToWire } from '../wire/names.ts'
import { absolute, type DnsRecord, formatRdata, parseRdata, TTL_MAX } from '../wire/rdata.ts'
import { type Word, wordsOf } from '../wire/text.ts'
import {
  FANCY_TYPES,
  type FancyRecord,
  type RecordInput,
  type StoredZone,
  type ZoneInput,
  type ZoneRecord,
} from './contract.ts'

const EMAIL = /^[^\s@<>"]+@[^\s@<>"]+$/
const DEFAULTS = { ttl: 3_600, minimum: 300, refresh: 3_600, retry: 600, expire: 604_800 } as const

/** `before`: what stays where nothing is given. The serial is left as it is. */
export function zone(input: ZoneInput, before: StoredZone | undefined, now: number): StoredZone {
  const name = domainName(input.name, 'name')
  const email = input.email || before?.email || `hostmaster@${name}`
  if (!EMAIL.test(email)) throw invalid('email', 'is not an e-mail address')
  const seconds = (field: keyof typeof DEFAULTS): number =>
    whole(input[field] ?? before?.[field] ?? DEFAULTS[field], field, TTL_MAX)
  return {
    name,
    no: before?.no ?? 0,
    email: text(email, 'email', 253),
    ttl: seconds('ttl'),
    minimum: seconds('minimum'),
    refresh: seconds('refresh'),
    retry: seconds('retry'),
    expire: seconds('expire'),
    serial: before?.serial ?? Math.floor(now / 1_000) >>> 0,
    nameservers: input.nameservers ? nameservers(input.nameservers) : (before?.nameservers ?? []),
    info: text(input.info ?? before?.info, 'info', ZONE_LIMITS.infoBytesMax),
    customer: identity(input.customer ?? before?.customer, 'customer'),
    reseller: identity(input.reseller ?? before?.reseller, 'reseller'),
    changedAt: now,
    records: before?.records ?? [],
    fancy: before?.fancy ?? [],
    count: before?.count ?? 0,
  }
}

/** `www`, `www.example.com`, `@` and '' as whole names of the zone. */
export function ownerName(written: string | undefined, apex: string): string {
  const name = written ?? ''
  if (name === '' || name === '@') return apex
  const whole = canonicalName(name)
  if (whole === undefined) throw invalid('name', `${name} is not a domain name`)
  if (isWithin(whole, apex)) return whole
  if (name.endsWith('.')) throw invalid('name', `${name} is not within ${apex}`)
  return absolute(`${name}`, apex, 'name')
}

const withPriority = (type: ZoneType): boolean => type === 'MX' || type === 'SRV'

/** One text in as many strings as it takes (RFC 1035 §3.3.14). */
function textWords(text: string): Word[] {
  const parts: readonly string[] = /^[\x20-\x5b\x5d-\x7e]+$/.test(text) ? (text.match(/.{1,255}/g) ?? []) : [text]
  return parts.map((part) => ({ text: part, quoted: true }))
}

/** Words of the value as a zone file has them; MX and SRV may have their priority apart. */
function rdataOf(type: ZoneType, value: string, priority: number | undefined, origin: string): Buffer {
  const number = typeNumber(type) as number
  // A text without quotes is one text, spaces and all.
  const words = type === 'TXT' && !value.startsWith('"') ? textWords(value) : wordsOf(value)
  if (withPriority(type)) words.unshift({ text: String(priority ?? 0), quoted: false })
  // `5 "u" "E2U+sip" …`: the order apart, as a priority.
  if (type === 'NAPTR' && words.length === 5) words.unshift({ text: String(priority ?? 0), quoted: false })
  return parseRdata(number, words, origin)
}

const LED_TO = new Set<ZoneType>(['CNAME', 'NS', 'PTR', 'MX', 'SRV'])

/** With the target as a whole name, so that it means the same wherever it is read. */
function withWholeTarget(type: ZoneType, value: string, data: Buffer): string {
  if (!LED_TO.has(type)) return value
  const written = formatRdata(typeNumber(type) as number, data) ?? value
  return withPriority(type) ? written.slice(written.indexOf(' ') + 1) : written
}

/** MX and SRV whose value has its priority inside lose it there. */
function apart(type: ZoneType, value: string, priority: number | undefined): { value: string; priority: number } {
  const whole = type === 'MX' ? /^(\d+)\s+(\S+)\s*$/ : /^(\d+)\s+(\d+\s+\d+\s+\S+)\s*$/
  const found = withPriority(type) && priority === undefined ? whole.exec(value) : undefined
  if (found) return { value: found[2] as string, priority: Number(found[1]) }
  return { value: value.trim(), priority: withPriority(type) || type === 'NAPTR' ? (priority ?? 0) : 0 }
}

/** RFC 3403 §4.1: expression or replacement; and an expression must be one. */
function checkNaptr(data: Buffer): void {
  const naptr = readNaptr(data)
  if (!naptr) return
  if (naptr.regexp === '') return
  if (naptr.replacement !== '.') throw invalid('replacement', 'is . where there is an expression')
  const parsed = parseSubstitution(naptr.regexp)
  if (!parsed.ok) throw invalid('regexp', parsed.why)
  if (!/^[A-Za-z0-9]*$/.test(naptr.flags)) throw invalid('flags', 'are letters and digits')
}

export function record(
  input: RecordInput,
  { name: apex, ttl, records }: StoredZone,
  before: ZoneRecord | undefined,
  now: number,
): ZoneRecord {
  const type = (input.type ?? before?.type ?? '').toUpperCase()
  if (type === '') throw missing('type')
  if (type === 'SOA' || !isZoneType(type)) throw invalid('type', `${type} is not a type that a zone may have here`)
  const name = input.name === undefined && before ? before.name : ownerName(input.name, apex)
  const given = input.value ?? before?.value
  if (given === undefined || given.trim() === '') throw missing('value')
  if (Buffer.byteLength(given) > ZONE_LIMITS.valueBytesMax)
    throw invalid('value', `is longer than ${ZONE_LIMITS.valueBytesMax} bytes`)
  const { value, priority } = apart(
    type,
    given,
    input.priority ?? (input.value === undefined ? before?.priority : undefined),
  )
  whole(priority, 'priority', 65_535)
  const data = rdataOf(type, value, priority, apex)
  if (type === 'NAPTR') checkNaptr(data)
  const made: ZoneRecord = {
    id: before?.id ?? 0,
    name,
    type,
    value: withWholeTarget(type, value, data),
    priority,
    ttl: whole(input.ttl ?? before?.ttl ?? ttl, 'ttl', TTL_MAX),
    owner: identity(input.owner ?? before?.owner, 'owner'),
    changedAt: now,
  }
  const others = records.filter((other) => other !== before && other.name === name)
  checkBeside(made, data, others, apex)
  return made
}

/** RFC 1034 §3.6.2: an alias stands alone; and nothing is said twice. */
function checkBeside(made: ZoneRecord, data: Buffer, others: readonly ZoneRecord[], apex: string): void {
  const { name, type } = made
  if (type === 'CNAME' && name === apex) throw invalid('type', 'the zone itself cannot be an alias (CNAME)')
  const alias =
    others.find((other) => (other.type === 'CNAME') !== (type === 'CNAME')) ??
    (type === 'CNAME' ? others[0] : undefined)
  if (alias) throw failure('DNS_RECORD_EXISTS', `name: ${name} has a ${alias.type}, and an alias (CNAME) stands alone`)
  const same = others.some((other) => other.type === type && dataOf(other, apex).equals(data))
  if (same) throw failure('DNS_RECORD_EXISTS', `value: ${name} has this ${type} already`)
}

export function fancy(
  input: RecordInput,
  { name: apex, ttl, fancy: others }: StoredZone,
  before: FancyRecord | undefined,
  now: number,
): FancyRecord {
  const type = FANCY_TYPES.find((one) => one === (input.type ?? before?.type ?? '').toUpperCase())
  if (!type) throw invalid('type', `is none of ${FANCY_TYPES.join(', ')}`)
  const value = (input.value ?? before?.value ?? '').trim()
  if (value === '') throw missing('value')
  if (Buffer.byteLength(value) > ZONE_LIMITS.valueBytesMax)
    throw invalid('value', `is longer than ${ZONE_LIMITS.valueBytesMax} bytes`)
  if (type === 'MBOXFW' && !EMAIL.test(value)) throw invalid('value', 'is not an e-mail address')
  if (type === 'URL' && !(URL.canParse(value) && /^https?:$/.test(new URL(value).protocol))) {
    throw invalid('value', 'is not a URL of http: or https:')
  }
  const name = input.name === undefined && before ? before.name : fancyName(type, input.name, apex)
  if (others.some((other) => other !== before && other.type === type && other.name === name)) {
    throw failure('DNS_RECORD_EXISTS', `name: ${name} has a ${type} already`)
  }
  return {
    id: before?.id ?? 0,
    name,
    type,
    value,
    priority: 0,
    ttl: whole(input.ttl ?? before?.ttl ?? ttl, 'ttl', TTL_MAX),
    owner: identity(input.owner ?? before?.owner, 'owner'),
    changedAt: now,
  }
}

/** Of a mail alias `info`, `info@example.com`, or `@example.com` for all that has no other. */
function fancyName(type: string, written: string | undefined, apex: string): string {
  if (type === 'URL') return ownerName(written, apex)
  const address = (written ?? '').toLowerCase()
  const name = address.includes('@') ? address : `${address}@${apex}`
  const domain = name.slice(name.lastIndexOf('@') + 1)
  if (!/^[^\s@<>"]*@[^\s@]+$/.test(name) || !isWithin(domain, apex))
    throw invalid('name', `${written} is no mailbox of ${apex}`)
  return name
}

/** RDATA of a stored record. */
export const dataOf = (
  { type, value, priority }: Pick<ZoneRecord, 'type' | 'value' | 'priority'>,
  apex: string,
): Buffer => rdataOf(type, value, priority, apex)

/** Pages of large zones stay what they are while others change, and so do their records. */
const served = new WeakMap<ZoneRecord, DnsRecord>()

function servedOf(record: ZoneRecord, apex: string): DnsRecord {
  const known = served.get(record)
  if (known) return known
  const { name, type, ttl } = record
  const made = { name, type: typeNumber(type) as number, ttl, data: dataOf(record, apex) }
  served.set(record, made)
  return made
}

/** The records of a stored zone as the server has them. `nodes`: name servers where the zone names none. */
export function recordsOf(zone: StoredZone, nodes: readonly string[]): { soa: DnsRecord; records: DnsRecord[] } {
  const { name: apex, ttl } = zone
  const servers = zone.nameservers.length > 0 ? zone.nameservers : nodes
  const numbers = Buffer.alloc(20)
  const values = [zone.serial, zone.refresh, zone.retry, zone.expire, zone.minimum]
  for (const [index, value] of values.entries()) numbers.writeUInt32BE(value >>> 0, index * 4)
  const [user = 'hostmaster', domain = apex] = zone.email.split('@')
  const mailbox = `${user.replace(/[.\\]/g, '\\$&')}.${domain}`
  const data = Buffer.concat([nameToWire(servers[0] ?? apex), nameToWire(mailbox), numbers])
  const own = zone.records.map((one) => servedOf(one, apex))
  const stated = own.some((one) => one.type === TYPE.NS && one.name === apex)
  const ns = stated ? [] : servers.map((server) => ({ name: apex, type: TYPE.NS, ttl, data: nameToWire(server) }))
  return { soa: { name: apex, type: TYPE.SOA, ttl, data }, records: [...ns, ...own] }
}

/** Pure: each returns the value in its canonical form or throws `DNS_INVALID_VALUE`, which names the field. */
import { parseSubstitution } from '../ddds/substitution.ts'
import { invalid, missing } from '../errors.ts'
import { ENUM_LIMITS } from '../limits.ts'
import { canonicalName } from '../wire/names.ts'
import { TTL_MAX } from '../wire/rdata.ts'
import type { EnumMapping, EnumRange, MappingInput, RangeInput } from './contract.ts'
import { expressionOf } from './entry.ts'
import { DIGITS_MAX, digitsOf } from './number.ts'
import { enumService, plainType, serviceUri } from './services.ts'

export const DEFAULT_TTL = 3_600
const DEFAULT_PRIORITY = 5

export function whole(value: number, field: string, max: number, min = 0): number {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw invalid(field, `is not a number from ${min} to ${max}`)
  }
  return value
}

const ID_MAX = 2 ** 31 - 1
export const identity = (value: number | undefined, field: string): number => whole(value ?? 0, field, ID_MAX)

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const CONTROL = /[\u0000-\u001f\u007f]/
export function text(value: string | undefined, field: string, bytesMax: number): string {
  if (value === undefined) return ''
  if (Buffer.byteLength(value) > bytesMax) throw invalid(field, `is longer than ${bytesMax} bytes`)
  if (CONTROL.test(value)) throw invalid(field, 'has control characters')
  return value
}

const HOST = /^[a-z0-9_*]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/
export function domainName(value: string | undefined, field: string): string {
  if (value === undefined || value === '') throw missing(field)
  const name = canonicalName(value)
  if (name === undefined || !HOST.test(name)) throw invalid(field, 'is not a domain name, such as example.com')
  return name
}

export function treeName(value: string | undefined, field = 'tld'): string {
  return domainName(value, field)
}

export function nameservers(values: readonly string[] | undefined): string[] {
  const names = (values ?? []).map((value, index) => domainName(value, `nameservers[${index}]`))
  if (names.length > ENUM_LIMITS.nameserversMax)
    throw invalid('nameservers', `are more than ${ENUM_LIMITS.nameserversMax}`)
  return [...new Set(names)]
}

/** `before`: what stays where nothing is given. */
export function range(input: RangeInput, before: EnumRange | undefined, now: number): EnumRange {
  const tld = treeName(input.tld)
  const prefix = digitsOf(input.prefix, tld, 'prefix')
  // 0 is any number of digits.
  const minDigits = whole(input.minDigits ?? before?.minDigits ?? 0, 'minDigits', DIGITS_MAX) || prefix.length
  const maxDigits = whole(input.maxDigits ?? before?.maxDigits ?? 0, 'maxDigits', DIGITS_MAX) || DIGITS_MAX
  if (minDigits < prefix.length) throw invalid('minDigits', `is less than the ${prefix.length} digits of the prefix`)
  if (maxDigits < minDigits) throw invalid('maxDigits', 'is less than minDigits')
  return {
    prefix,
    tld,
    ttl: whole(input.ttl ?? before?.ttl ?? DEFAULT_TTL, 'ttl', TTL_MAX),
    minDigits,
    maxDigits,
    size: whole(input.size ?? before?.size ?? 0, 'size', ID_MAX),
    nameservers: input.nameservers ? nameservers(input.nameservers) : (before?.nameservers ?? []),
    info: text(input.info ?? before?.info, 'info', ENUM_LIMITS.infoBytesMax),
    customer: identity(input.customer ?? before?.customer, 'customer'),
    reseller: identity(input.reseller ?? before?.reseller, 'reseller'),
    changedAt: now,
  }
}

/** An expression instead of a URI: its delimiter is what no URI begins with. */
export const isExpression = (mapto: string): boolean => /^[^A-Za-z0-9\\]/.test(mapto)

interface Checked {
  type: string
  mapto: string
  service: string
}

function checkMapto(input: MappingInput, field: string): Checked {
  const type = input.type === undefined || input.type === '' ? 'sip' : input.type
  const given = input.mapto
  if (given === undefined || given === '') throw missing(`${field}.mapto`)
  const parsed = isExpression(given) ? parseSubstitution(given) : undefined
  if (parsed && !parsed.ok) throw invalid(`${field}.mapto`, parsed.why)
  const uri = parsed ? parsed.substitution.replacement.replace(/\\[1-9]/g, '1') : given
  const service = enumService(type, `${field}.type`, uri)
  // `user@domain` where the scheme goes without saying.
  const whole = parsed || /^[A-Za-z][A-Za-z0-9+.-]*:/.test(given) ? uri : `${service.schemes[0]}:${uri}`
  serviceUri(service, whole, `${field}.mapto`)
  const mapto = parsed ? given : whole
  if (Buffer.byteLength(expressionOf(mapto)) > 255) throw invalid(`${field}.mapto`, 'is longer than fits into a record')
  return { type: plainType(type), mapto, service: service.type }
}

/**
 * Those with the id of one before keep it; others get the next. Without a priority each of a type comes behind those before it. Two of
 * one type with the same priority are refused (RFC 3403 §4.1: nothing says which is tried first).
 */
export function mappings(inputs: readonly MappingInput[], before: readonly EnumMapping[]): EnumMapping[] {
  if (inputs.length > ENUM_LIMITS.mappingsMax) throw invalid('mappings', `are more than ${ENUM_LIMITS.mappingsMax}`)
  const checked = inputs.map((input, index) => checkMapto(input, `mappings[${index}]`))
  const places = new Map<string, number>()
  for (const [index, { priority }] of inputs.entries()) {
    if (priority === undefined) continue
    const place = `${checked[index]?.service} ${priority}`
    const other = places.get(place)
    if (other !== undefined) {
      throw invalid(
        `mappings[${index}].priority`,
        `is that of mappings[${other}], which is of the same type: which is tried first?`,
      )
    }
    places.set(place, index)
  }
  const known = new Set(before.map(({ id }) => id))
  let last = Math.max(0, ...known)
  const used = new Set<number>()
  return inputs.map((input, index) => {
    const field = `mappings[${index}]`
    const { type, mapto, service } = checked[index] as Checked
    let priority = input.priority ?? DEFAULT_PRIORITY
    if (input.priority === undefined) {
      while (places.has(`${service} ${priority}`)) priority++
      places.set(`${service} ${priority}`, index)
    }
    const kept = input.id !== undefined && known.has(input.id) && !used.has(input.id)
    const id = kept ? (input.id as number) : ++last
    used.add(id)
    const ttl = whole(input.ttl ?? DEFAULT_TTL, `${field}.ttl`, TTL_MAX)
    return { id, type, mapto, priority: whole(priority, `${field}.priority`, 65_535), ttl }
  })
}

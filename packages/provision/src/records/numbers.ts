import type { Registers } from '../accounts/registers.ts'
import { domainName, text } from '../accounts/validate.ts'
import { failure, invalid } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Value } from '../schema/types.ts'
import { between, checkMembers, listOf, nameservers, type Rules, ttl } from './rules.ts'
import { enumMapping } from './services.ts'
import { RecordTable, type Stamped } from './table.ts'

export type RangeRow = Omit<Value<'EnumRange'>, 'used' | 'serial'> & { prefix: string; tld: string; serial: number }
export type NumberRow = Omit<Value<'EnumNumber'>, 'customer' | 'reseller'> & {
  number: string
  tld: string
  /** Prefix of the range that it belongs to. */
  range: string
}

const digitCount = between(0, 15)

export const rangeRules: Rules<'EnumRange'> = {
  ttl,
  minDigits: digitCount,
  maxDigits: digitCount,
  size: between(0, 1_000_000_000),
  nameservers,
}

export const numberRules: Rules<'EnumNumber'> = { mappings: listOf(limits.mappingsMax, enumMapping) }

/** Prefix or number, and tree, canonical. Throws PROVISION_INVALID_VALUE, PROVISION_MISSING_VALUE. */
export function enumName(
  id: { prefix?: string; number?: string; tld?: string } | undefined,
  field: string,
): { digits: string; tld: string } {
  const given = text(id?.prefix ?? id?.number ?? '', field).replace(/^\+/, '')
  if (!/^\d{1,15}$/.test(given)) throw invalid(field, 'is not 1 to 15 digits')
  return { digits: given, tld: domainName(id?.tld, `${field}.tld`) }
}

const keyOf = (digits: string, tld: string): string => `${digits}/${tld}`

/** ENUM ranges and numbers: `enumrange/<prefix>/<tld>`, `enum/<number>/<tld>`. */
export class EnumTables {
  readonly ranges: RecordTable<RangeRow>
  readonly numbers: RecordTable<NumberRow>

  constructor(components: { registers: Registers }) {
    this.ranges = new RecordTable(components, {
      kind: 'enumrange',
      what: 'ENUM range',
      unknown: 'PROVISION_RANGE_UNKNOWN',
      exists: 'PROVISION_RANGE_EXISTS',
    })
    this.numbers = new RecordTable(components, {
      kind: 'enum',
      what: 'ENUM number',
      unknown: 'PROVISION_NUMBER_UNKNOWN',
      exists: 'PROVISION_NUMBER_EXISTS',
    })
  }

  static key = keyOf

  /** The range with the longest prefix that a number belongs to. Throws PROVISION_RANGE_UNKNOWN. */
  async rangeOf(number: string, tld: string): Promise<RangeRow & Stamped> {
    const prefixes = Array.from({ length: number.length }, (_, index) => number.slice(0, number.length - index))
    const found = await Promise.all(prefixes.map((prefix) => this.ranges.find(keyOf(prefix, tld), 'near')))
    const near = found.find((range) => range !== undefined)
    if (near) return near.body
    for (const prefix of prefixes) {
      const strict = await this.ranges.find(keyOf(prefix, tld))
      if (strict) return strict.body
    }
    throw failure('PROVISION_RANGE_UNKNOWN', `no ENUM range of ${tld} has the number ${number}; add a range first`)
  }

  /** Throws PROVISION_INVALID_VALUE when a number is too short or too long for its range. */
  static checkLength(number: string, { minDigits = 0, maxDigits = 0 }: RangeRow): void {
    if (number.length < minDigits) throw invalid('number', `has fewer than ${minDigits} digits`)
    if (maxDigits > 0 && number.length > maxDigits) throw invalid('number', `has more than ${maxDigits} digits`)
  }

  /** All numbers of a range. Near. */
  async numbersIn({ prefix, tld }: RangeRow): Promise<NumberRow[]> {
    return (await this.numbers.list()).filter((row) => row.tld === tld && row.range === prefix)
  }
}

/** Mappings with ids: those that are known keep theirs, others get the next ones. */
export function numbered(
  mappings: readonly Value<'EnumMapping'>[],
  before: readonly Value<'EnumMapping'>[] = [],
): Value<'EnumMapping'>[] {
  const known = new Set(before.map(({ id }) => id))
  let next = Math.max(0, ...before.map(({ id = 0 }) => id), ...mappings.map(({ id = 0 }) => id))
  const taken = new Set<number>()
  return mappings.map((mapping) => {
    const { id } = mapping
    const keeps = id !== undefined && id > 0 && known.has(id) && !taken.has(id)
    const own = keeps ? id : ++next
    taken.add(own)
    return { ...mapping, id: own }
  })
}

export const checkRange = (wire: Value<'EnumRange'>): Value<'EnumRange'> => {
  const checked = checkMembers('EnumRange', wire, rangeRules)
  const { minDigits = 0, maxDigits = 0 } = checked
  if (maxDigits > 0 && minDigits > maxDigits) throw invalid('minDigits', `is more than maxDigits (${maxDigits})`)
  return checked
}

/** What is asked of ranges and numbers. */
import type { EnumNumber, EnumRange, NumberId } from './contract.ts'

export interface NumberQuery {
  /** Digits that it begins with. */
  number?: string
  tld?: string
  /** A service type: `sip`. */
  type?: string
  /** Part of where it leads: `alice@example.com` finds `sip:alice@example.com`. */
  mapto?: string
  owner?: number
  customer?: number
  reseller?: number
}

export interface RangeQuery {
  prefix?: string
  tld?: string
  info?: string
  customer?: number
  reseller?: number
}

/** The narrowest of some ranges by number. */
export class RangeFinder {
  readonly #ranges: ReadonlyMap<string, EnumRange>
  /** The longest first. */
  readonly #lengths: readonly number[]

  constructor(ranges: readonly EnumRange[]) {
    this.#ranges = new Map(ranges.map((range) => [`${range.tld}/${range.prefix}`, range]))
    this.#lengths = [...new Set(ranges.map(({ prefix }) => prefix.length))].sort((a, b) => b - a)
  }

  rangeOf({ tld, number }: NumberId): EnumRange | undefined {
    for (const length of this.#lengths) {
      const range = length <= number.length ? this.#ranges.get(`${tld}/${number.slice(0, length)}`) : undefined
      if (range) return range
    }
    return undefined
  }
}

export const fitsRange = (range: EnumRange, { prefix, tld, info, customer, reseller }: RangeQuery): boolean =>
  (prefix === undefined || range.prefix.startsWith(prefix.replace(/^\+/, ''))) &&
  (tld === undefined || range.tld === tld.toLowerCase()) &&
  (info === undefined || range.info.includes(info)) &&
  (customer === undefined || range.customer === customer) &&
  (reseller === undefined || range.reseller === reseller)

export function fitsNumber(number: EnumNumber, { tld, type, mapto, owner, customer, reseller }: NumberQuery): boolean {
  if (tld !== undefined && number.tld !== tld.toLowerCase()) return false
  if (owner !== undefined && number.owner !== owner) return false
  if (customer !== undefined && number.customer !== customer) return false
  if (reseller !== undefined && number.reseller !== reseller) return false
  if (type === undefined && mapto === undefined) return true
  return number.mappings.some(
    (mapping) =>
      (type === undefined || mapping.type === type) && (mapto === undefined || mapping.mapto.includes(mapto)),
  )
}

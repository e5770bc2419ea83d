/** Ranges of numbers as zones: `0.2.1.3.e164.arpa` for +3120. */
import type { Clock } from '@thor-node/core'
import { TYPE } from '../wire/codes.ts'
import { isWithin, nameToWire } from '../wire/names.ts'
import type { DnsRecord } from '../wire/rdata.ts'
import type { Found, Zone } from '../zone/tree.ts'
import type { ZoneSource } from '../zone/zones.ts'
import type { EnumRange } from './contract.ts'
import { recordsOf } from './entry.ts'
import type { EnumIndex, EnumTree } from './index-of-numbers.ts'
import { digitsOfName, enumName, keyAfter, keyOf } from './number.ts'

const REFRESH_SECONDS = 3_600
const RETRY_SECONDS = 600
const EXPIRE_SECONDS = 604_800
/** How long others remember that a number is not there: a new one shall be found soon. */
const NEGATIVE_SECONDS = 60

export interface EnumZonesComponents {
  index: EnumIndex
  clock: Clock
  /** False while numbers are being read for the first time: nobody knows what is not there. */
  ready?(): boolean
  /** Of ranges that name none: canonical, those of live nodes. */
  nameservers(): readonly string[]
}

export class EnumZones implements ZoneSource {
  readonly #c: EnumZonesComponents
  /** Trees, the longest name first. */
  #trees: EnumTree[] = []
  #version = -1
  /** One for each range as it is stored: asked for with each number that changes, or is not there. */
  readonly #zones = new WeakMap<EnumRange, RangeZone>()

  constructor(components: EnumZonesComponents) {
    this.#c = components
  }

  find(name: string): RangeZone | undefined {
    for (const tree of this.trees()) {
      if (!isWithin(name, tree.tld)) continue
      return this.zoneOf(tree, this.#digitsIn(name, tree))
    }
    return undefined
  }

  get ready(): boolean {
    return this.#c.ready?.() !== false
  }

  /** The range of a number as a zone. */
  zoneOf(tree: EnumTree, digits: string): RangeZone | undefined {
    const range = tree.rangeOf(digits)
    return range && this.#zone(tree, range)
  }

  #zone(tree: EnumTree, range: EnumRange): RangeZone {
    let zone = this.#zones.get(range)
    if (!zone) {
      zone = new RangeZone(this.#c, tree, range)
      this.#zones.set(range, zone)
    }
    return zone
  }

  trees(): readonly EnumTree[] {
    const { index } = this.#c
    if (this.#version !== index.version) {
      this.#trees = [...index.trees()].sort((a, b) => b.tld.length - a.tld.length)
      this.#version = index.version
    }
    return this.#trees
  }

  *zones(): Iterable<RangeZone> {
    for (const tree of this.trees()) for (const range of tree.ranges.values()) yield this.#zone(tree, range)
  }

  /** As many digits as the name has before something else comes: `x.1.3.e164.arpa` is below +31. */
  #digitsIn(name: string, { tld }: EnumTree): string {
    let digits = ''
    for (let at = name.length - tld.length - 2; at >= 0 && digits.length < 15; at -= 2) {
      const digit = name.charCodeAt(at)
      if (digit < 48 || digit > 57 || (at > 0 && name[at - 1] !== '.')) break
      digits += name[at]
    }
    return digits
  }
}

export class RangeZone implements Zone {
  readonly apex: string
  readonly range: EnumRange
  readonly #c: EnumZonesComponents
  readonly #tree: EnumTree

  constructor(components: EnumZonesComponents, tree: EnumTree, range: EnumRange) {
    this.#c = components
    this.#tree = tree
    this.range = range
    this.apex = enumName(range.prefix, tree.tld)
  }

  /** Numbers change one by one, and their answers are ready-made anyhow. */
  readonly version = undefined

  get serial(): number {
    return this.#tree.serial(this.range.prefix, this.#c.clock.wall())
  }

  get soa(): DnsRecord {
    const [primary = this.apex] = this.#nameservers()
    const numbers = Buffer.alloc(20)
    const values = [this.serial, REFRESH_SECONDS, RETRY_SECONDS, EXPIRE_SECONDS, NEGATIVE_SECONDS]
    for (const [index, value] of values.entries()) numbers.writeUInt32BE(value, index * 4)
    const data = Buffer.concat([nameToWire(primary), nameToWire(`hostmaster.${this.#tree.tld}`), numbers])
    return { name: this.apex, type: TYPE.SOA, ttl: this.range.ttl, data }
  }

  lookup(name: string, type: number): Found {
    if (this.#c.ready?.() === false) return { kind: 'failure' }
    if (name === this.apex) return this.#apexSet(type)
    const digits = digitsOfName(name, this.#tree.tld)
    if (digits === undefined) return { kind: 'no-name' }
    const entry = this.#tree.entry(keyOf(digits))
    if (entry) {
      const asked = type === TYPE.NAPTR || type === TYPE.ANY
      return asked ? { kind: 'records', records: recordsOf(entry, name) } : { kind: 'no-data' }
    }
    return this.#tree.numbers.any(keyOf(digits), keyAfter(digits)) ? { kind: 'no-data' } : { kind: 'no-name' }
  }

  *records(): Iterable<DnsRecord> {
    yield* this.#ns()
    for (const { digits, entry } of this.#tree.entries(this.range.prefix)) {
      if (this.#tree.rangeOf(digits) === this.range) yield* recordsOf(entry, enumName(digits, this.#tree.tld))
    }
  }

  #apexSet(type: number): Found {
    if (type === TYPE.SOA) return { kind: 'records', records: [this.soa] }
    if (type === TYPE.NS || type === TYPE.ANY) {
      const records = this.#ns()
      return records.length > 0 ? { kind: 'records', records } : { kind: 'no-data' }
    }
    // A number may be the prefix itself.
    const entry = type === TYPE.NAPTR ? this.#tree.entry(keyOf(this.range.prefix)) : undefined
    return entry ? { kind: 'records', records: recordsOf(entry, this.apex) } : { kind: 'no-data' }
  }

  #nameservers(): readonly string[] {
    return this.range.nameservers.length > 0 ? this.range.nameservers : this.#c.nameservers()
  }

  #ns(): DnsRecord[] {
    return this.#nameservers().map((server) => ({
      name: this.apex,
      type: TYPE.NS,
      ttl: this.range.ttl,
      data: nameToWire(server),
    }))
  }
}

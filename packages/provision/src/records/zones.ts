import { isIPv4, isIPv6 } from 'node:net'
import type { Decision, Versioned } from '@thor-node/core'
import type { RegisterChange, Registers } from '../accounts/registers.ts'
import { domainName, email, text } from '../accounts/validate.ts'
import { failure, invalid } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Value } from '../schema/types.ts'
import { between, matching, nameservers, type Rule, type Rules, ttl } from './rules.ts'
import { RecordTable, type Stamped } from './table.ts'

export type ZoneRow = Value<'DnsZone'> & { name: string; serial: number }
/** A record of either kind: DNS, or one that stands for a service (`MBOXFW`, `URL`). */
export type ZoneRecord = Value<'DnsRecord'> & Stamped & { id: number; zone: string; name: string; type: string }

const seconds = between(0, 2_147_483_647)

export const zoneRules: Rules<'DnsZone'> = {
  email: (value: string, field: string) =>
    value === '' ? value : email(value.includes('@') ? value : text(value, field)),
  ttl,
  minimum: seconds,
  retry: seconds,
  expire: seconds,
  nameservers,
}

export const recordRules: Rules<'DnsRecord'> = {
  priority: between(0, 65_535),
  ttl,
  name: matching(/^[^\s@"\\]*$|^@$/, 'a name of a record'),
  value: (value: string, field: string) => text(value, field, 2_048),
}

const target: Rule = (value: string, field: string) => domainName(value.replace(/\.$/, '').replace(/^_/, ''), field)

/** What the value of a record may be, by its type. */
const valueRules: Readonly<Record<string, (value: string, field: string) => void>> = {
  A: (value, field) => {
    if (!isIPv4(value)) throw invalid(field, 'is not an IPv4 address')
  },
  AAAA: (value, field) => {
    if (!isIPv6(value)) throw invalid(field, 'is not an IPv6 address')
  },
  CNAME: (value, field) => void target(value as never, field),
  MX: (value, field) => void target(value as never, field),
  NS: (value, field) => void target(value as never, field),
  PTR: (value, field) => void target(value as never, field),
  SRV: (value, field) => {
    if (!/^\d{1,5}\s+\d{1,5}\s+[\w.-]+$/.test(value))
      throw invalid(field, 'is not weight, port and target: 0 5060 sip.example.com')
  },
  NAPTR: (value, field) => {
    if (!/^(\d{1,5}\s+)?\d{1,5}\s+"[^"]*"\s+"[^"]*"\s+"[^"]*"\s+\S+$/.test(value)) {
      throw invalid(field, 'is not preference, "flags", "service", "regexp" and replacement')
    }
  },
  URL: (value, field) => {
    if (!/^https?:\/\/[^\s]+$/i.test(value)) throw invalid(field, 'is not a web address')
  },
  MBOXFW: (value) => void email(value),
}

/** Throws PROVISION_INVALID_VALUE when the value is none of the type. */
export function checkValue({ type = '', value = '' }: Value<'DnsRecord'>): void {
  if (value === '') throw invalid('value', 'is empty')
  valueRules[type]?.(value, 'value')
}

/** The whole name of a record: what is within the zone already, or the part before it. */
export function wholeName(name: string, zone: string): string {
  const lower = name.toLowerCase().replace(/\.$/, '')
  if (lower === '' || lower === '@') return zone
  return lower === zone || lower.endsWith(`.${zone}`) ? lower : `${lower}.${zone}`
}

const NAME = 'zonename'
const POINTER = 'zonerecord'
interface Named extends Stamped {
  records: ZoneRecord[]
}

/**
 * DNS: `zone/<name>`; `zonename/<whole name>`, the records of one name, as they are asked for; `zonerecord/<id>` → the name. The
 * three change together, so the serial of a zone tells of every change in it.
 */
export class Zones {
  readonly zones: RecordTable<ZoneRow>
  readonly #registers: Registers

  constructor(components: { registers: Registers }) {
    this.#registers = components.registers
    this.zones = new RecordTable(components, {
      kind: 'zone',
      what: 'DNS zone',
      unknown: 'PROVISION_ZONE_UNKNOWN',
      exists: 'PROVISION_ZONE_EXISTS',
    })
  }

  async addRecord(row: Omit<ZoneRecord, 'id' | 'changedAt'>): Promise<ZoneRecord> {
    const id = await this.#registers.nextId(POINTER)
    const record = { ...row, id, changedAt: this.#registers.wall() }
    const name = wholeName(record.name, record.zone)
    await this.#registers.transactAll([
      this.#touched(record.zone),
      this.#with(name, record),
      this.#pointer(id, { name }),
    ])
    return record
  }

  async updateRecord(id: number, fn: (record: ZoneRecord) => ZoneRecord): Promise<ZoneRecord> {
    const before = await this.record(id)
    const record = { ...fn(before), id, zone: before.zone, changedAt: this.#registers.wall() }
    const [from, to] = [wholeName(before.name, before.zone), wholeName(record.name, before.zone)]
    const changes =
      from === to
        ? [this.#with(to, record)]
        : [this.#without(from, id), this.#with(to, record), this.#pointer(id, { name: to })]
    await this.#registers.transactAll([this.#touched(before.zone), ...changes])
    return record
  }

  async removeRecord(id: number): Promise<void> {
    const { name, zone } = await this.record(id)
    const changes = [this.#touched(zone), this.#without(wholeName(name, zone), id), this.#pointer(id, undefined)]
    await this.#registers.transactAll(changes)
  }

  /** Throws PROVISION_RECORD_UNKNOWN. */
  async record(id: number): Promise<ZoneRecord> {
    const pointer = await this.#registers.read<{ name: string }>(POINTER, `${id}`)
    const named = pointer && (await this.#registers.read<Named>(NAME, pointer.body.name))
    const found = named?.body.records.find((record) => record.id === id)
    if (!found) throw failure('PROVISION_RECORD_UNKNOWN', `DNS record ${id} does not exist`)
    return found
  }

  /** All of the ring. Near. */
  async records(): Promise<ZoneRecord[]> {
    return (await this.#registers.list<Named>(NAME)).flatMap(({ records }) => records)
  }

  /** The records of a zone go first, some at a time, then the zone. */
  async removeZone(zone: string, etag?: string): Promise<void> {
    await this.zones.require(zone)
    for (const { id } of (await this.records()).filter((record) => record.zone === zone)) await this.removeRecord(id)
    await this.zones.remove(zone, etag)
  }

  #touched(zone: string): RegisterChange {
    return this.zones.changing(zone, (row) => ({ ...row, serial: row.serial + 1 }))
  }

  #pointer(id: number, body: { name: string } | undefined): RegisterChange {
    return { kind: POINTER, name: `${id}`, fn: () => ({ body, result: null }) }
  }

  #with(name: string, record: ZoneRecord): RegisterChange {
    const fn = (current: Versioned<unknown> | undefined): Decision<unknown, null> => {
      const before = (current?.body as Named | undefined)?.records ?? []
      const others = before.filter(({ id }) => id !== record.id)
      if (others.some(({ type, value }) => type === record.type && value === record.value)) {
        throw failure('PROVISION_RECORD_EXISTS', `${name} has a record ${record.type} ${record.value} already`)
      }
      if (others.some(({ type }) => isAlias(type) !== isAlias(record.type) && isDns(type) && isDns(record.type))) {
        throw invalid('type', `${name} may have a CNAME or other records, not both (RFC 1034 §3.6.2)`)
      }
      if (others.length >= limits.recordsPerNameMax) {
        throw invalid('name', `${name} has ${limits.recordsPerNameMax} records, which is the limit`)
      }
      // In place, so that an update does not change the order.
      const at = before.findIndex(({ id }) => id === record.id)
      const records = at < 0 ? [...before, record] : before.with(at, record)
      return { body: { records, changedAt: record.changedAt }, result: null }
    }
    return { kind: NAME, name, fn }
  }

  #without(name: string, id: number): RegisterChange {
    const changedAt = this.#registers.wall()
    const fn = (current: Versioned<unknown> | undefined): Decision<unknown, null> => {
      const records = ((current?.body as Named | undefined)?.records ?? []).filter((record) => record.id !== id)
      return { body: records.length > 0 ? { records, changedAt } : undefined, result: null }
    }
    return { kind: NAME, name, fn }
  }
}

const isAlias = (type: string): boolean => type === 'CNAME'
const isDns = (type: string): boolean => type !== 'MBOXFW' && type !== 'URL'

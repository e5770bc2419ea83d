/** Zones as they are provisioned: each one register of the ring, with its records, so that a serial means one state. */
import { type Clock, type KeyChange, type Random, type RecordStore, recordKey, type Versioned } from '@thor-node/core'
import { domainName } from '../enum/validate.ts'
import { failure } from '../errors.ts'
import { ZONE_LIMITS } from '../limits.ts'
import type {
  FancyRecord,
  PageRef,
  RecordInput,
  StoredZone,
  ZoneFields,
  ZoneHead,
  ZoneInput,
  ZoneRecord,
} from './contract.ts'
import { type ChangeOptions, checkEtag, Registers } from './registers.ts'
import * as validate from './validate.ts'
import { ZoneStore, zoneKey } from './zone-store.ts'

/** A record id is the number of the zone and one within it. */
const IDS_PER_ZONE = 16_384

const numberKey = (no: number) => recordKey('dnszoneno', String(no))

const zoneUnknown = (name: string) => failure('DNS_ZONE_UNKNOWN', `there is no zone ${name}`)
const recordUnknown = (id: number) => failure('DNS_RECORD_UNKNOWN', `there is no record ${id}`)

export interface ZoneQuery {
  name?: string
  info?: string
  customer?: number
  reseller?: number
}

export interface RecordQuery {
  id?: number
  zone?: string
  name?: string
  type?: string
  value?: string
  owner?: number
  customer?: number
  reseller?: number
}

/** With its zone, and whose that is. */
export type InZone<T> = T & { zone: string; customer: number; reseller: number }

/** Everything is strict, but for lists, which are near. */
export class ZoneDirectory {
  readonly #registers: Registers
  readonly #store: ZoneStore
  readonly #clock: Clock

  constructor(components: { store: Pick<RecordStore, 'reg'>; clock: Clock; random: Random }) {
    this.#registers = new Registers(components)
    this.#store = new ZoneStore({ registers: this.#registers, random: components.random })
    this.#clock = components.clock
  }

  async addZone(input: ZoneInput): Promise<StoredZone> {
    const made = validate.zone(input, undefined, this.#clock.wall())
    if (await this.#registers.read(zoneKey(made.name))) throw exists(made.name)
    const zone: ZoneHead = { ...made, no: await this.#nextNumber(), pages: [] }
    const add: KeyChange<null> = {
      key: zoneKey(zone.name),
      fn: (current) => {
        if (current) throw exists(zone.name)
        return { body: zone, result: null }
      },
    }
    const point: KeyChange<null> = {
      key: numberKey(zone.no),
      fn: () => ({ body: { zone: zone.name }, result: null }),
    }
    await this.#registers.transact([add, point])
    return zone
  }

  #nextNumber(): Promise<number> {
    return this.#registers.change<{ last: number }, number>(recordKey('dnscount', 'zones'), (current) => {
      const last = (current?.body.last ?? 0) + 1
      if (last > ZONE_LIMITS.zonesMax) throw failure('DNS_ZONE_FULL', `${ZONE_LIMITS.zonesMax} zones were made`)
      return { body: { last }, result: last }
    })
  }

  /** Fields that are absent keep their value. */
  updateZone(input: ZoneInput, options: ChangeOptions = {}): Promise<StoredZone> {
    const name = domainName(input.name, 'name')
    const now = this.#clock.wall()
    return this.#change(name, options, (zone) => {
      const next = validate.zone({ ...input, name }, zone, now)
      return { zone: next, result: bare(next) }
    })
  }

  async deleteZone(name: string, options: ChangeOptions = {}): Promise<void> {
    const { body } = await this.getZone(name)
    let pages: PageRef[] = []
    const remove: KeyChange<null> = {
      key: zoneKey(body.name),
      fn: (current) => {
        if (!current) throw zoneUnknown(body.name)
        checkEtag(current, options.etag, `zone ${body.name}`)
        pages = (current.body as ZoneHead).pages
        return { body: undefined, result: null }
      },
    }
    const point: KeyChange<null> = { key: numberKey(body.no), fn: () => ({ body: undefined, result: null }) }
    await this.#registers.transact([remove, point])
    await this.#store.removePages(body.name, pages)
  }

  async getZone(name: string): Promise<Versioned<StoredZone>> {
    const key = domainName(name, 'name')
    const found = await this.#store.read(key)
    if (!found) throw zoneUnknown(key)
    return found
  }

  /** The canonical name of a zone. Throws `DNS_INVALID_VALUE`. */
  zoneName(written: string | undefined): string {
    return domainName(written, 'name')
  }

  /** A zone by its canonical name. Near. */
  async findZone(name: string): Promise<ZoneFields | undefined> {
    return (await this.#registers.read<ZoneHead>(zoneKey(name), 'near'))?.body
  }

  /** In order of their names, without their records. Near. */
  async zones(query: ZoneQuery = {}): Promise<ZoneFields[]> {
    const listed = await this.#registers.list<ZoneHead>('dnszone/')
    return listed.map(({ value }) => value.body).filter((zone) => fitsZone(zone, query))
  }

  addRecord(input: RecordInput): Promise<InZone<ZoneRecord>> {
    return this.#add(input, (zone, id, now) => {
      const record = { ...validate.record(input, zone, undefined, now), id }
      return { record, zone: { ...zone, records: [...zone.records, record] } }
    })
  }

  addFancyRecord(input: RecordInput): Promise<InZone<FancyRecord>> {
    return this.#add(input, (zone, id, now) => {
      const record = { ...validate.fancy(input, zone, undefined, now), id }
      return { record, zone: { ...zone, fancy: [...zone.fancy, record] } }
    })
  }

  async #add<T>(
    input: RecordInput,
    add: (zone: StoredZone, id: number, now: number) => { record: T; zone: StoredZone },
  ): Promise<InZone<T>> {
    const name = domainName(input.zone, 'zone')
    const now = this.#clock.wall()
    return this.#change(name, {}, (zone) => {
      if (zone.records.length + zone.fancy.length >= ZONE_LIMITS.recordsMax) {
        throw failure('DNS_ZONE_FULL', `zone ${name} has ${ZONE_LIMITS.recordsMax} records`)
      }
      const { record, zone: next } = add(zone, freeIds(zone).next().value as number, now)
      return { zone: next, result: inZone(record, zone) }
    })
  }

  /** By id; fields that are absent keep their value. */
  updateRecord(input: RecordInput, options: { owner?: number } = {}): Promise<InZone<ZoneRecord>> {
    const now = this.#clock.wall()
    return this.#update(input, options, (zone, id) => {
      const before = zone.records.find((one) => one.id === id)
      if (!before) throw recordUnknown(id)
      const record = validate.record(input, zone, before, now)
      return { before, record, zone: { ...zone, records: zone.records.map((one) => (one === before ? record : one)) } }
    })
  }

  updateFancyRecord(input: RecordInput, options: { owner?: number } = {}): Promise<InZone<FancyRecord>> {
    const now = this.#clock.wall()
    return this.#update(input, options, (zone, id) => {
      const before = zone.fancy.find((one) => one.id === id)
      if (!before) throw recordUnknown(id)
      const record = validate.fancy(input, zone, before, now)
      return { before, record, zone: { ...zone, fancy: zone.fancy.map((one) => (one === before ? record : one)) } }
    })
  }

  async #update<T extends { owner: number; id: number }>(
    input: RecordInput,
    { owner }: { owner?: number },
    update: (zone: StoredZone, id: number) => { before: T; record: T; zone: StoredZone },
  ): Promise<InZone<T>> {
    const id = input.id ?? 0
    const name = await this.#zoneOf(id)
    return this.#change(name, {}, (zone) => {
      const { before, record, zone: next } = update(zone, id)
      if (owner !== undefined && owner !== before.owner) throw foreign(id)
      return { zone: next, result: inZone(record, zone) }
    })
  }

  deleteRecord(id: number, options: { owner?: number } = {}): Promise<void> {
    return this.#delete(id, 'records', options)
  }

  deleteFancyRecord(id: number, options: { owner?: number } = {}): Promise<void> {
    return this.#delete(id, 'fancy', options)
  }

  async #delete(id: number, kind: 'records' | 'fancy', { owner }: { owner?: number }): Promise<void> {
    await this.#change(await this.#zoneOf(id), {}, (zone) => {
      const before = zone[kind].find((one) => one.id === id)
      if (!before) throw recordUnknown(id)
      if (owner !== undefined && owner !== before.owner) throw foreign(id)
      return { zone: { ...zone, [kind]: zone[kind].filter((one) => one.id !== id) }, result: null }
    })
  }

  async getRecord(id: number): Promise<InZone<ZoneRecord>> {
    const { body } = await this.getZone(await this.#zoneOf(id))
    const record = body.records.find((one) => one.id === id)
    if (!record) throw recordUnknown(id)
    return inZone(record, body)
  }

  async getFancyRecord(id: number): Promise<InZone<FancyRecord>> {
    const { body } = await this.getZone(await this.#zoneOf(id))
    const record = body.fancy.find((one) => one.id === id)
    if (!record) throw recordUnknown(id)
    return inZone(record, body)
  }

  async records(query: RecordQuery = {}): Promise<InZone<ZoneRecord>[]> {
    const zones = await this.#zonesFor(query)
    return zones.flatMap((zone) => zone.records.filter((one) => fitsRecord(one, query)).map((one) => inZone(one, zone)))
  }

  async fancyRecords(query: RecordQuery = {}): Promise<InZone<FancyRecord>[]> {
    const zones = await this.#zonesFor(query)
    return zones.flatMap((zone) => zone.fancy.filter((one) => fitsRecord(one, query)).map((one) => inZone(one, zone)))
  }

  /** Puts other records in the place of those that are there, as one change. Ids are new. */
  replaceRecords(name: string, inputs: readonly RecordInput[]): Promise<StoredZone> {
    const now = this.#clock.wall()
    return this.#change(domainName(name, 'zone'), {}, (zone) => {
      if (inputs.length + zone.fancy.length > ZONE_LIMITS.recordsMax) {
        throw failure('DNS_ZONE_FULL', `a zone has at most ${ZONE_LIMITS.recordsMax} records`)
      }
      const byName = new Map<string, ZoneRecord[]>()
      const ids = freeIds({ ...zone, records: [] })
      for (const input of inputs) {
        const name = validate.ownerName(input.name, zone.name)
        const others = byName.get(name) ?? []
        const made = validate.record(input, { ...zone, records: others }, undefined, now)
        byName.set(name, [...others, { ...made, id: ids.next().value as number }])
      }
      const next = { ...zone, records: [...byName.values()].flat() }
      return { zone: next, result: bare(next) }
    })
  }

  async #zonesFor({ zone, id, customer, reseller }: RecordQuery): Promise<StoredZone[]> {
    if (zone !== undefined && zone !== '') {
      const found = await this.#store.read(domainName(zone, 'zone'))
      return found && fitsZone(found.body, { customer, reseller }) ? [found.body] : []
    }
    if (id === undefined) {
      const whole = (await this.zones({ customer, reseller })).map(({ name }) => this.#store.read(name, 'near'))
      return (await Promise.all(whole)).flatMap((found) => found?.body ?? [])
    }
    return [(await this.getZone(await this.#zoneOf(id))).body]
  }

  async #zoneOf(id: number): Promise<string> {
    const found = await this.#registers.read<{ zone: string }>(numberKey(Math.floor(id / IDS_PER_ZONE)))
    if (!found) throw recordUnknown(id)
    return found.body.zone
  }

  /** The serial grows by one. */
  #change<R>(
    name: string,
    options: ChangeOptions,
    fn: (zone: StoredZone) => { zone: StoredZone; result: R },
  ): Promise<R> {
    const now = this.#clock.wall()
    return this.#store.change(name, options, (before) => {
      const { zone, result } = fn(before)
      return { zone: { ...zone, serial: (before.serial + 1) >>> 0, changedAt: now }, result }
    })
  }
}

/** What is remembered of an operation shall be small. */
const bare = (zone: StoredZone): StoredZone => ({ ...zone, records: [], fancy: [] })

const exists = (name: string) => failure('DNS_ZONE_EXISTS', `there is a zone ${name} already`)
const foreign = (id: number) => failure('DNS_FORBIDDEN', `record ${id} belongs to somebody else`)

const inZone = <T>(record: T, { name, customer, reseller }: StoredZone): InZone<T> => ({
  ...record,
  zone: name,
  customer,
  reseller,
})

/** From the one after the highest, then the lowest that are free. */
function* freeIds({ no, records, fancy }: StoredZone): Generator<number> {
  const used = new Set<number>()
  let highest = 0
  for (const { id } of [...records, ...fancy]) {
    used.add(id % IDS_PER_ZONE)
    highest = Math.max(highest, id % IDS_PER_ZONE)
  }
  for (let tries = 0, id = highest + 1; tries < IDS_PER_ZONE; tries++, id++) {
    if (id >= IDS_PER_ZONE) id = 1
    if (!used.has(id)) yield no * IDS_PER_ZONE + id
  }
}

const fitsZone = (zone: ZoneFields, { name, info, customer, reseller }: ZoneQuery): boolean =>
  (name === undefined || zone.name.includes(name.toLowerCase())) &&
  (info === undefined || zone.info.includes(info)) &&
  (customer === undefined || zone.customer === customer) &&
  (reseller === undefined || zone.reseller === reseller)

const fitsRecord = (record: ZoneRecord | FancyRecord, { id, name, type, value, owner }: RecordQuery): boolean =>
  (id === undefined || record.id === id) &&
  (name === undefined || record.name.includes(name.toLowerCase())) &&
  (type === undefined || record.type === type.toUpperCase()) &&
  (value === undefined || record.value.includes(value)) &&
  (owner === undefined || record.owner === owner)

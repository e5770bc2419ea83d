/** Zones, ranges and numbers that were provisioned over SOAP and REST, as this node serves them. Follows the news of changes. */
import {
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type RecordStore,
  recordKey,
  type Timer,
} from '@thor-node/core'
import { EnumIndex, enumService, type StoredZone, ZoneMap, type ZoneRecord, zoneTree } from '@thor-node/dns'
import type { NumberRow, RangeRow, ZoneRecordRow, ZoneRow } from '@thor-node/provision'

const KINDS = ['enumrange', 'enum', 'zone', 'zonename'] as const
const RELOAD_MS = 600_000
const AGAIN_MS = 1_000
const DEFAULTS = { ttl: 3_600, minimum: 300, retry: 600, expire: 604_800, refresh: 3_600, priority: 5 } as const
const DIGITS_MAX = 15
/** Kinds of records that stand for a service. */
const FANCY = new Set(['MBOXFW', 'URL'])

interface Stamped {
  changedAt: number
}

export interface ProvisionedDnsComponents {
  store: Pick<RecordStore, 'reg'>
  clock: Clock
  logger: Logger
  /** Name servers of zones that name none. */
  nameservers(): readonly string[]
  onChange?(what: { zone: string } | { tld: string; digits: string }): void
}

export class ProvisionedDns implements Lifecycle {
  readonly zones = new ZoneMap()
  readonly index = new EnumIndex()
  readonly #c: ProvisionedDnsComponents
  readonly #log: Logger
  readonly #rows = new Map<string, ZoneRow & Stamped>()
  /** Records by whole name. */
  readonly #names = new Map<string, readonly ZoneRecordRow[]>()
  #watches: (() => void)[] = []
  #timer: Timer | undefined
  #retry: Timer | undefined
  #loaded = false
  #named = ''

  constructor(components: ProvisionedDnsComponents) {
    this.#c = components
    this.#log = components.logger.forComponent('node:dns')
  }

  get ready(): boolean {
    return this.#loaded
  }

  async start(): Promise<void> {
    if (this.#timer) return
    const { store, clock } = this.#c
    this.#watches = KINDS.map((kind) => store.reg.watch(`${kind}/`, (name) => this.#told(kind, name)))
    this.#timer = every(
      clock,
      RELOAD_MS,
      () => this.#reload(),
      () => undefined,
      0,
    )
  }

  async stop(): Promise<void> {
    for (const end of this.#watches) end()
    this.#watches = []
    this.#timer?.cancel()
    this.#retry?.cancel()
    this.#timer = undefined
    this.#retry = undefined
  }

  /** Nodes came or went: zones whose name servers they are name others. */
  refreshNameservers(): void {
    const now = this.#c.nameservers().join()
    if (now === this.#named) return
    this.#named = now
    for (const [name, { nameservers = [] }] of this.#rows) if (nameservers.length === 0) this.#serve(name)
  }

  #told(kind: (typeof KINDS)[number], name: string | undefined): void {
    if (name === undefined) {
      this.#reloadLater()
      return
    }
    const key = recordKey(kind, name.slice(kind.length + 1))
    this.#c.store.reg
      .read<unknown>(key, 'near')
      .then((found) => this.#timer && this.#take(kind, name.slice(kind.length + 1), found?.body, true))
      .catch(() => this.#reloadLater())
  }

  #reloadLater(): void {
    this.#retry ??= this.#c.clock.after(AGAIN_MS, () => {
      this.#retry = undefined
      void this.#reload()
    })
  }

  async #reload(): Promise<void> {
    try {
      const lists = await Promise.all(KINDS.map((kind) => this.#c.store.reg.list<unknown>(`${kind}/`)))
      for (const [at, kind] of KINDS.entries()) {
        const listed = lists[at] ?? []
        if (kind === 'zone') this.#forget(this.#rows, listed)
        if (kind === 'zonename') this.#forget(this.#names, listed)
        for (const { key, value } of listed) this.#take(kind, key.name.slice(kind.length + 1), value.body, false)
      }
      const byZone = Map.groupBy(this.#records(), ({ zone }) => zone)
      for (const name of this.#rows.keys()) this.#serve(name, byZone.get(name) ?? [])
      for (const { apex } of [...this.zones.values()]) if (!this.#rows.has(apex)) this.zones.delete(apex)
      this.#loaded = true
    } catch (error) {
      this.#log.info('provisioned records of DNS are not read yet', { error: errorMessage(error) })
      if (this.#timer) this.#reloadLater()
    }
  }

  #forget(known: Map<string, unknown>, listed: readonly { key: { name: string } }[]): void {
    const there = new Set(listed.map(({ key }) => key.name.slice(key.name.indexOf('/') + 1)))
    for (const name of known.keys()) if (!there.has(name)) known.delete(name)
  }

  #take(kind: (typeof KINDS)[number], name: string, body: unknown, news: boolean): void {
    if (kind === 'enumrange' || kind === 'enum') {
      const [digits = '', tld = ''] = name.split('/')
      if (kind === 'enumrange') this.#takeRange({ digits, tld }, body as (RangeRow & Stamped) | undefined)
      else this.#takeNumber({ digits, tld }, body as (NumberRow & Stamped) | undefined)
      if (news) this.#c.onChange?.({ tld, digits })
      return
    }
    if (kind === 'zone') {
      if (body === undefined) this.#rows.delete(name)
      else this.#rows.set(name, body as ZoneRow & Stamped)
      if (news) this.#serveNow(name)
      return
    }
    const before = this.#names.get(name)
    const records = (body as { records: ZoneRecordRow[] } | undefined)?.records ?? []
    if (records.length === 0) this.#names.delete(name)
    else this.#names.set(name, records)
    const zone = (records[0] ?? before?.[0])?.zone
    if (news && zone !== undefined) this.#serveNow(zone)
  }

  #takeRange({ digits: prefix, tld }: { digits: string; tld: string }, row: (RangeRow & Stamped) | undefined): void {
    if (!row) {
      this.index.deleteRange({ tld, prefix })
      return
    }
    const { ttl = DEFAULTS.ttl, minDigits = 0, maxDigits = 0, size = 0, nameservers = [], info = '' } = row
    const { customer = 0, reseller = 0, changedAt } = row
    const range = { prefix, tld, ttl, minDigits, maxDigits: maxDigits || DIGITS_MAX, size, info, customer, reseller }
    this.index.setRange({ ...range, nameservers: [...nameservers], changedAt })
  }

  #takeNumber({ digits, tld }: { digits: string; tld: string }, row: (NumberRow & Stamped) | undefined): void {
    const mappings = (row?.mappings ?? []).flatMap(({ id = 0, type, mapto = '', priority, ttl }) => {
      try {
        const service = enumService(type)
        return [{ id, type: service.type, mapto, priority: priority ?? DEFAULTS.priority, ttl: ttl ?? DEFAULTS.ttl }]
      } catch (error) {
        this.#log.warn('a mapping of a number cannot be served', { number: digits, error: errorMessage(error) })
        return []
      }
    })
    this.index.setNumber({ tld, number: digits }, mappings, row?.changedAt ?? this.#c.clock.wall())
  }

  #serveNow(zone: string): void {
    this.#serve(zone)
    this.#c.onChange?.({ zone })
  }

  #records(): ZoneRecordRow[] {
    return [...this.#names.values()].flat()
  }

  #serve(name: string, all: readonly ZoneRecordRow[] = this.#records()): void {
    const row = this.#rows.get(name)
    if (!row) {
      this.zones.delete(name)
      return
    }
    const records = all.filter(({ zone, type }) => zone === name && !FANCY.has(type))
    const stored: StoredZone = {
      ...DEFAULTS,
      ...row,
      email: row.email || `hostmaster@${name}`,
      no: 0,
      nameservers: [...(row.nameservers ?? [])],
      info: row.info ?? '',
      customer: row.customer ?? 0,
      reseller: row.reseller ?? 0,
      records: records.map((record) => this.#recordOf(record, row)),
      fancy: [],
    }
    const bad = (record: ZoneRecord, error: unknown): void =>
      this.#log.warn('a record cannot be served', { name: record.name, type: record.type, error: errorMessage(error) })
    this.zones.set(zoneTree(stored, this.#c.nameservers(), bad))
  }

  #recordOf(
    { id, name, zone, type, value = '', priority = 0, ttl, owner = 0, changedAt }: ZoneRecordRow,
    row: ZoneRow,
  ): ZoneRecord {
    const lower = name.toLowerCase().replace(/\.$/, '')
    const within = lower === zone || lower.endsWith(`.${zone}`)
    const whole = lower === '' || lower === '@' ? zone : within ? lower : `${lower}.${zone}`
    // Targets are written whole over SOAP, with a final dot or without.
    const text = /^(CNAME|NS|PTR|MX|SRV|NAPTR)$/.test(type) && /[^.\s]$/.test(value) ? `${value}.` : value
    const quoted = type === 'TXT' && !value.startsWith('"') ? JSON.stringify(value) : text
    return {
      id,
      name: whole,
      type: type as ZoneRecord['type'],
      value: quoted,
      priority,
      ttl: ttl ?? row.ttl ?? DEFAULTS.ttl,
      owner,
      changedAt,
    }
  }
}

/** What this node serves of the records of the ring: copies in memory, which follow the news of changes. */
import {
  type Clock,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type RecordStore,
  recordKey,
  sleep,
  type Timer,
} from '@thor-node/core'
import { blockOfName } from '../enum/block.ts'
import { blockParts } from '../enum/block-parts.ts'
import type { EnumRange } from '../enum/contract.ts'
import type { EnumIndex } from '../enum/index-of-numbers.ts'
import { failure } from '../errors.ts'
import { SERVED_LIMITS } from '../limits.ts'
import { Journal } from '../zone/journal.ts'
import { type Zone, ZoneTree } from '../zone/tree.ts'
import { ZoneMap } from '../zone/zones.ts'
import type { StoredZone, ZoneHead } from './contract.ts'
import { recordsOf } from './validate.ts'
import { PageReader } from './zone-store.ts'

type Kind = 'dnszone' | 'dnsrange' | 'dnsblock'
const KINDS: readonly Kind[] = ['dnszone', 'dnsrange', 'dnsblock']

export interface ServedComponents {
  store: Pick<RecordStore, 'reg'>
  clock: Clock
  logger: Logger
  index: EnumIndex
  /** Name servers of zones that name none: canonical. */
  nameservers(): readonly string[]
}

export interface ServedEvents {
  /** The records of a zone or range are others than before. `apex`: of the zone; a range is told of with each number. */
  onChange?(what: { zone: string } | { tld: string; digits: string }): void
}

export class ServedRecords implements Lifecycle {
  readonly zones = new ZoneMap()
  readonly journal = new Journal()
  readonly #c: ServedComponents
  readonly #events: ServedEvents
  readonly #log: Logger
  readonly #stored = new Map<string, StoredZone>()
  readonly #pages: PageReader
  /** Registers that changed and are to be read; undefined: all of a kind. */
  readonly #dirty = new Set<string>()
  /** Told of while a reload goes on: what that brings may be older. */
  #told: Set<string> | undefined
  #reading = 0
  #watches: (() => void)[] = []
  #timer: Timer | undefined
  #loading: Promise<void> | undefined
  #reloading: Promise<void> | undefined
  #again = false
  #named = ''
  #loaded = false

  constructor(components: ServedComponents, events: ServedEvents = {}) {
    this.#c = components
    this.#events = events
    const { reg } = components.store
    this.#pages = new PageReader({ read: (key, mode = 'strict') => reg.read(key, mode) })
    this.#log = components.logger.forComponent('dns:records')
  }

  /** False until everything was read once: until then nobody knows what is not there. */
  get ready(): boolean {
    return this.#loaded
  }

  /** Begins to follow; the first load goes on behind it. */
  async start(): Promise<void> {
    if (this.#timer) return
    const { store, clock } = this.#c
    this.#watches = KINDS.map((kind) => store.reg.watch(`${kind}/`, (name) => this.#changed(name)))
    this.#timer = every(
      clock,
      SERVED_LIMITS.reloadMs,
      () => this.reload(),
      () => undefined,
    )
    this.#again = true
    this.#loadLater()
  }

  async stop(): Promise<void> {
    for (const end of this.#watches) end()
    this.#watches = []
    this.#timer?.cancel()
    this.#timer = undefined
    await this.#loading?.catch(() => undefined)
  }

  get(zone: string): StoredZone | undefined {
    return this.#stored.get(zone)
  }

  /** Nodes came or went: zones whose name servers they are name others. */
  refreshNameservers(): void {
    const now = this.#c.nameservers().join()
    if (now === this.#named) return
    this.#named = now
    for (const zone of this.#stored.values()) if (zone.nameservers.length === 0) this.#serve(zone)
  }

  #changed(name: string | undefined): void {
    if (name === undefined) {
      this.#again = true
      this.#loadLater()
      return
    }
    this.#told?.add(name)
    this.#dirty.add(name)
    this.#readDirty()
  }

  /** Missed news of many changes: everything is read again, at once where nothing was read of late. */
  #loadLater(): void {
    this.#loading ??= this.#loadWhileWanted().finally(() => {
      this.#loading = undefined
    })
  }

  async #loadWhileWanted(): Promise<void> {
    while (this.#again && this.#timer) {
      this.#again = false
      try {
        await this.reload()
      } catch (error) {
        this.#again = true
        this.#log.info('records of DNS are not read yet', { error: errorMessage(error) })
      }
      if (this.#again) await sleep(this.#c.clock, SERVED_LIMITS.againMs)
    }
  }

  /** Rejects while there is no complete copy of some range of the ring. */
  reload(): Promise<void> {
    this.#reloading ??= this.#reload().finally(() => {
      this.#reloading = undefined
    })
    return this.#reloading
  }

  async #reload(): Promise<void> {
    this.#told = new Set()
    try {
      await this.#readAll()
    } finally {
      for (const name of this.#told) this.#dirty.add(name)
      this.#told = undefined
      this.#readDirty()
    }
  }

  async #readAll(): Promise<void> {
    const { reg } = this.#c.store
    const zones = await reg.list<ZoneHead>('dnszone/')
    const ranges = await reg.list<EnumRange>('dnsrange/')
    const names = new Set(zones.map(({ value }) => value.body.name))
    for (const { value } of zones) await this.#readZone(value.body)
    for (const name of this.#stored.keys()) if (!names.has(name)) this.#dropZone(name)
    this.#setRanges(ranges.map(({ value }) => value.body))
    const parts = blockParts(
      ranges.map(({ value }) => value.body),
      '',
    )
    for (const name of new Set(parts.map((part) => part.name))) await this.#loadBlocks(name)
    if (this.#loaded) return
    this.#loaded = true
    const { index } = this.#c
    this.#log.info('records of DNS are served', { zones: names.size, ranges: ranges.length, numbers: index.size })
  }

  #setRanges(ranges: readonly EnumRange[]): void {
    const { index } = this.#c
    const kept = new Set(ranges.map(({ tld, prefix }) => `${tld}/${prefix}`))
    for (const tree of index.trees()) {
      for (const prefix of [...tree.ranges.keys()]) {
        if (!kept.has(`${tree.tld}/${prefix}`)) index.deleteRange({ tld: tree.tld, prefix })
      }
    }
    for (const range of ranges) index.setRange(range)
  }

  /** In slices, so that nobody who asks meanwhile waits for the end. */
  async #loadBlocks(prefix: string): Promise<void> {
    const blocks = await this.#c.store.reg.list<Uint8Array>(prefix)
    for (const [at, { key, value }] of blocks.entries()) {
      this.#setBlock(key.name, value.body)
      if (at % SERVED_LIMITS.blocksAtOnce === 0) await sleep(this.#c.clock, 0)
    }
  }

  #setBlock(name: string, body: Uint8Array): void {
    const at = blockOfName(name)
    if (!at) return
    try {
      this.#c.index.setPacked(at, body)
    } catch (error) {
      this.#log.error('a block of numbers cannot be read', { block: name, error: errorMessage(error) })
    }
  }

  #readDirty(): void {
    while (this.#reading < SERVED_LIMITS.readsAtOnce) {
      const [name] = this.#dirty
      if (name === undefined) return
      this.#dirty.delete(name)
      this.#reading++
      void this.#read(name).finally(() => {
        this.#reading--
        this.#readDirty()
      })
    }
  }

  async #read(name: string): Promise<void> {
    const [kind = '', ...rest] = name.split('/')
    const key = recordKey(kind, rest.join('/'))
    try {
      const found = await this.#c.store.reg.read<unknown>(key, 'near')
      if (!this.#timer) return
      if (kind === 'dnszone' && found) await this.#readZone(found.body as ZoneHead)
      this.#take(kind as Kind, rest.join('/'), name, found?.body)
    } catch (error) {
      this.#log.info('a changed record could not be read', { name, error: errorMessage(error) })
      this.#changed(undefined)
    }
  }

  #take(kind: Kind, rest: string, name: string, body: unknown): void {
    if (kind === 'dnszone') {
      if (body === undefined) this.#dropZone(rest)
      this.#events.onChange?.({ zone: rest })
      return
    }
    if (kind === 'dnsrange') {
      const [tld = '', prefix = ''] = rest.split('/')
      if (body === undefined) this.#c.index.deleteRange({ tld, prefix })
      else this.#c.index.setRange(body as EnumRange)
      this.#events.onChange?.({ tld, digits: prefix })
      return
    }
    const at = blockOfName(name)
    if (!at || body === undefined) return
    this.#setBlock(name, body as Uint8Array)
    this.#events.onChange?.({ tld: at.tld, digits: at.prefix })
  }

  /** With its pages; a page that is gone tells that the zone is another by now. */
  async #readZone(seen: ZoneHead): Promise<void> {
    let head: ZoneHead | undefined = seen
    for (let tries = 0; head && tries < SERVED_LIMITS.zoneTries; tries++) {
      const whole = await this.#pages.whole(head)
      if (whole) {
        this.#setZone(whole)
        return
      }
      const key = recordKey('dnszone', seen.name)
      head = (await this.#c.store.reg.read<ZoneHead>(key, 'strict'))?.body
    }
    if (head) throw failure('DNS_CONFLICT', `zone ${seen.name} is changed while it is read`)
    this.#dropZone(seen.name)
  }

  #setZone(zone: StoredZone): void {
    const known = this.#stored.get(zone.name)
    // Reads may end in another order than they began.
    if (known?.no === zone.no && ((zone.serial - known.serial) | 0) < 0) return
    // One that was made anew has nothing to do with the one before.
    if (known && known.no !== zone.no) this.#dropZone(zone.name)
    this.#stored.set(zone.name, zone)
    if (known?.serial !== zone.serial || known.no !== zone.no) this.#serve(zone)
  }

  #serve(zone: StoredZone): void {
    try {
      const { soa, records } = recordsOf(zone, this.#c.nameservers())
      const made: Zone = new ZoneTree(zone.name, soa, records)
      const before = this.zones.get(zone.name)
      this.zones.set(made)
      if (before) this.journal.note(before, made)
    } catch (error) {
      this.#log.error('a zone cannot be served', { zone: zone.name, error: errorMessage(error) })
    }
  }

  #dropZone(name: string): void {
    this.#stored.delete(name)
    this.zones.delete(name)
    this.journal.forget(name)
  }
}

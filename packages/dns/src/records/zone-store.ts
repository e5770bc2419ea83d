/** Zones in registers: read whole, and changed as a whole, with their pages (pages.ts). */
import { makeRoom, type Random, type RecordKey, randomHex, recordKey, type Versioned } from '@thor-node/core'
import { failure } from '../errors.ts'
import { ZONE_LIMITS } from '../limits.ts'
import type { PageBody, PageRef, StoredZone, ZoneHead } from './contract.ts'
import { type Arranged, type ArrangedPage, arrange, tooLargeName } from './pages.ts'
import { type ChangeOptions, checkEtag, type Registers } from './registers.ts'

export const zoneKey = (name: string): RecordKey => recordKey('dnszone', name)
const pageKey = (zone: string, no: string): RecordKey => recordKey('dnspage', `${zone}/${no}`)

/** What became of a change: done, or to be done otherwise because of pages, or once more. */
type Outcome<R> = { done: R } | { again: 'paged' | 'changed' }

export interface Changed<R> {
  zone: StoredZone
  result: R
}

/** Pages as they were read: they never change, so a copy is as good as the register. */
export class PageReader {
  readonly #registers: Pick<Registers, 'read'>
  /** The one not used for longest goes. */
  readonly #pages = new Map<string, PageBody>()

  constructor(registers: Pick<Registers, 'read'>) {
    this.#registers = registers
  }

  /** The zone that a register heads; undefined when a page is gone, since another register heads it by now. */
  async whole(head: ZoneHead): Promise<StoredZone | undefined> {
    const { pages, ...zone } = head
    if (pages.length === 0) return zone
    const bodies = await Promise.all(pages.map(({ no }) => this.read(zone.name, no)))
    if (bodies.includes(undefined)) return undefined
    const [records, fancy] = [[...zone.records], [...zone.fancy]]
    for (const body of bodies as PageBody[]) {
      records.push(...body.records)
      fancy.push(...body.fancy)
    }
    return { ...zone, records, fancy }
  }

  async read(zone: string, no: string): Promise<PageBody | undefined> {
    const known = this.known(no)
    if (known) return known
    const key = pageKey(zone, no)
    // What a copy does not have yet, the replicas do.
    const near = await this.#registers.read<PageBody>(key, 'near').catch(() => undefined)
    const found = near ?? (await this.#registers.read<PageBody>(key))
    if (found) this.remember(no, found.body)
    return found?.body
  }

  known(no: string): PageBody | undefined {
    const known = this.#pages.get(no)
    if (!known) return undefined
    this.#pages.delete(no)
    this.#pages.set(no, known)
    return known
  }

  remember(no: string, body: PageBody): void {
    makeRoom(this.#pages, ZONE_LIMITS.pagesKept)
    this.#pages.set(no, body)
  }
}

export class ZoneStore {
  readonly #registers: Registers
  readonly #random: Random
  readonly #reader: PageReader

  constructor(components: { registers: Registers; random: Random }) {
    this.#registers = components.registers
    this.#random = components.random
    this.#reader = new PageReader(components.registers)
  }

  async read(name: string, mode: 'strict' | 'near' = 'strict'): Promise<Versioned<StoredZone> | undefined> {
    for (let tries = 0; tries < ZONE_LIMITS.changeTries; tries++) {
      const found = await this.#registers.read<ZoneHead>(zoneKey(name), tries === 0 ? mode : 'strict')
      if (!found) return undefined
      const body = await this.#reader.whole(found.body)
      if (body) return { ...found, body }
    }
    throw busy(name)
  }

  /** `fn` is pure, and gets the zone with all its records. */
  async change<R>(name: string, options: ChangeOptions, fn: (zone: StoredZone) => Changed<R>): Promise<R> {
    let outcome = await this.#registers.change<ZoneHead, Outcome<R>>(zoneKey(name), (current) => {
      checkThere(current, name, options)
      if (current.body.pages.length > 0) return { keep: true, result: { again: 'paged' } }
      const { zone, result } = fn(current.body)
      const arranged = fitting(arrange(zone, [], () => undefined))
      if (arranged.pages.length > 0) return { keep: true, result: { again: 'paged' } }
      return { body: headOf(zone, arranged, []), result: { done: result } }
    })
    for (let tries = 0; 'again' in outcome && tries < ZONE_LIMITS.changeTries; tries++) {
      outcome = await this.#changePaged(name, options, fn)
    }
    if ('again' in outcome) throw busy(name)
    return outcome.done
  }

  async #changePaged<R>(
    name: string,
    options: ChangeOptions,
    fn: (zone: StoredZone) => Changed<R>,
  ): Promise<Outcome<R>> {
    const seen = await this.#registers.read<ZoneHead>(zoneKey(name))
    checkThere(seen, name, options)
    const whole = await this.#reader.whole(seen.body)
    if (!whole) return { again: 'changed' }
    const { zone, result } = fn(whole)
    const arranged = fitting(arrange(zone, seen.body.pages, ({ no }) => this.#reader.known(no)))
    const pages = await Promise.all(arranged.pages.map((page) => this.#written(name, page)))
    const body = headOf(zone, arranged, pages)
    const outcome = await this.#registers.change<ZoneHead, Outcome<R>>(zoneKey(name), (current) => {
      checkThere(current, name, options)
      if (current.etag !== seen.etag) return { keep: true, result: { again: 'changed' } }
      return { body, result: { done: result } }
    })
    const [gone, kept] = 'again' in outcome ? [pages, seen.body.pages] : [seen.body.pages, pages]
    const staying = new Set(kept.map(({ no }) => no))
    await this.removePages(
      name,
      gone.filter(({ no }) => !staying.has(no)),
    )
    return outcome
  }

  async #written(zone: string, { from, kept, body }: ArrangedPage): Promise<PageRef> {
    if (kept) return kept
    const no = randomHex(this.#random, 12)
    await this.#registers.change<PageBody, null>(pageKey(zone, no), () => ({ body, result: null }))
    this.#reader.remember(no, body as PageBody)
    return { no, from }
  }

  /** Nobody's fault when it fails: what nobody names is read by nobody. */
  async removePages(zone: string, pages: readonly PageRef[]): Promise<void> {
    const removals = pages.map(({ no }) =>
      this.#registers.change<PageBody, null>(pageKey(zone, no), () => ({ body: undefined, result: null })),
    )
    await Promise.allSettled(removals)
  }
}

const busy = (name: string) => failure('DNS_CONFLICT', `zone ${name} is changed by others all the time; try again`)

function fitting(arranged: Arranged): Arranged {
  const name = tooLargeName(arranged)
  if (name !== undefined) throw failure('DNS_ZONE_FULL', `${name} has more records than fit together`)
  return arranged
}

function headOf(zone: StoredZone, { inline }: Arranged, pages: PageRef[]): ZoneHead {
  return { ...zone, ...inline, pages, count: zone.records.length + zone.fancy.length }
}

function checkThere(
  current: Versioned<ZoneHead> | undefined,
  name: string,
  { etag }: ChangeOptions,
): asserts current is Versioned<ZoneHead> {
  if (!current) throw failure('DNS_ZONE_UNKNOWN', `there is no zone ${name}`)
  checkEtag(current, etag, `zone ${name}`)
}

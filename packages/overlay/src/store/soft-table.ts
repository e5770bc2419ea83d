import { type Clock, compareUtf8, type RangeId, ThorError } from '@thor-node/core'
import { DigestSum } from './encoding.ts'
import { softLimits } from './limits.ts'
import { compareEntries, Slot, SoftRecord, type StoredEntry } from './soft-record.ts'

const BUCKET_MS = 1_000

/**
 * The entries of SOFT that one node holds: by range and name, with a wheel of seconds for expiry (no timer per entry; what
 * has expired is not shown, whether the wheel came by or not) and a digest per range that follows each change.
 */
export class SoftTable {
  readonly #clock: Clock
  readonly #entriesMax: number
  readonly #onChange: (range: RangeId, name: string) => void
  readonly #ranges = new Map<RangeId, Map<string, SoftRecord>>()
  /** Records by the first part of their name, `loc/`. */
  readonly #kinds = new Map<string, Set<SoftRecord>>()
  readonly #wheel = new Map<number, Slot[]>()
  readonly #digests = new Map<RangeId, DigestSum>()
  #turned: number
  #count = 0

  constructor(
    components: { clock: Clock },
    init: { entriesMax?: number; onChange?: (range: RangeId, name: string) => void } = {},
  ) {
    this.#onChange = init.onChange ?? (() => undefined)
    this.#clock = components.clock
    this.#entriesMax = init.entriesMax ?? softLimits.entriesMax
    this.#turned = Math.floor(this.#clock.now() / BUCKET_MS)
  }

  /** Entries and markers. */
  get size(): number {
    return this.#count
  }

  /** Places in the wheel: one for each entry, and one for each time that an end was brought forward and is not over yet. */
  get scheduled(): number {
    let sum = 0
    for (const slots of this.#wheel.values()) sum += slots.length
    return sum
  }

  get(range: RangeId, name: string): StoredEntry[] {
    return this.#alive(this.#ranges.get(range)?.get(name))
  }

  /** What decides between it and another version. */
  find(range: RangeId, name: string, sub: string): Pick<StoredEntry, 'seq' | 'hlc' | 'dead'> | undefined {
    const slot = this.#slot(range, name, sub)
    return slot && slot.expiresAt > this.#clock.now() ? { seq: slot.seq, hlc: slot.hlc, dead: slot.dead } : undefined
  }

  /**
   * Keeps the entry unless a better one is there. Throws `STORE_TOO_LARGE` (too many entries under the name) or
   * `STORE_OVERLOADED` (too many on this node); then nothing changed.
   */
  merge(range: RangeId, name: string, entry: StoredEntry): void {
    const now = this.#clock.now()
    const record = this.#ranges.get(range)?.get(name)
    const slot = record?.get(entry.sub)
    if (slot && slot.expiresAt > now) {
      if (compareEntries(slot, entry) >= 0) return
      // A marker outlives every copy of what it removed.
      const expiresAt = entry.dead ? Math.max(entry.expiresAt, slot.expiresAt) : entry.expiresAt
      this.#replace(slot, entry, expiresAt)
    } else if (entry.expiresAt <= now) {
      return
    } else if (slot) {
      this.#replace(slot, entry, entry.expiresAt)
    } else {
      this.#makeRoom(record)
      this.#insert(record ?? this.#newRecord(range, name), entry)
    }
  }

  /** Records with this prefix that have anything to show, sorted by name. */
  withPrefix(prefix: string): SoftRecord[] {
    const slash = prefix.indexOf('/')
    const kinds = slash < 0 ? [...this.#kinds.keys()].filter((kind) => kind.startsWith(prefix)) : [kindOf(prefix)]
    const out: SoftRecord[] = []
    for (const kind of kinds) {
      for (const record of this.#kinds.get(kind) ?? []) if (record.name.startsWith(prefix)) out.push(record)
    }
    return out.sort((one, other) => compareUtf8(one.name, other.name) || one.range - other.range)
  }

  /** What a record shows now, with markers. */
  entriesOf(record: SoftRecord): StoredEntry[] {
    return this.#alive(record)
  }

  recordsOf(range: RangeId): SoftRecord[] {
    return [...(this.#ranges.get(range)?.values() ?? [])].sort((one, other) => compareUtf8(one.name, other.name))
  }

  /** In no order, and live: what comes or goes while it is read may be seen or missed. */
  unsorted(range: RangeId): Iterable<SoftRecord> {
    return this.#ranges.get(range)?.values() ?? []
  }

  ranges(): RangeId[] {
    return [...this.#ranges.keys()].sort((one, other) => one - other)
  }

  /** Only when it is still this version. */
  drop(range: RangeId, name: string, entry: StoredEntry): void {
    const slot = this.#slot(range, name, entry.sub)
    if (slot && compareEntries(slot, entry) === 0) this.#remove(slot)
  }

  wipe(range: RangeId): void {
    for (const record of this.recordsOf(range)) for (const slot of record.slots()) this.#remove(slot)
  }

  digest(range: RangeId): string {
    return (this.#digests.get(range) ?? new DigestSum()).toString()
  }

  /** Forgets what has expired since the last turn. */
  turn(): void {
    const until = Math.floor(this.#clock.now() / BUCKET_MS)
    for (; this.#turned < until; this.#turned++) {
      const slots = this.#wheel.get(this.#turned)
      this.#wheel.delete(this.#turned)
      for (const slot of slots ?? []) {
        // It is gone, or has a place elsewhere.
        if (slot.record.get(slot.sub) !== slot || slot.bucket !== this.#turned) continue
        if (slot.expiresAt <= (this.#turned + 1) * BUCKET_MS) this.#remove(slot)
        else this.#schedule(slot)
      }
    }
  }

  #alive(record: SoftRecord | undefined): StoredEntry[] {
    if (!record) return []
    const now = this.#clock.now()
    const out: StoredEntry[] = []
    for (const slot of record.slots()) if (slot.expiresAt > now) out.push(slot.entry())
    return out.length < 2 ? out : out.sort((one, other) => compareUtf8(one.sub, other.sub))
  }

  #slot(range: RangeId, name: string, sub: string): Slot | undefined {
    return this.#ranges.get(range)?.get(name)?.get(sub)
  }

  #newRecord(range: RangeId, name: string): SoftRecord {
    const record = new SoftRecord(range, name)
    let records = this.#ranges.get(range)
    if (!records) {
      records = new Map()
      this.#ranges.set(range, records)
    }
    records.set(record.name, record)
    const kind = kindOf(name)
    let sameKind = this.#kinds.get(kind)
    if (!sameKind) {
      sameKind = new Set()
      this.#kinds.set(kind, sameKind)
    }
    sameKind.add(record)
    return record
  }

  #makeRoom(record: SoftRecord | undefined): void {
    if (record && record.size >= softLimits.entriesPerKeyMax) {
      const now = this.#clock.now()
      for (const slot of record.slots()) if (slot.expiresAt <= now) this.#remove(slot)
      if (record.size >= softLimits.entriesPerKeyMax) {
        throw new ThorError('STORE_TOO_LARGE', `${record.name} has ${record.size} entries already`)
      }
    }
    if (this.#count >= this.#entriesMax) {
      throw new ThorError('STORE_OVERLOADED', `this node holds ${this.#count} expiring entries already`)
    }
  }

  #insert(record: SoftRecord, entry: StoredEntry): void {
    // Making room may have emptied the record.
    const home = this.#ranges.get(record.range)?.get(record.name) ?? this.#newRecord(record.range, record.name)
    const slot = new Slot(home, entry)
    home.add(slot)
    this.#count++
    this.#digestOf(home.range).add(itemText(slot))
    this.#onChange(home.range, home.name)
    this.#schedule(slot)
  }

  #replace(slot: Slot, entry: StoredEntry, expiresAt: number): void {
    const digest = this.#digestOf(slot.record.range)
    digest.remove(itemText(slot))
    slot.set(entry, expiresAt)
    digest.add(itemText(slot))
    this.#onChange(slot.record.range, slot.record.name)
    // A later end is seen when the wheel comes by; an earlier one needs its own place.
    if (bucketOf(slot) < slot.bucket) this.#schedule(slot)
  }

  #remove(slot: Slot): void {
    const { record } = slot
    record.delete(slot.sub)
    this.#count--
    const digest = this.#digestOf(record.range)
    digest.remove(itemText(slot))
    this.#onChange(record.range, record.name)
    if (record.size > 0) return
    const records = this.#ranges.get(record.range)
    records?.delete(record.name)
    if (records?.size === 0) {
      this.#ranges.delete(record.range)
      this.#digests.delete(record.range)
    }
    const kind = kindOf(record.name)
    this.#kinds.get(kind)?.delete(record)
    if (this.#kinds.get(kind)?.size === 0) this.#kinds.delete(kind)
  }

  #schedule(slot: Slot): void {
    slot.bucket = Math.max(bucketOf(slot), this.#turned)
    const slots = this.#wheel.get(slot.bucket)
    if (slots) slots.push(slot)
    else this.#wheel.set(slot.bucket, [slot])
  }

  #digestOf(range: RangeId): DigestSum {
    let digest = this.#digests.get(range)
    if (!digest) {
      digest = new DigestSum()
      this.#digests.set(range, digest)
    }
    return digest
  }
}

function kindOf(name: string): string {
  const slash = name.indexOf('/')
  return slash < 0 ? '' : name.slice(0, slash + 1)
}

function bucketOf(slot: Slot): number {
  return Math.floor(slot.expiresAt / BUCKET_MS)
}

function itemText({ record, sub, seq, hlc, dead }: Slot): string {
  return `${record.name}\u0000${sub}\u0000${seq}\u0000${hlc}\u0000${dead ? 1 : 0}`
}

/** How an entry lies in the memory of a node, which may hold a million of them: few objects each, and nothing of what it came in. */
import type { RangeId } from '@thor-node/core'

/** One version of an entry; immutable. */
export interface StoredEntry {
  readonly sub: string
  readonly seq: number
  readonly hlc: number
  /** On this node's monotonic clock. */
  readonly expiresAt: number
  /** Packed; empty in a marker. */
  readonly body: Uint8Array
  readonly dead: boolean
}

/** Positive when `one` wins: higher seq, then higher stamp, then the dead one. */
export function compareEntries(
  one: Pick<StoredEntry, 'seq' | 'hlc' | 'dead'>,
  other: Pick<StoredEntry, 'seq' | 'hlc' | 'dead'>,
): number {
  return one.seq - other.seq || one.hlc - other.hlc || Number(one.dead) - Number(other.dead)
}

/** The place of an entry: what is in it changes with each version. */
export class Slot {
  readonly record: SoftRecord
  readonly sub: string
  seq: number
  hlc: number
  expiresAt: number
  dead: boolean
  /**
   * The body, a character per byte: an array of so few bytes takes three objects and a piece of memory outside of the heap, more than
   * what is in it, and may be a part of a whole message.
   */
  #text: string
  /** Second of the wheel in which it is looked at next. */
  bucket = -1

  constructor(record: SoftRecord, { sub, seq, hlc, expiresAt, dead, body }: StoredEntry) {
    this.record = record
    this.sub = inOnePiece(sub)
    this.seq = seq
    this.hlc = hlc
    this.expiresAt = expiresAt
    this.dead = dead
    this.#text = textOf(body)
  }

  set({ seq, hlc, dead, body }: StoredEntry, expiresAt: number): void {
    this.seq = seq
    this.hlc = hlc
    this.expiresAt = expiresAt
    this.dead = dead
    this.#text = textOf(body)
  }

  /** This version, as it will stay. */
  entry(): StoredEntry {
    const { sub, seq, hlc, expiresAt, dead } = this
    return { sub, seq, hlc, expiresAt, body: Buffer.from(this.#text, 'latin1'), dead }
  }
}

/** The entries under one name. */
export class SoftRecord {
  readonly range: RangeId
  readonly name: string
  /** Most records have one entry, and need no map. */
  #slots: Slot | Map<string, Slot> | undefined

  constructor(range: RangeId, name: string) {
    this.range = range
    this.name = inOnePiece(name)
  }

  get size(): number {
    return this.#slots instanceof Map ? this.#slots.size : this.#slots ? 1 : 0
  }

  get(sub: string): Slot | undefined {
    if (this.#slots instanceof Map) return this.#slots.get(sub)
    return this.#slots?.sub === sub ? this.#slots : undefined
  }

  slots(): Slot[] {
    if (this.#slots instanceof Map) return [...this.#slots.values()]
    return this.#slots ? [this.#slots] : []
  }

  /** Of a `sub` that has none. */
  add(slot: Slot): void {
    const there = this.#slots
    if (there === undefined) this.#slots = slot
    else if (there instanceof Map) there.set(slot.sub, slot)
    else {
      this.#slots = new Map([
        [there.sub, there],
        [slot.sub, slot],
      ])
    }
  }

  delete(sub: string): void {
    if (this.#slots instanceof Map) this.#slots.delete(sub)
    else if (this.#slots?.sub === sub) this.#slots = undefined
  }
}

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')

/** A piece of a longer text keeps that whole. What is no Unicode cannot be copied so, and stays as it is. */
function inOnePiece(text: string): string {
  const copy = Buffer.from(text).toString()
  return copy === text ? copy : text
}

import { type Disk, type DiskOperation, prefixEnd, type RangeId } from '@thor-node/core'
import { diskKey, hash8, openValue, sealValue, splitDiskKey } from './encoding.ts'
import { KeyedQueue } from './fanout.ts'
import { checkRoom } from './group-commit.ts'
import { type DigestsRequest, RangeDigests } from './range-digests.ts'

/** First byte of a stored value: a body, or the note that several bodies lie under `name#hash8`. */
const BODY = 0
const SPLIT = 1

export interface ShelfRecord {
  range: RangeId
  /** With `#hash8` where several bodies have the same name. */
  name: string
  bytes: Uint8Array
}

/** A record without its body. */
export type ShelfItem = [name: string, hash: string]

/**
 * The records of SET on one disk, under `S<rrr><name>`. One body lies under its name; from the second on, all of them lie
 * under `name#hash8`, so that the layout follows from what is stored and not from the order in which it came.
 */
export class SetShelf {
  readonly #disk: Disk & { readonly isFull?: boolean }
  readonly #queue = new KeyedQueue()
  readonly #digests: RangeDigests
  readonly onStored: (record: { range: RangeId; name: string; bytes: Uint8Array }) => void
  /** Values whose checksum did not fit, since the start. */
  corrupt = 0

  constructor(
    components: { disk: Disk & { readonly isFull?: boolean } },
    init: { onStored: (record: ShelfRecord) => void },
  ) {
    this.#disk = components.disk
    this.#digests = new RangeDigests(components, { letter: 'S', itemOf: (key, sealed) => this.#itemOf(key, sealed) })
    this.onStored = init.onStored
  }

  /**
   * Durable when it resolves; `false`, and nothing written, when `mayWrite` says no at the moment of writing. Writing a body
   * that is there already waits for it to be durable too.
   */
  put(range: RangeId, name: string, bytes: Uint8Array, mayWrite: () => boolean = () => true): Promise<boolean> {
    const key = diskKey('S', range, name)
    return this.#queue.run(key, async () => {
      checkRoom(this.#disk)
      const stored = await this.#read(key)
      const hash = hash8(bytes)
      if (stored?.kind === 'body' && Buffer.from(stored.bytes).equals(bytes)) return mayWrite()
      let isDamaged = stored?.kind === 'damaged'
      const operations: DiskOperation[] = []
      const place = (at: string, kind: number, body: Uint8Array): void => {
        operations.push({ type: 'put', key: at, value: sealValue(at, tagged(kind, body)) })
      }
      // Damaged, it may have been either.
      const isSplit = stored?.kind === 'split' || (isDamaged && (await this.#hasVariants(key)))
      if (!isSplit && stored?.kind !== 'body') place(key, BODY, bytes)
      else {
        const variant = `${key}#${hash}`
        const known = isSplit ? await this.#read(variant) : undefined
        isDamaged ||= known?.kind === 'damaged'
        if (stored?.kind === 'body') place(`${key}#${hash8(stored.bytes)}`, BODY, stored.bytes)
        if (stored?.kind !== 'split') place(key, SPLIT, new Uint8Array(0))
        if (known?.kind !== 'body') place(variant, BODY, bytes)
        if (operations.length === 0) return mayWrite()
      }
      // In one tick: the question and handing the write over. Whoever changes the config queues behind it.
      if (!mayWrite()) return false
      const write = () => this.#disk.batch(operations, { sync: true })
      await this.#digests.during(range, { added: itemText([name, hash]) }, write)
      // It may have been counted as damaged meanwhile, and this body before.
      if (isDamaged) this.#digests.forget(range)
      this.onStored({ range, name: isSplit || stored?.kind === 'body' ? `${name}#${hash}` : name, bytes })
      return true
    })
  }

  /** All bodies under this name, in order of their hashes. */
  async get(range: RangeId, name: string): Promise<Uint8Array[]> {
    const key = diskKey('S', range, name)
    const stored = await this.#read(key)
    if (!stored || stored.kind === 'damaged') return []
    if (stored.kind === 'body') return [stored.bytes]
    const out: Uint8Array[] = []
    for await (const record of this.#scan(`${key}#`, prefixEnd(`${key}#`))) out.push(record.bytes)
    return out
  }

  /** Records of a range with this prefix, sorted by name, after `after` (exclusive). */
  records(range: RangeId, prefix: string, after?: string): AsyncGenerator<ShelfRecord> {
    const start = after === undefined ? diskKey('S', range, prefix) : `${diskKey('S', range, after)}\u0000`
    return this.#scan(start, prefixEnd(diskKey('S', range, prefix)))
  }

  /** Ranges of which anything is stored, from `from` on. Hops from range to range. */
  async *ranges(from: RangeId = 0): AsyncGenerator<RangeId> {
    let start = diskKey('S', from)
    for (;;) {
      let found: RangeId | undefined
      for await (const [key] of this.#disk.entries({ from: start, to: 'T' })) {
        found = splitDiskKey(key).range
        break
      }
      if (found === undefined) return
      yield found
      if (found === 0xfff) return
      start = diskKey('S', found + 1)
    }
  }

  /** What waits to be written of this range is on the disk when this resolves: a listing after it misses nothing. */
  async settle(range: RangeId): Promise<void> {
    if (this.#digests.isChanging(range)) await this.#disk.batch([], { sync: true })
  }

  async wipe(range: RangeId): Promise<void> {
    await this.settle(range)
    let operations: DiskOperation[] = []
    const prefix = diskKey('S', range)
    try {
      for await (const [key] of this.#disk.entries({ from: prefix, to: prefixEnd(prefix) })) {
        operations.push({ type: 'del', key })
        if (operations.length < 1_000) continue
        await this.#disk.batch(operations, { sync: false })
        operations = []
      }
      await this.#disk.batch(operations, { sync: true })
    } finally {
      this.forgetDigest(range)
    }
  }

  /** To be counted anew. */
  forgetDigest(range: RangeId): void {
    this.#digests.forget(range)
  }

  digest(range: RangeId): Promise<string> {
    return this.#digests.of(range)
  }

  /** In the order of the ranges. */
  digests(ranges: readonly RangeId[]): Promise<string[]> {
    return this.#digests.ofAll(ranges)
  }

  /** `set.digests`. Throws `STORE_BAD_REQUEST`. */
  answerDigests(request: DigestsRequest, configs: { get(range: RangeId): { epoch: number } }): Promise<string[]> {
    return this.#digests.answer(request, configs)
  }

  /** What is damaged makes the digest differ from those of others, so that it is fetched again. */
  #itemOf(key: string, sealed: Uint8Array): string | undefined {
    const value = openValue(key, sealed)
    if (value?.[0] === SPLIT) return undefined
    if (value?.[0] === BODY) return itemText(itemOf({ ...splitDiskKey(key), bytes: value.subarray(1) }))
    this.corrupt++
    return `damaged ${key}`
  }

  /** Bodies lie under `name#hash8`. */
  async #hasVariants(key: string): Promise<boolean> {
    for await (const _ of this.#disk.entries({ from: `${key}#`, to: prefixEnd(`${key}#`) })) return true
    return false
  }

  async #read(
    key: string,
  ): Promise<{ kind: 'body'; bytes: Uint8Array } | { kind: 'split' } | { kind: 'damaged' } | undefined> {
    const sealed = await this.#disk.get(key)
    if (!sealed) return undefined
    const value = openValue(key, sealed)
    if (value?.[0] === BODY) return { kind: 'body', bytes: value.subarray(1) }
    if (value?.[0] === SPLIT) return { kind: 'split' }
    this.corrupt++
    // Counted anew, it differs from those of others, and the record is fetched again.
    this.#digests.forget(splitDiskKey(key).range)
    return { kind: 'damaged' }
  }

  async *#scan(from: string, to: string): AsyncGenerator<ShelfRecord> {
    for await (const [key, sealed] of this.#disk.entries({ from, to })) {
      const value = openValue(key, sealed)
      if (value?.[0] === BODY) yield { ...splitDiskKey(key), bytes: value.subarray(1) }
      else if (value?.[0] !== SPLIT) this.corrupt++
    }
  }
}

/** The name as its writer gave it, and the hash of the body. */
export function itemOf(record: ShelfRecord): ShelfItem {
  const hash = hash8(record.bytes)
  const suffix = `#${hash}`
  return [record.name.endsWith(suffix) ? record.name.slice(0, -suffix.length) : record.name, hash]
}

function tagged(kind: number, body: Uint8Array): Uint8Array {
  const out = new Uint8Array(body.length + 1)
  out[0] = kind
  out.set(body, 1)
  return out
}

function itemText([name, hash]: ShelfItem): string {
  return `${name}\u0000${hash}`
}

import type { Disk, DiskOperation, DiskRange } from '@thor-node/core'
import { diskLimits } from './limits.ts'

/** What an entry takes beside its octets. */
const ENTRY_BYTES = 128
/** What is left when it is too much: to look for the oldest takes long, so several go at once. */
const ROOM = 127 / 128

/**
 * Values that were read or written last, in memory, in front of a disk. A read of LevelDB is a job for a thread, and handing it over
 * costs the node more than all else that it does for a record that is asked for again and again.
 *
 * A value is here only while it is what the disk would give: it goes when a write of its key begins and comes back when that is on the
 * disk; a read that was under way then leaves nothing here. What a scan finds to be otherwise on the disk, as damage is found, goes too.
 */
export class CachedDisk implements Disk {
  readonly #disk: Disk
  readonly #bytesMax: number
  readonly #valueBytesMax: number
  /** The one not used for longest first. */
  readonly #values = new Map<string, Uint8Array>()
  #bytes = 0
  /** Writes of a key that run, and whether they do so side by side: then nobody here knows which will be the last. */
  readonly #writing = new Map<string, { count: number; mixed: boolean }>()
  /** Reads of the disk that run; what they bring is kept when it is still the one here when they end. */
  readonly #reading = new Map<string, symbol>()

  constructor(components: { disk: Disk }, init: { bytesMax?: number; valueBytesMax?: number } = {}) {
    this.#disk = components.disk
    this.#bytesMax = init.bytesMax ?? diskLimits.cacheBytes
    this.#valueBytesMax = init.valueBytesMax ?? diskLimits.cacheValueBytes
  }

  /** What is kept, in octets. */
  get bytes(): number {
    return this.#bytes
  }

  open(): Promise<void> {
    return this.#disk.open()
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const known = this.#values.get(key)
    if (known) {
      this.#values.delete(key)
      this.#values.set(key, known)
      return known.slice()
    }
    if (this.#writing.has(key)) return this.#disk.get(key)
    const mine = Symbol(key)
    this.#reading.set(key, mine)
    try {
      const value = await this.#disk.get(key)
      if (value && this.#reading.get(key) === mine) this.#keep(key, value)
      return value
    } finally {
      if (this.#reading.get(key) === mine) this.#reading.delete(key)
    }
  }

  async batch(operations: readonly DiskOperation[], options: { sync: boolean }): Promise<void> {
    // The last of each key is what it will be.
    const last = new Map(operations.map((one) => [one.key, one]))
    for (const key of last.keys()) this.#begin(key)
    let done = false
    try {
      await this.#disk.batch(operations, options)
      done = true
    } finally {
      for (const [key, one] of last) {
        const alone = this.#end(key)
        if (done && alone && one.type === 'put') this.#keep(key, one.value)
      }
    }
  }

  async *entries(range: DiskRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    for await (const entry of this.#disk.entries(range)) {
      const known = this.#values.get(entry[0])
      if (known && !Buffer.from(known.buffer, known.byteOffset, known.byteLength).equals(entry[1])) this.#drop(entry[0])
      yield entry
    }
  }

  close(): Promise<void> {
    this.#values.clear()
    this.#bytes = 0
    return this.#disk.close()
  }

  #begin(key: string): void {
    this.#drop(key)
    this.#reading.delete(key)
    const others = this.#writing.get(key)
    this.#writing.set(key, { count: (others?.count ?? 0) + 1, mixed: others !== undefined })
  }

  /** Whether no other write of the key ran beside this one. */
  #end(key: string): boolean {
    const { count, mixed } = this.#writing.get(key) ?? { count: 1, mixed: true }
    if (count === 1) this.#writing.delete(key)
    else this.#writing.set(key, { count: count - 1, mixed: true })
    return !mixed
  }

  /** A copy, in bytes of its own: what it came in may be a part of something larger, or be given to somebody who changes it. */
  #keep(key: string, value: Uint8Array): void {
    this.#drop(key)
    if (value.length > this.#valueBytesMax) return
    this.#values.set(key, new Uint8Array(value))
    this.#bytes += costOf(key, value)
    if (this.#bytes <= this.#bytesMax) return
    const left = this.#bytesMax * ROOM
    for (const oldest of this.#values.keys()) {
      if (this.#bytes <= left) return
      this.#drop(oldest)
    }
  }

  #drop(key: string): void {
    const value = this.#values.get(key)
    if (!value) return
    this.#values.delete(key)
    this.#bytes -= costOf(key, value)
  }
}

const costOf = (key: string, value: Uint8Array): number => ENTRY_BYTES + 2 * key.length + value.length

import { type Clock, makeRoom, type RecordKey } from '@thor-node/core'
import { recordKeyOf } from './acceptor-record.ts'
import { regLimits } from './reg-limits.ts'
import type { RegNews } from './reg-news.ts'
import { Held } from './reg-value.ts'

/** What is left of the bytes when they are too many: to look for the oldest takes long, so several go at once. */
const ROOM = 127 / 128

/** As characters, one per byte: smaller than an array of so few bytes, and nothing of what it came in, or was decoded to. */
interface Copy {
  text: string
  readAt: number
}

/**
 * Copies of registers for near reads: as a quorum gave them, dropped when a change is told of, at the latest after a minute.
 * What does not exist is not kept. The one unused for longest goes first.
 */
export class RegCopies {
  readonly #clock: Clock
  readonly #copies = new Map<string, Copy>()
  /** Reads under way, and whether a change was told of since they began. */
  readonly #reading = new Set<{ id: string; spoiled: boolean }>()
  #bytes = 0

  constructor(components: { clock: Clock; news: RegNews }) {
    this.#clock = components.clock
    components.news.onChange((key) => this.#drop(key))
  }

  get(key: RecordKey): Held | undefined {
    const id = recordKeyOf(key.range, key.name)
    const copy = this.#copies.get(id)
    if (!copy) return undefined
    this.#delete(id)
    if (this.#clock.now() - copy.readAt >= regLimits.copyMs) return undefined
    this.#put(id, copy)
    return new Held(bytesOf(copy.text))
  }

  /** Reads a register with `read`, and keeps what that calls `sure`, unless it changed meanwhile. */
  async fill(
    key: RecordKey,
    read: () => Promise<{ held: Held | undefined; sure: boolean }>,
  ): Promise<{ held: Held | undefined; sure: boolean }> {
    const id = recordKeyOf(key.range, key.name)
    const reading = { id, spoiled: false }
    // From before the reading on: it is as old as when it began.
    const readAt = this.#clock.now()
    this.#reading.add(reading)
    try {
      const found = await read()
      const { held, sure } = found
      if (sure && held && !reading.spoiled && !held.value.intent) {
        this.#delete(id)
        const { buffer, byteOffset, byteLength } = held.bytes
        this.#put(id, { text: Buffer.from(buffer, byteOffset, byteLength).toString('latin1'), readAt })
      }
      return found
    } finally {
      this.#reading.delete(reading)
    }
  }

  get size(): number {
    return this.#copies.size
  }

  #put(id: string, copy: Copy): void {
    makeRoom(this.#copies, regLimits.copiesMax, (oldest) => this.#delete(oldest))
    this.#copies.set(id, copy)
    this.#bytes += copy.text.length
    if (this.#bytes <= regLimits.copyBytesMax) return
    const left = regLimits.copyBytesMax * ROOM
    for (const oldest of this.#copies.keys()) {
      if (this.#bytes <= left) return
      this.#delete(oldest)
    }
  }

  #delete(id: string): void {
    this.#bytes -= this.#copies.get(id)?.text.length ?? 0
    this.#copies.delete(id)
  }

  #drop(key: RecordKey | undefined): void {
    const id = key && recordKeyOf(key.range, key.name)
    for (const reading of this.#reading) if (id === undefined || reading.id === id) reading.spoiled = true
    if (id === undefined) {
      this.#copies.clear()
      this.#bytes = 0
    } else this.#delete(id)
  }
}

/** In memory of their own: who keeps a piece of what is decoded from them keeps no pool. */
function bytesOf(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(text.length)
  bytes.write(text, 'latin1')
  return bytes
}

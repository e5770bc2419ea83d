import { type Clock, type Disk, type DiskOperation, errorCode, makeRoom, type RangeId } from '@thor-node/core'
import { Packr } from 'msgpackr'
import { diskKey, openValue, sealValue, splitDiskKey } from './encoding.ts'
import { softLimits } from './limits.ts'
import { fromWire, toWire, type WireEntry } from './soft-messages.ts'
import type { SoftTable } from './soft-table.ts'

const packr = new Packr({ useRecords: false, copyBuffers: true })

/**
 * Keeps the entries of this node on its disk, under `T<rrr><name>`, so that a restart of all nodes at once keeps them. Written
 * without fsync and late: what the disk lacks or has too old, the other nodes know better. An entry lies with what was left of
 * its life and the wall time of that, so time that passes while the node is down counts.
 */
export class SoftSnapshot {
  readonly #clock: Clock
  readonly #disk: Disk & { readonly isFull?: boolean }
  readonly #table: SoftTable
  /** Records that changed since they were written, by disk key. */
  readonly #changed = new Map<string, { range: RangeId; name: string }>()

  #saving: Promise<void> = Promise.resolve()

  readonly #waitingMax: number

  constructor(
    components: { clock: Clock; disk: Disk & { readonly isFull?: boolean }; table: SoftTable },
    init: { waitingMax?: number } = {},
  ) {
    this.#waitingMax = init.waitingMax ?? softLimits.snapshotWaitingMax
    this.#clock = components.clock
    this.#disk = components.disk
    this.#table = components.table
  }

  /** Records that wait to be written. */
  get waiting(): number {
    return this.#changed.size
  }

  changed(range: RangeId, name: string): void {
    const key = diskKey('T', range, name)
    if (!this.#changed.has(key)) makeRoom(this.#changed, this.#waitingMax)
    this.#changed.set(key, { range, name })
  }

  /** Merges what lies on the disk into the table; what has expired or is damaged is deleted with the next `save`. */
  async load(): Promise<void> {
    const wall = this.#clock.wall()
    for await (const [key, sealed] of this.#disk.entries({ from: 'T', to: 'U' })) {
      const { range, name } = splitDiskKey(key)
      const entries = readEntries(key, sealed, wall).flatMap((wire) => {
        const entry = fromWire(wire, this.#clock, softLimits.ttlMsMax)
        return entry && entry.expiresAt > this.#clock.now() ? [entry] : []
      })
      if (entries.length === 0) this.#changed.set(key, { range, name })
      try {
        for (const entry of entries) this.#table.merge(range, name, entry)
      } catch {
        // The table is full: the rest stays on the disk until it expires or there is room.
        return
      }
    }
  }

  /** Writes what changed, at most `snapshotBytesMax`; the rest the next time. */
  save(bytesMax: number = softLimits.snapshotBytesMax): Promise<void> {
    const run = this.#saving.then(() => this.#save(bytesMax))
    this.#saving = run.catch(() => undefined)
    return run
  }

  async #save(bytesMax: number): Promise<void> {
    if (this.#disk.isFull) return
    let written = 0
    while (this.#changed.size > 0 && written < bytesMax) {
      const taken: [string, { range: RangeId; name: string }][] = []
      const operations: DiskOperation[] = []
      let bytes = 0
      for (const [key, record] of this.#changed) {
        if (bytes >= softLimits.snapshotBatchBytes) break
        this.#changed.delete(key)
        taken.push([key, record])
        const operation = this.#operationOf(key, record)
        operations.push(operation)
        bytes += key.length + (operation.type === 'put' ? operation.value.length : 0)
      }
      written += bytes
      try {
        await this.#disk.batch(operations, { sync: false })
      } catch (error) {
        if (!['STORE_OVERLOADED', 'STORE_DISK_FULL'].includes(errorCode(error) ?? '')) throw error
        for (const [key, record] of taken) this.#changed.set(key, record)
        return
      }
    }
  }

  #operationOf(key: string, { range, name }: { range: RangeId; name: string }): DiskOperation {
    const entries = this.#table.get(range, name).map((entry) => toWire(entry, this.#clock))
    if (entries.length === 0) return { type: 'del', key }
    return { type: 'put', key, value: sealValue(key, packr.pack([this.#clock.wall(), entries])) }
  }
}

/** Entries with what is left of their lives now; nothing of a damaged record. */
function readEntries(key: string, sealed: Uint8Array, wall: number): WireEntry[] {
  const value = openValue(key, sealed)
  if (!value) return []
  const [at, entries] = packr.unpack(value) as [number, WireEntry[]]
  // A clock that was set back must not make entries live longer than they would have.
  const passed = Math.max(0, wall - at)
  return entries.map(([sub, seq, hlc, left, body, dead]) => [sub, seq, hlc, left - passed, body, dead])
}

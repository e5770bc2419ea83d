import { type Disk, type DiskOperation, type DiskRange, errorMessage, ThorError } from '@thor-node/core'
import { diskLimits } from './limits.ts'

export interface GroupCommitInit {
  /** A write failed: what is on the disk is unknown, the process must end. Called once. */
  onFatal: (error: unknown) => void
  waitingOperationsMax?: number
  waitingBytesMax?: number
}

interface Waiting {
  operations: readonly DiskOperation[]
  bytes: number
  sync: boolean
  resolve(): void
  reject(error: ThorError): void
}

/**
 * One writer in front of a disk: one batch is in flight, what callers ask meanwhile is gathered into the next one, in order.
 * A batch is synced when any of its callers wants it. Callers share batches, so each caller's operations are all there or not
 * at all. Errors: `STORE_OVERLOADED` (nothing written), `STORE_DISK_FAILED` (the process is about to end).
 */
export class GroupCommit implements Disk {
  readonly #disk: Disk
  readonly #init: Required<GroupCommitInit>
  #queue: Waiting[] = []
  #waitingOperations = 0
  #waitingBytes = 0
  #writing: Promise<void> | undefined
  #failure: ThorError | undefined
  #counts = { batches: 0, operations: 0, synced: 0 }

  constructor(components: { disk: Disk }, init: GroupCommitInit) {
    this.#disk = components.disk
    this.#init = {
      onFatal: init.onFatal,
      waitingOperationsMax: init.waitingOperationsMax ?? diskLimits.waitingOperationsMax,
      waitingBytesMax: init.waitingBytesMax ?? diskLimits.waitingBytesMax,
    }
  }

  async open(): Promise<void> {
    await this.#disk.open()
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#disk.get(key)
  }

  entries(range: DiskRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    return this.#disk.entries(range)
  }

  async batch(operations: readonly DiskOperation[], options: { sync: boolean }): Promise<void> {
    if (this.#failure) throw this.#failure
    if (operations.length === 0 && !options.sync) return
    let bytes = 0
    for (const one of operations) bytes += one.key.length + (one.type === 'put' ? one.value.length : 0)
    const crowded =
      this.#waitingOperations + operations.length > this.#init.waitingOperationsMax ||
      this.#waitingBytes + bytes > this.#init.waitingBytesMax
    if (crowded && this.#queue.length > 0) {
      throw new ThorError('STORE_OVERLOADED', `${this.#waitingOperations} writes wait for the disk already`)
    }
    const done = new Promise<void>((resolve, reject) => {
      this.#queue.push({ operations, bytes, sync: options.sync, resolve, reject })
    })
    this.#waitingOperations += operations.length
    this.#waitingBytes += bytes
    this.#writing ??= this.#write()
    await done
  }

  /** Waits for what was asked before. */
  async close(): Promise<void> {
    await this.#writing
    await this.#disk.close()
  }

  snapshot(): { waiting: number; batches: number; operations: number; synced: number } {
    return { waiting: this.#waitingOperations, ...this.#counts }
  }

  async #write(): Promise<void> {
    // Callers of this turn of the event loop come along.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const group = this.#take()
      const operations = group.length === 1 ? (group[0] as Waiting).operations : group.flatMap((one) => one.operations)
      const sync = group.some((one) => one.sync)
      try {
        await this.#disk.batch(operations, { sync })
      } catch (error) {
        this.#fail(error, group)
        break
      }
      this.#counts.batches++
      this.#counts.operations += operations.length
      if (sync) this.#counts.synced++
      for (const one of group) one.resolve()
    }
    this.#writing = undefined
  }

  #take(): Waiting[] {
    const group: Waiting[] = []
    let operations = 0
    let bytes = 0
    for (const one of this.#queue) {
      const full =
        operations + one.operations.length > diskLimits.batchOperationsMax ||
        bytes + one.bytes > diskLimits.batchBytesMax
      if (group.length > 0 && full) break
      group.push(one)
      operations += one.operations.length
      bytes += one.bytes
    }
    this.#queue = this.#queue.slice(group.length)
    this.#waitingOperations -= operations
    this.#waitingBytes -= bytes
    return group
  }

  #fail(error: unknown, group: readonly Waiting[]): void {
    const message = `a write failed, this node must end: ${errorMessage(error)}`
    const failure = new ThorError('STORE_DISK_FAILED', message, { cause: error })
    this.#failure = failure
    const all = [...group, ...this.#queue]
    this.#queue = []
    this.#waitingOperations = 0
    this.#waitingBytes = 0
    for (const one of all) one.reject(failure)
    this.#init.onFatal(failure)
  }
}

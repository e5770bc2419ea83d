import { type Disk, type DiskOperation, type DiskRange, errorCode, errorMessage, ThorError } from '@thor-node/core'
import { diskLimits } from './limits.ts'

/** Puts records of its own into synced batches. */
export interface Stamp {
  operationsFor(operations: readonly DiskOperation[]): readonly DiskOperation[]
  /** The batch with the last ones is durable. */
  written(): void
}

/** Told of what the disk does, to judge how well it is. */
export interface DiskWatcher {
  /** Returns what is to be called when the sync has ended. */
  syncBegins(): () => void
  /** The same for one read. */
  readBegins(): () => void
  /** True when there were so many that the disk is not to be trusted any more. */
  readFailed(): boolean
  /** A write was refused for want of space. */
  full(): void
}

export interface GroupCommitInit {
  /** A write or sync failed, or too many reads: the process must end. Called once. */
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
 * at all. Errors: `STORE_OVERLOADED`, `STORE_DISK_FULL` and `STORE_DISK_CLOSED` (nothing written), `STORE_DISK_FAILED` (the
 * process is about to end).
 */
export class GroupCommit implements Disk {
  readonly #disk: Disk
  readonly #init: Required<GroupCommitInit>
  #queue: Waiting[] = []
  #waitingOperations = 0
  #waitingBytes = 0
  #writing: Promise<void> | undefined
  #failure: ThorError | undefined
  #closed = false
  #stamp: Stamp | undefined
  #watcher: DiskWatcher | undefined
  /** Little space is left: whoever can refuse new records refuses them (`checkRoom`). */
  isFull = false
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
    this.#closed = false
  }

  /** From now on every synced batch carries it. */
  stampWith(stamp: Stamp): void {
    this.#stamp = stamp
  }

  watchWith(watcher: DiskWatcher): void {
    this.#watcher = watcher
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const ended = this.#watcher?.readBegins()
    try {
      return await this.#disk.get(key)
    } catch (error) {
      throw this.#readFailed(error)
    } finally {
      ended?.()
    }
  }

  async *entries(range: DiskRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    try {
      yield* this.#disk.entries(range)
    } catch (error) {
      throw this.#readFailed(error)
    }
  }

  async batch(operations: readonly DiskOperation[], options: { sync: boolean }): Promise<void> {
    if (this.#failure) throw this.#failure
    if (this.#closed) throw closed()
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

  /** Waits for what was asked before. Who comes later is refused, and that is no fault of the disk. */
  async close(): Promise<void> {
    this.#closed = true
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
      const stamp = (sync && this.#stamp?.operationsFor(operations)) || []
      const ended = sync ? this.#watcher?.syncBegins() : undefined
      try {
        await this.#disk.batch(stamp.length > 0 ? [...operations, ...stamp] : operations, { sync })
      } catch (error) {
        ended?.()
        if (errorCode(error) === 'STORE_DISK_FULL') {
          this.#watcher?.full()
          for (const one of group) one.reject(error as ThorError)
          continue
        }
        this.#fail(`a write failed, this node must end: ${errorMessage(error)}`, error, group)
        break
      }
      ended?.()
      this.#counts.batches++
      this.#counts.operations += operations.length
      if (sync) this.#counts.synced++
      if (stamp.length > 0) this.#stamp?.written()
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

  /** What the reader is told. */
  #readFailed(error: unknown): unknown {
    if (errorCode(error) !== 'STORE_DISK_FAILED') return error
    if (this.#closed) return closed()
    if (this.#watcher?.readFailed()) {
      this.#fail(`too many reads failed, this node must end: ${errorMessage(error)}`, error, [])
    }
    return error
  }

  #fail(message: string, cause: unknown, group: readonly Waiting[]): void {
    if (this.#failure) return
    const failure = new ThorError('STORE_DISK_FAILED', message, { cause })
    this.#failure = failure
    const all = [...group, ...this.#queue]
    this.#queue = []
    this.#waitingOperations = 0
    this.#waitingBytes = 0
    for (const one of all) one.reject(failure)
    this.#init.onFatal(failure)
  }
}

const closed = (): ThorError => new ThorError('STORE_DISK_CLOSED', 'the disk is not open')

/** Throws `STORE_DISK_FULL` where little space is left: before anything new is written, and for every vote. */
export function checkRoom(disk: Disk & { readonly isFull?: boolean }): void {
  if (disk.isFull) throw new ThorError('STORE_DISK_FULL', 'the disk of this node is nearly full: it writes nothing new')
}

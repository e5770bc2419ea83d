import type { Clock } from '../clock.ts'
import type { Disk, DiskOperation, DiskRange, DiskSpace } from '../disk.ts'
import { ThorError } from '../errors.ts'
import type { Random } from '../random.ts'
import { SortedMap } from '../sorted-map.ts'

export interface SimDiskInit {
  /** Any read or write, uniform. @default { min: 0.02, max: 0.2 } */
  latencyMs?: { min: number; max: number }
  /** A sync on top of it, uniform. @default { min: 0.5, max: 4 } */
  syncMs?: { min: number; max: number }
  /** After this, the kernel has written what nobody synced. @default 5000 */
  writebackMs?: number
  /** A disk that says that it has synced and has not: for tests of tests. @default false */
  ignoresSync?: boolean
  /** What `space` tells; the free part is changed by `freeBytes` and `full`. @default 100 GB */
  totalBytes?: number
}

interface Batch {
  operations: readonly DiskOperation[]
  at: number
  safe: boolean
}

/** What a crash leaves of a key, and how many batches of the log touch it. */
interface Before {
  value: Uint8Array | undefined
  batches: number
}

/** A copy of everything that was on a disk at one moment. */
export type DiskImage = ReadonlyMap<string, Uint8Array>

/**
 * A disk that survives the process using it. Each start mounts it anew; `crash` ends the mount and decides the fate of what
 * was not synced: each such batch is there or not, by chance and independently of its order (a batch itself is never torn:
 * the log under a real one carries checksums, so a torn batch is a lost one). What was synced stays.
 */
export class SimDisk {
  readonly #clock: Clock
  readonly #random: Random
  readonly #init: Required<SimDiskInit>
  readonly #current = new SortedMap<Uint8Array>()
  /** Written since, in order, and not certain to survive; `#before` is how it was without. A crash costs what is in here. */
  #log: Batch[] = []
  readonly #before = new Map<string, Before>()
  #mount: object | undefined
  #failing = { write: 0, read: 0 }
  #stalledUntil = 0
  #slow = { min: 0, max: 0 }
  /** What `space` tells; from 0 down every write is refused with `STORE_DISK_FULL`, nothing written. */
  freeBytes: number
  /** Batches that callers asked to be synced. */
  syncs = 0

  constructor(components: { clock: Clock; random: Random }, init: SimDiskInit = {}) {
    this.#clock = components.clock
    this.#random = components.random
    this.#init = {
      latencyMs: init.latencyMs ?? { min: 0.02, max: 0.2 },
      syncMs: init.syncMs ?? { min: 0.5, max: 4 },
      writebackMs: init.writebackMs ?? 5_000,
      ignoresSync: init.ignoresSync ?? false,
      totalBytes: init.totalBytes ?? 100e9,
    }
    this.freeBytes = this.#init.totalBytes / 2
  }

  /** The disk as one process sees it; a mount before it is dead. */
  mount(clock: Clock = this.#clock): Disk {
    const token = {}
    this.#mount = token
    let open = false
    /** Never resolves for a process that is gone. */
    const wait = (ms: number): Promise<void> =>
      new Promise((resolve) => {
        const until = Math.max(this.#stalledUntil, this.#clock.now() + ms)
        clock.after(until - this.#clock.now(), () => {
          if (this.#mount === token) resolve()
        })
      })
    const check = (): void => {
      if (!open) throw new ThorError('STORE_DISK_CLOSED', 'the disk is not open')
    }
    return {
      open: async () => {
        await wait(this.#draw(this.#init.latencyMs))
        // LevelDB writes what it finds in its log to a table and syncs that, before it answers: otherwise a process that was
        // killed in a write would tell after its restart what a power cut still takes away.
        for (const batch of this.#log) batch.safe = !this.#init.ignoresSync
        this.#fold()
        open = true
      },
      get: async (key) => {
        check()
        await wait(this.#draw(this.#init.latencyMs))
        this.#maybeFail('read')
        const value = this.#current.get(key)
        return value && copyOf(value)
      },
      batch: async (operations, { sync }) => {
        check()
        const copy = operations.map((one) => (one.type === 'put' ? { ...one, value: copyOf(one.value) } : { ...one }))
        await wait(this.#draw(this.#init.latencyMs))
        this.#maybeFail('write')
        if (this.freeBytes <= 0 && copy.length > 0) throw new ThorError('STORE_DISK_FULL', 'simulated: no space left')
        const batch: Batch = { operations: copy, at: this.#clock.now(), safe: false }
        this.#write(batch)
        if (sync) {
          await wait(this.#draw(this.#init.syncMs) + this.#draw(this.#slow))
          this.#maybeFail('write')
          batch.safe = !this.#init.ignoresSync
          this.syncs++
        }
        this.#fold()
      },
      entries: (range) => this.#entries(range, check, wait),
      close: async () => {
        if (!open) return
        await wait(this.#draw(this.#init.latencyMs))
        open = false
      },
    }
  }

  /** The process or the machine ends here. Trouble made by the methods below ends, but for a full disk. */
  crash(): void {
    this.#mount = undefined
    const survivors = this.#survivors()
    for (const [key, { value }] of this.#before) this.#put(key, value)
    for (const batch of survivors) for (const one of batch.operations) this.#put(one.key, bytesOf(one))
    this.#forgetLog()
    this.#failing = { write: 0, read: 0 }
    this.#stalledUntil = 0
    this.#slow = { min: 0, max: 0 }
  }

  /** The disk is replaced by an empty one. */
  lose(): void {
    this.crash()
    this.#current.clear()
  }

  /**
   * A copy of the disk while its process runs, as a snapshot of a virtual machine takes it: of what is not synced, each batch
   * is in it or not.
   */
  image(): DiskImage {
    const image = new Map(this.#current.range('', '\u{10ffff}'))
    const set = (key: string, value: Uint8Array | undefined): unknown =>
      value ? image.set(key, value) : image.delete(key)
    for (const [key, { value }] of this.#before) set(key, value)
    for (const batch of this.#survivors()) for (const one of batch.operations) set(one.key, bytesOf(one))
    return image
  }

  /** The process ends, and the disk is as it was in the image. */
  restore(image: DiskImage): void {
    this.lose()
    for (const [key, value] of image) this.#current.set(key, value)
  }

  /** The next `count` writes (or reads) fail with `EIO`. */
  failNext(what: 'write' | 'read', count = 1): void {
    this.#failing[what] += count
  }

  /** Nothing is answered for so long. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#clock.now() + ms)
  }

  /** Every sync takes so much longer, uniform, until it is told otherwise; 0 ends it. */
  slow(minMs: number, maxMs: number = minMs): void {
    this.#slow = { min: minMs, max: maxMs }
  }

  /** No space is left, or half of the disk again. For a disk that is nearly full set `freeBytes`. */
  full(isFull: boolean): void {
    this.freeBytes = isFull ? 0 : this.#init.totalBytes / 2
  }

  /** What is free, for the node on this disk. */
  async space(): Promise<DiskSpace> {
    return { freeBytes: this.freeBytes, totalBytes: this.#init.totalBytes }
  }

  /** Flips one bit of a stored value; false when there is none. */
  corrupt(key: string): boolean {
    const value = this.#current.get(key)
    if (!value || value.length === 0) return false
    const bad = copyOf(value)
    const at = this.#random.int(bad.length)
    bad[at] = (bad[at] as number) ^ (1 << this.#random.int(8))
    this.#write({ operations: [{ type: 'put', key, value: bad }], at: this.#clock.now(), safe: true })
    this.#fold()
    return true
  }

  /** Flips one bit in each of `count` different values under this prefix, chosen by chance; returns their keys. */
  corruptSome(prefix: string, count = 1): string[] {
    const keys = this.peek(prefix).map(([key]) => key)
    const chosen: string[] = []
    while (chosen.length < count && keys.length > 0) {
      const [key] = keys.splice(this.#random.int(keys.length), 1) as [string]
      if (this.corrupt(key)) chosen.push(key)
    }
    return chosen
  }

  /** What is stored now under keys with this prefix, without delay: for checkers. */
  peek(prefix: string): [key: string, value: Uint8Array][] {
    return this.#current.withPrefix(prefix)
  }

  async *#entries(
    range: DiskRange,
    check: () => void,
    wait: (ms: number) => Promise<void>,
  ): AsyncIterable<readonly [string, Uint8Array]> {
    check()
    await wait(this.#draw(this.#init.latencyMs))
    this.#maybeFail('read')
    for (const [key, value] of this.#current.range(range.from, range.to)) yield [key, copyOf(value)] as const
  }

  #write(batch: Batch): void {
    for (const one of batch.operations) {
      const before = this.#before.get(one.key)
      if (before) before.batches++
      else this.#before.set(one.key, { value: this.#current.get(one.key), batches: 1 })
      this.#put(one.key, bytesOf(one))
    }
    this.#log.push(batch)
  }

  #put(key: string, value: Uint8Array | undefined): void {
    if (value) this.#current.set(key, value)
    else this.#current.delete(key)
  }

  /** What of the log would outlive a crash now. */
  #survivors(): Batch[] {
    return this.#log.filter((batch) => batch.safe || this.#isWritten(batch) || this.#random.float() < 0.5)
  }

  #isWritten(batch: Batch): boolean {
    return this.#clock.now() - batch.at > this.#init.writebackMs
  }

  /** Batches at the head of the log that are safe need not be remembered. */
  #fold(): void {
    let safe = 0
    for (const batch of this.#log) {
      if (!batch.safe && !this.#isWritten(batch)) break
      safe++
      for (const one of batch.operations) {
        const before = this.#before.get(one.key) as Before
        if (--before.batches === 0) this.#before.delete(one.key)
        else before.value = bytesOf(one)
      }
    }
    if (safe > 0) this.#log = this.#log.slice(safe)
  }

  #forgetLog(): void {
    this.#log = []
    this.#before.clear()
  }

  #maybeFail(what: 'write' | 'read'): void {
    if (this.#failing[what] === 0) return
    this.#failing[what]--
    throw new ThorError('STORE_DISK_FAILED', `simulated ${what} error`, { cause: { code: 'EIO' } })
  }

  #draw({ min, max }: { min: number; max: number }): number {
    return min === max ? min : min + this.#random.float() * (max - min)
  }
}

const bytesOf = (one: DiskOperation): Uint8Array | undefined => (one.type === 'put' ? one.value : undefined)

/** `slice` of a Buffer is no copy: flipped bits would show in the memory of whoever wrote it. */
const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes)

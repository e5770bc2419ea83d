import type { Clock } from '../clock.ts'
import type { Disk, DiskOperation, DiskRange } from '../disk.ts'
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
}

interface Batch {
  operations: readonly DiskOperation[]
  at: number
  safe: boolean
}

/**
 * A disk that survives the process using it. Each start mounts it anew; `crash` ends the mount and decides the fate of what
 * was not synced: each such batch is there or not, by chance and independently of its order (a batch itself is never torn:
 * the log under a real one carries checksums). What was synced stays.
 */
export class SimDisk {
  readonly #clock: Clock
  readonly #random: Random
  readonly #init: Required<SimDiskInit>
  /** What a crash cannot take. */
  readonly #base = new SortedMap<Uint8Array>()
  /** Written since, in order. */
  #log: Batch[] = []
  #current = new SortedMap<Uint8Array>()
  #mount: object | undefined
  #failing = { write: 0, read: 0 }
  #stalledUntil = 0
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
    }
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
        open = true
      },
      get: async (key) => {
        check()
        await wait(this.#draw(this.#init.latencyMs))
        this.#maybeFail('read')
        return this.#current.get(key)?.slice()
      },
      batch: async (operations, { sync }) => {
        check()
        const copy = operations.map((one) => (one.type === 'put' ? { ...one, value: one.value.slice() } : { ...one }))
        await wait(this.#draw(this.#init.latencyMs))
        this.#maybeFail('write')
        const batch: Batch = { operations: copy, at: this.#clock.now(), safe: false }
        apply(this.#current, copy)
        this.#log.push(batch)
        if (sync) {
          await wait(this.#draw(this.#init.syncMs))
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

  /** The process or the machine ends here. */
  crash(): void {
    this.#mount = undefined
    for (const batch of this.#log) {
      if (batch.safe || this.#isWritten(batch) || this.#random.float() < 0.5) apply(this.#base, batch.operations)
    }
    this.#log = []
    this.#current = new SortedMap()
    for (const [key, value] of this.#base.range('', '\u{10ffff}')) this.#current.set(key, value)
    this.#failing = { write: 0, read: 0 }
    this.#stalledUntil = 0
  }

  /** The disk is replaced by an empty one. */
  lose(): void {
    this.crash()
    this.#base.clear()
    this.#current.clear()
  }

  /** The next `count` writes (or reads) fail with `EIO`. */
  failNext(what: 'write' | 'read', count = 1): void {
    this.#failing[what] += count
  }

  /** Nothing is answered for so long. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#clock.now() + ms)
  }

  /** Flips one bit of a stored value; false when there is none. */
  corrupt(key: string): boolean {
    const value = this.#current.get(key)
    if (!value || value.length === 0) return false
    const bad = value.slice()
    const at = this.#random.int(bad.length)
    bad[at] = (bad[at] as number) ^ (1 << this.#random.int(8))
    const operations: DiskOperation[] = [{ type: 'put', key, value: bad }]
    apply(this.#current, operations)
    this.#log.push({ operations, at: this.#clock.now(), safe: true })
    return true
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
    for (const [key, value] of this.#current.range(range.from, range.to)) yield [key, value.slice()] as const
  }

  #isWritten(batch: Batch): boolean {
    return this.#clock.now() - batch.at > this.#init.writebackMs
  }

  /** Batches at the head of the log that are safe move into the base. */
  #fold(): void {
    while (this.#log[0] && (this.#log[0].safe || this.#isWritten(this.#log[0]))) {
      apply(this.#base, (this.#log.shift() as Batch).operations)
    }
  }

  #maybeFail(what: 'write' | 'read'): void {
    if (this.#failing[what] === 0) return
    this.#failing[what]--
    throw new ThorError('STORE_DISK_FAILED', `simulated ${what} error`, { cause: { code: 'EIO' } })
  }

  #draw({ min, max }: { min: number; max: number }): number {
    return min + this.#random.float() * (max - min)
  }
}

function apply(map: SortedMap<Uint8Array>, operations: readonly DiskOperation[]): void {
  for (const one of operations) {
    if (one.type === 'put') map.set(one.key, one.value)
    else map.delete(one.key)
  }
}

import { type Disk, type DiskOperation, type DiskRange, errorCode, errorMessage, ThorError } from '@thor-node/core'
import { Level } from 'level'

export interface LevelDiskInit {
  /** The folder of the database; it is made when missing. */
  directory: string
  /** Bytes of blocks kept in memory. @default 32 MiB */
  cacheBytes?: number
  /** Bytes gathered in memory before a file is written. @default 16 MiB */
  writeBufferBytes?: number
}

/** The real disk: one LevelDB. Reads do not verify LevelDB's own checksums, so values carry theirs (`sealed.ts`). */
export class LevelDisk implements Disk {
  readonly #init: Required<LevelDiskInit>
  #db: Level<string, Uint8Array> | undefined
  /** LevelDB runs batches on several threads; they go there one after the other, so that they keep their order. */
  #writing: Promise<void> = Promise.resolve()

  constructor(init: LevelDiskInit) {
    this.#init = {
      directory: init.directory,
      cacheBytes: init.cacheBytes ?? 32 * 1024 * 1024,
      writeBufferBytes: init.writeBufferBytes ?? 16 * 1024 * 1024,
    }
  }

  async open(): Promise<void> {
    if (this.#db) return
    const db = new Level<string, Uint8Array>(this.#init.directory, { keyEncoding: 'utf8', valueEncoding: 'view' })
    try {
      await db.open({ cacheSize: this.#init.cacheBytes, writeBufferSize: this.#init.writeBufferBytes })
    } catch (cause) {
      const reason = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause
      if (errorCode(reason) === 'LEVEL_LOCKED') {
        const message = `${this.#init.directory} is in use: another node runs on this data directory, stop it first`
        throw new ThorError('STORE_DISK_LOCKED', message, { cause })
      }
      const message = `${this.#init.directory} cannot be opened: ${errorMessage(reason)}`
      throw new ThorError('STORE_DISK_FAILED', message, { cause })
    }
    this.#db = db
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const db = this.#opened()
    return failing('read', () => db.get(key))
  }

  async batch(operations: readonly DiskOperation[], options: { sync: boolean }): Promise<void> {
    const db = this.#opened()
    const write = this.#writing.then(() =>
      failing('write', () => db.batch(operations as DiskOperation[], { sync: options.sync } as object)),
    )
    this.#writing = write.catch(() => undefined)
    await write
  }

  async *entries(range: DiskRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    const iterator = this.#opened().iterator({ gte: range.from, lt: range.to })
    try {
      // Few at first: who skips from range to range looks at one or two entries only.
      for (let size = 4; ; size = Math.min(size * 4, 256)) {
        const some = await failing('read', () => iterator.nextv(size))
        if (some.length === 0) return
        yield* some
      }
    } finally {
      await iterator.close()
    }
  }

  async close(): Promise<void> {
    const db = this.#db
    this.#db = undefined
    await this.#writing
    await db?.close()
  }

  #opened(): Level<string, Uint8Array> {
    if (!this.#db) throw new ThorError('STORE_DISK_CLOSED', 'the disk is not open')
    return this.#db
  }
}

async function failing<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    throw new ThorError('STORE_DISK_FAILED', `${what} failed: ${errorMessage(cause)}`, { cause })
  }
}

import {
  type Disk,
  type DiskOperation,
  type DiskRange,
  type DiskSpace,
  errorCode,
  errorMessage,
  ThorError,
} from '@thor-node/core'
import { Level } from 'level'
import { diskLimits } from './limits.ts'
import { Reserve, spaceAt } from './reserve.ts'

export interface LevelDiskInit {
  /** The folder of the database; it is made when missing. */
  directory: string
  /** Bytes of blocks kept in memory. @default 32 MiB */
  cacheBytes?: number
  /** Bytes gathered in memory before a file is written. @default 16 MiB */
  writeBufferBytes?: number
}

/**
 * The real disk: one LevelDB. Reads do not verify LevelDB's own checksums, so values carry theirs (`encoding.ts`).
 *
 * A write that finds no space leaves a part of a record in LevelDB's log, behind which nothing could be read again. So the
 * database is closed and opened anew, which ends the log there (`Reserve` makes the room for it). The write that failed was not
 * acknowledged: `STORE_DISK_FULL`. Then nothing is written until there is space. If it does not open, the disk has failed.
 */
export class LevelDisk implements Disk {
  readonly #init: Required<LevelDiskInit>
  #db: Level<string, Uint8Array> | undefined
  /** LevelDB runs batches on several threads; they go there one after the other, so that they keep their order. */
  #writing: Promise<void> = Promise.resolve()
  readonly #reserve: Reserve
  /** It ran out of space. */
  #full = false
  #reopening: Promise<void> | undefined

  constructor(init: LevelDiskInit) {
    this.#reserve = new Reserve({ path: `${init.directory}.reserve`, bytes: diskLimits.reserveBytes })
    this.#init = {
      directory: init.directory,
      cacheBytes: init.cacheBytes ?? 32 * 1024 * 1024,
      writeBufferBytes: init.writeBufferBytes ?? 16 * 1024 * 1024,
    }
  }

  /** What is free; keeps some aside when that is little. */
  async space(): Promise<DiskSpace> {
    const space = await spaceAt(this.#init.directory)
    if (!this.#full) await this.#reserve.keep(space).catch(() => undefined)
    return space
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
    await this.#reopening
    const db = this.#opened()
    return failing('read', () => db.get(key))
  }

  async batch(operations: readonly DiskOperation[], options: { sync: boolean }): Promise<void> {
    this.#opened()
    const write = this.#writing.then(() => this.#write(operations, options.sync))
    this.#writing = write.catch(() => undefined)
    await write
  }

  async *entries(range: DiskRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    await this.#reopening
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

  async #write(operations: readonly DiskOperation[], sync: boolean): Promise<void> {
    if (this.#full) await this.#checkSpace()
    try {
      await this.#opened().batch(operations as DiskOperation[], { sync } as object)
    } catch (cause) {
      if (!isNoSpace(cause)) throw new ThorError('STORE_DISK_FAILED', `write failed: ${errorMessage(cause)}`, { cause })
      this.#full = true
      this.#reopening = this.#reopen().finally(() => {
        this.#reopening = undefined
      })
      await this.#reopening
      throw noSpace(cause)
    }
  }

  async #checkSpace(): Promise<void> {
    const { freeBytes } = await spaceAt(this.#init.directory).catch(() => ({ freeBytes: 0 }))
    if (freeBytes < diskLimits.fullBytes) throw noSpace()
    this.#full = false
  }

  async #reopen(): Promise<void> {
    try {
      await this.#db?.close()
      this.#db = undefined
      await this.#reserve.spend()
      await this.open()
    } catch (cause) {
      throw new ThorError('STORE_DISK_FAILED', `the disk is full, and ${errorMessage(cause)}`, { cause })
    }
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

const isNoSpace = (error: unknown): boolean => /No space left on device|Disk quota exceeded/.test(errorMessage(error))

function noSpace(cause?: unknown): ThorError {
  return new ThorError('STORE_DISK_FULL', 'no space is left on the disk: nothing is written until there is', { cause })
}

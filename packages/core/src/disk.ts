/**
 * An ordered key–value store on a disk. Keys compare by UTF-8 bytes. The real one is `level` (overlay/src/store/level-disk.ts),
 * the simulated one drops, tears and reorders what was not synced (`core/testing`).
 */
export type DiskOperation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string }

export interface DiskRange {
  /** First key, inclusive. */
  from: string
  /** Last key, exclusive. */
  to: string
}

/** What is left of the file system under a disk. */
export interface DiskSpace {
  freeBytes: number
  totalBytes: number
}

export interface Disk {
  open(): Promise<void>
  get(key: string): Promise<Uint8Array | undefined>
  /**
   * All or nothing. With `sync` the batch survives a power cut once the promise resolves. `STORE_DISK_FULL` says that
   * there was no space: this batch may be there or not, all before it is, and the disk can be used. Any other rejection must
   * end the process: the outcome of the write is unknown for ever (never retry an fsync).
   */
  batch(operations: readonly DiskOperation[], options: { sync: boolean }): Promise<void>
  entries(range: DiskRange): AsyncIterable<readonly [key: string, value: Uint8Array]>
  close(): Promise<void>
}

import { open, rm, stat, statfs } from 'node:fs/promises'
import type { DiskSpace } from '@thor-node/core'
import { diskLimits } from './limits.ts'

/** Free space for whoever is not root, of the file system that has this path. */
export async function spaceAt(path: string): Promise<DiskSpace> {
  const { bavail, blocks, bsize } = await statfs(path)
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize }
}

/**
 * A file that is there to be deleted: a database that ran out of space in the middle of a write can be closed and opened again
 * only when there is some. It is made when the disk becomes low, not before.
 */
export class Reserve {
  readonly #path: string
  readonly #bytes: number
  #making = false
  #made = false

  constructor(init: { path: string; bytes: number }) {
    this.#path = init.path
    this.#bytes = init.bytes
  }

  /** To be told of the space now and then. Throws what the file system throws. */
  async keep({ freeBytes, totalBytes }: DiskSpace): Promise<void> {
    const isLow = freeBytes < Math.max(diskLimits.lowBytes, diskLimits.lowShare * totalBytes)
    if (this.#made || this.#making || !isLow || freeBytes < this.#bytes * 2) return
    this.#making = true
    try {
      if ((await this.#size()) < this.#bytes) await this.#write()
      this.#made = true
    } finally {
      this.#making = false
    }
  }

  async spend(): Promise<void> {
    this.#made = false
    await rm(this.#path, { force: true })
  }

  async #size(): Promise<number> {
    return stat(this.#path).then(
      ({ size }) => size,
      () => 0,
    )
  }

  /** With bytes that no file system can leave out: no zeros, and hard to compress. */
  async #write(): Promise<void> {
    const words = new Uint32Array(256 * 1024)
    let word = 0x9e3779b9
    const file = await open(this.#path, 'w', 0o600)
    try {
      for (let written = 0; written < this.#bytes; written += words.byteLength) {
        for (let i = 0; i < words.length; i++) {
          word ^= word << 13
          word ^= word >>> 17
          word ^= word << 5
          words[i] = word
        }
        await file.write(new Uint8Array(words.buffer))
      }
      await file.sync()
    } finally {
      await file.close()
    }
  }
}

import { type Disk, type DiskOperation, type DiskRange, SortedMap, ThorError } from '@thor-node/core'

/** A disk that forgets everything with the process: for tests and for nodes that keep nothing. */
export class MemoryDisk implements Disk {
  readonly #values = new SortedMap<Uint8Array>()
  #open = false

  async open(): Promise<void> {
    this.#open = true
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#check()
    return this.#values.get(key)?.slice()
  }

  async batch(operations: readonly DiskOperation[]): Promise<void> {
    this.#check()
    for (const one of operations) {
      if (one.type === 'put') this.#values.set(one.key, one.value.slice())
      else this.#values.delete(one.key)
    }
  }

  async *entries(range: DiskRange): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    this.#check()
    for (const [key, value] of this.#values.range(range.from, range.to)) yield [key, value.slice()] as const
  }

  async close(): Promise<void> {
    this.#open = false
  }

  #check(): void {
    if (!this.#open) throw new ThorError('STORE_DISK_CLOSED', 'the disk is not open')
  }
}

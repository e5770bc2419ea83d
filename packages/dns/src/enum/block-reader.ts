/** Reads what `packBlock` wrote (block.ts), as octets or as text. Throws RangeError behind the end. */
export class BlockReader {
  readonly #bytes: Buffer
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  get more(): boolean {
    return this.at < this.#bytes.length
  }

  uint(size: number): number {
    const value = this.#bytes.readUIntBE(this.at, size)
    this.at += size
    return value
  }

  /** Where a text begins; it ends at `at`. */
  text(): number {
    const length = this.#bytes.readUInt16BE(this.at)
    const from = this.at + 2
    this.at = from + length
    if (this.at > this.#bytes.length) throw new RangeError('a text that is cut')
    return from
  }

  string(): string {
    return this.utf8(this.text())
  }

  latin1(from: number): string {
    return this.#bytes.toString('latin1', from, this.at)
  }

  utf8(from: number): string {
    return this.#bytes.toString('utf8', from, this.at)
  }

  octet(at: number): number {
    return this.#bytes[at] as number
  }

  copy(target: Buffer, targetAt: number, from: number, to: number): void {
    this.#bytes.copy(target, targetAt, from, to)
  }
}

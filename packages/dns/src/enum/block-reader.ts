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
    const end = this.at + size
    if (end > this.#bytes.length) throw new RangeError('a number that is cut')
    let value = 0
    while (this.at < end) value = value * 256 + (this.#bytes[this.at++] as number)
    return value
  }

  skip(octets: number): void {
    this.at += octets
    if (this.at > this.#bytes.length) throw new RangeError('a number that is cut')
  }

  /** Where a text begins; it ends at `at`. */
  text(): number {
    const length = this.uint(2)
    const from = this.at
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

  /** Few octets each time: faster than a call out of JavaScript. */
  copy(target: Buffer, targetAt: number, from: number, to: number): void {
    for (let at = from; at < to; at++) target[targetAt + at - from] = this.#bytes[at] as number
  }

  /** Does the text from there up to `at` have just these octets? */
  is(from: number, octets: Uint8Array): boolean {
    if (this.at - from !== octets.length) return false
    for (let at = from; at < this.at; at++) if (this.#bytes[at] !== octets[at - from]) return false
    return true
  }
}

import type { Writer } from 'dns2'

/**
 * Takes the place of dns2's Writer, which keeps a number per bit and copies the whole message after each record. Same calls,
 * but whole octets alone: the header, the one part with single bits, is written by `message.ts`.
 */
export class OctetWriter {
  #bytes = Buffer.alloc(512)
  #length = 0
  /** Offsets of the names so far, for compression (RFC 1035 §4.1.4): dns2's encoders look here. */
  readonly names = new Map<string, number>()

  get length(): number {
    return this.#length
  }

  /** This, as what dns2's encoders take. */
  get forDns2(): Writer {
    return this as unknown as Writer
  }

  write(value: number, bits: number): void {
    this.#room(bits / 8)
    this.#length = this.#bytes.writeUIntBE(value >>> 0, this.#length, bits / 8)
  }

  append(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  patch(bitOffset: number, value: number, bits: number): void {
    this.#bytes.writeUIntBE(value, bitOffset / 8, bits / 8)
  }

  /** Forgets what was written after `length`; names that begin there must not be used any more. */
  cut(length: number): void {
    this.#length = length
  }

  bitLength(): number {
    return this.#length * 8
  }

  byteLength(): number {
    return this.#length
  }

  /** The octets so far: a view, not a copy. */
  toBuffer(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const bigger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length + more))
    bigger.set(this.#bytes)
    this.#bytes = bigger
  }
}

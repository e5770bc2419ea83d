/** How record bodies become bytes, and how bytes lie on the disk. */
import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { type RangeId, ThorError } from '@thor-node/core'
import { Packr } from 'msgpackr'

/** Plain maps, so that equal bodies are equal bytes wherever they are packed. */
const packr = new Packr({ useRecords: false, copyBuffers: true })

/** Throws `STORE_TOO_LARGE`. */
export function packBody(body: unknown, bytesMax: number): Uint8Array {
  const bytes = Uint8Array.from(packr.pack(body))
  if (bytes.length > bytesMax) {
    throw new ThorError('STORE_TOO_LARGE', `a record of ${bytes.length} bytes, ${bytesMax} allowed`)
  }
  return bytes
}

export function unpackBody<B>(bytes: Uint8Array): B {
  return packr.unpack(bytes) as B
}

/** Throws `STORE_TOO_LARGE`. */
export function checkName(name: string, bytesMax: number): void {
  if (Buffer.byteLength(name) > bytesMax) {
    throw new ThorError('STORE_TOO_LARGE', `a name of more than ${bytesMax} bytes: ${name.slice(0, 60)}…`)
  }
}

export function hash8(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex').slice(0, 8)
}

/** `letter`, then the range as three hex digits, then the name: a range lies together, sorted by name. */
export function diskKey(letter: string, range: RangeId, name = ''): string {
  return `${letter}${range.toString(16).padStart(3, '0')}${name}`
}

export function splitDiskKey(key: string): { range: RangeId; name: string } {
  return { range: Number.parseInt(key.slice(1, 4), 16), name: key.slice(4) }
}

/** Prepends a checksum over key and value: bytes of another key, or with a flipped bit, are not taken for good. */
export function sealValue(key: string, value: Uint8Array): Uint8Array {
  const out = Buffer.allocUnsafe(value.length + 4)
  out.writeUInt32BE(crc32(value, crc32(key)), 0)
  out.set(value, 4)
  return out
}

/** The value, or undefined when the checksum does not fit. */
export function openValue(key: string, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < 4) return undefined
  const value = sealed.subarray(4)
  const sum = new DataView(sealed.buffer, sealed.byteOffset, 4).getUint32(0)
  return sum === crc32(value, crc32(key)) ? value : undefined
}

/** An order-free digest: the sum of the hashes of all items, so items come and go at the price of one hash. */
export class DigestSum {
  readonly #words = new Uint32Array(4)

  add(item: string): void {
    this.#apply(item, 1)
  }

  remove(item: string): void {
    this.#apply(item, -1)
  }

  toString(): string {
    return Buffer.from(this.#words.buffer).toString('hex')
  }

  #apply(item: string, sign: 1 | -1): void {
    // One character per byte: a buffer costs more than the hash.
    const text = hash('sha256', item, 'binary')
    for (let i = 0; i < 4; i++) this.#words[i] = (this.#words[i] as number) + sign * wordAt(text, i * 4)
  }
}

const wordAt = (text: string, at: number): number =>
  (text.charCodeAt(at) |
    (text.charCodeAt(at + 1) << 8) |
    (text.charCodeAt(at + 2) << 16) |
    (text.charCodeAt(at + 3) << 24)) >>>
  0

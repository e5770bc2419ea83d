/** The octets of a message, with compression of names (RFC 1035 §4.1.4). */
import { CLASS, TYPE } from './codes.ts'
import { lowerCase } from './names.ts'
import { type DnsRecord, TTL_MAX } from './rdata.ts'

/** Offsets that fit into a pointer. */
const POINTABLE_MAX = 0x3fff

/** Where names are inside RDATA that may be compressed (RFC 3597 §4): so many octets before, so many names. */
const compressible: Readonly<Record<number, readonly [before: number, names: number]>> = {
  [TYPE.NS]: [0, 1],
  [TYPE.CNAME]: [0, 1],
  [TYPE.PTR]: [0, 1],
  [TYPE.SOA]: [0, 2],
  [TYPE.MX]: [2, 1],
}

export class MessageWriter {
  #bytes: Buffer
  #length = 0
  /** Offsets of the names so far, by their octets in lower case. */
  readonly #names = new Map<string, number>()

  constructor(sizeBytes = 512) {
    this.#bytes = Buffer.allocUnsafe(sizeBytes)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    this.#room(1)
    this.#bytes[this.#length++] = value
  }

  u16(value: number): void {
    this.#room(2)
    this.#length = this.#bytes.writeUInt16BE(value, this.#length)
  }

  u32(value: number): void {
    this.#room(4)
    this.#length = this.#bytes.writeUInt32BE(value, this.#length)
  }

  append(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  patch16(offset: number, value: number): void {
    this.#bytes.writeUInt16BE(value, offset)
  }

  /** A name that was written by `append` at this offset; later ones that end alike will point to it. */
  remember(wireName: Uint8Array, offset: number): void {
    const text = lowerCase(latin1(wireName))
    for (let at = 0; (wireName[at] ?? 0) !== 0; at += 1 + (wireName[at] as number)) {
      const key = text.slice(at)
      if (!this.#names.has(key) && offset + at <= POINTABLE_MAX) this.#names.set(key, offset + at)
    }
  }

  /** `wireName` whole, as `nameToWire` makes it. */
  name(wireName: Uint8Array): void {
    const text = lowerCase(latin1(wireName))
    const start = this.#length
    let at = 0
    while ((wireName[at] ?? 0) !== 0) {
      const known = this.#names.get(text.slice(at))
      if (known !== undefined) {
        this.append(wireName.subarray(0, at))
        this.u16(0xc000 | known)
        this.#learn(text, at, start)
        return
      }
      at += 1 + (wireName[at] as number)
    }
    this.append(wireName.subarray(0, at + 1))
    this.#learn(text, at, start)
  }

  /** Suffixes that begin before `until` stand at `start` from now on. */
  #learn(text: string, until: number, start: number): void {
    for (let at = 0; at < until; at += 1 + text.charCodeAt(at)) {
      if (start + at <= POINTABLE_MAX) this.#names.set(text.slice(at), start + at)
    }
  }

  /** `wireName`: of the owner. */
  record(wireName: Uint8Array, { type, ttl, data }: Pick<DnsRecord, 'type' | 'ttl' | 'data'>): void {
    this.name(wireName)
    this.u16(type)
    this.u16(CLASS.IN)
    this.u32(Math.min(ttl, TTL_MAX))
    const lengthAt = this.#length
    this.u16(data.length)
    const names = compressible[type]
    if (!names) {
      this.append(data)
      return
    }
    const [before, count] = names
    this.append(data.subarray(0, before))
    let at = before
    for (let index = 0; index < count; index++) {
      const end = endOfName(data, at)
      this.name(data.subarray(at, end))
      at = end
    }
    this.append(data.subarray(at))
    this.patch16(lengthAt, this.#length - lengthAt - 2)
  }

  /** Forgets what was written after `length`, and the names that stood there. */
  cut(length: number): void {
    this.#length = length
    for (const [name, offset] of this.#names) if (offset >= length) this.#names.delete(name)
  }

  /** The octets so far: a view, not a copy. */
  toBuffer(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #room(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const bigger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more))
    bigger.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = bigger
  }
}

function endOfName(data: Uint8Array, from: number): number {
  let at = from
  while ((data[at] ?? 0) !== 0) at += 1 + (data[at] as number)
  return at + 1
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')

/**
 * Frames on a byte stream: length as u32, big endian, then the bytes.
 */
const HEADER_BYTES = 4

/** The header of a frame of this length. */
export function frameHeader(length: number): Uint8Array {
  const header = Buffer.allocUnsafe(HEADER_BYTES)
  header.writeUInt32BE(length)
  return header
}

/** Cuts a byte stream into frames. The frames may be views of the chunks that came in. */
export class FrameReader {
  readonly #maxBytes: number
  #chunks: Uint8Array[] = []
  #waiting = 0
  /** Bytes that must be here before the next step makes sense. */
  #needed = HEADER_BYTES

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Complete frames so far, or `too-long` when the peer announces more than allowed; the stream is then of no more use. */
  push(chunk: Uint8Array): Uint8Array[] | 'too-long' {
    this.#chunks.push(chunk)
    this.#waiting += chunk.length
    if (this.#waiting < this.#needed) return []
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const frames: Uint8Array[] = []
    let at = 0
    this.#needed = HEADER_BYTES
    while (bytes.length - at >= HEADER_BYTES) {
      const length = view.getUint32(at)
      if (length > this.#maxBytes) return 'too-long'
      const end = at + HEADER_BYTES + length
      if (end > bytes.length) {
        this.#needed = HEADER_BYTES + length
        break
      }
      frames.push(bytes.subarray(at + HEADER_BYTES, end))
      at = end
    }
    this.#waiting = bytes.length - at
    this.#chunks = this.#waiting > 0 ? [bytes.subarray(at)] : []
    return frames
  }
}

/**
 * Room for millions of small pieces of octets: blocks of a megabyte, places in units of eight octets. What is given back is used
 * again for pieces of the same size.
 */

const UNIT = 8
const BLOCK_BYTES = 1024 * 1024
/** Octets before a piece: its length. */
const HEAD = 2

export const PIECE_BYTES_MAX = 0xffff

const unitsOf = (length: number): number => Math.ceil((length + HEAD) / UNIT)

export class Arena {
  readonly #blocks: Buffer[] = []
  #used = BLOCK_BYTES
  /** Places to use again, by units. */
  readonly #free = new Map<number, number[]>()

  get bytes(): number {
    return this.#blocks.length * BLOCK_BYTES
  }

  /** Copies the piece. A place is never 0. */
  put(piece: Uint8Array): number {
    const units = unitsOf(piece.length)
    const place = this.#free.get(units)?.pop() ?? this.#next(units)
    const { block, at } = this.#at(place)
    block.writeUInt16LE(piece.length, at)
    block.set(piece, at + HEAD)
    return place
  }

  /** A view, good until the place is given back. */
  get(place: number): Buffer {
    const { block, at } = this.#at(place)
    const length = (block[at] as number) | ((block[at + 1] as number) << 8)
    return block.subarray(at + HEAD, at + HEAD + length)
  }

  /** Is the piece there the first `length` octets of this one? */
  holds(place: number, piece: Buffer, length: number): boolean {
    const { block, at } = this.#at(place)
    const known = (block[at] as number) | ((block[at + 1] as number) << 8)
    if (known !== length) return false
    // A few dozen octets: faster than a call out of JavaScript.
    for (let n = 0; n < length; n++) if (block[at + HEAD + n] !== piece[n]) return false
    return true
  }

  /** Where the piece is that takes the place of another one: there, if it fits. Views of the other are good no more. */
  replace(place: number, piece: Uint8Array): number {
    const { block, at } = this.#at(place)
    if (unitsOf(block.readUInt16LE(at)) !== unitsOf(piece.length)) {
      const other = this.put(piece)
      this.free(place)
      return other
    }
    block.writeUInt16LE(piece.length, at)
    block.set(piece, at + HEAD)
    return place
  }

  /** Copies a piece into `target`, and returns where it ends there. */
  copy(place: number, target: Buffer, targetStart: number): number {
    const { block, at } = this.#at(place)
    const length = (block[at] as number) | ((block[at + 1] as number) << 8)
    block.copy(target, targetStart, at + HEAD, at + HEAD + length)
    return targetStart + length
  }

  free(place: number): void {
    const { block, at } = this.#at(place)
    const units = unitsOf(block.readUInt16LE(at))
    const places = this.#free.get(units)
    if (places) places.push(place)
    else this.#free.set(units, [place])
  }

  #next(units: number): number {
    if (this.#used + units * UNIT > BLOCK_BYTES) {
      this.#blocks.push(Buffer.allocUnsafeSlow(BLOCK_BYTES))
      this.#used = 0
    }
    const place = ((this.#blocks.length - 1) * BLOCK_BYTES + this.#used) / UNIT + 1
    this.#used += units * UNIT
    return place
  }

  #at(place: number): { block: Buffer; at: number } {
    const offset = (place - 1) * UNIT
    return { block: this.#blocks[Math.floor(offset / BLOCK_BYTES)] as Buffer, at: offset % BLOCK_BYTES }
  }
}

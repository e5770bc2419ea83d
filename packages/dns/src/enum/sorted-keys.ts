/**
 * Millions of keys, each with a place, in order: chunks of typed arrays, which cost 12 octets a key and a little room, found by
 * two binary searches. A map of objects would cost a hundred.
 */

const CHUNK = 512

interface Chunk {
  keys: Float64Array
  places: Uint32Array
  size: number
}

const emptyChunk = (): Chunk => ({ keys: new Float64Array(CHUNK), places: new Uint32Array(CHUNK), size: 0 })

/** The first index in `keys` whose key is not below `key`. */
function lowerBound(keys: Float64Array, size: number, key: number): number {
  let low = 0
  let high = size
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] as number) < key) low = middle + 1
    else high = middle
  }
  return low
}

export class SortedKeys {
  #chunks: Chunk[] = [emptyChunk()]
  /** The smallest key that each chunk may hold. */
  #firsts = new Float64Array(64)
  #size = 0
  /** Behind the key that `getInOrder` found last. */
  readonly #next = { chunk: this.#chunks[0] as Chunk, at: 0 }

  get size(): number {
    return this.#size
  }

  /** Octets of its arrays. */
  get bytes(): number {
    return this.#chunks.length * CHUNK * 12 + this.#firsts.byteLength
  }

  /** Undefined: no such key. */
  get(key: number): number | undefined {
    const chunk = this.#chunkFor(key)
    const at = lowerBound(chunk.keys, chunk.size, key)
    return at < chunk.size && chunk.keys[at] === key ? chunk.places[at] : undefined
  }

  /** As `get`, for keys that are asked for in order: the one behind the last that was there is looked at first. */
  getInOrder(key: number): number | undefined {
    let { chunk, at } = this.#next
    // Keys may have come and gone since: what stands within the size of a chunk is there all the same, and one that was dropped has none.
    if (at >= chunk.size || chunk.keys[at] !== key) {
      chunk = this.#chunkFor(key)
      at = lowerBound(chunk.keys, chunk.size, key)
      if (at >= chunk.size || chunk.keys[at] !== key) return undefined
    }
    this.#next.chunk = chunk
    this.#next.at = at + 1
    return chunk.places[at]
  }

  /** The place that the key had before. */
  set(key: number, place: number): number | undefined {
    let index = this.#indexFor(key)
    let chunk = this.#chunks[index] as Chunk
    let at = lowerBound(chunk.keys, chunk.size, key)
    if (at < chunk.size && chunk.keys[at] === key) {
      const before = chunk.places[at]
      chunk.places[at] = place
      return before
    }
    if (chunk.size === CHUNK) {
      this.#split(index, at === CHUNK)
      index = this.#indexFor(key)
      chunk = this.#chunks[index] as Chunk
      at = lowerBound(chunk.keys, chunk.size, key)
    }
    chunk.keys.copyWithin(at + 1, at, chunk.size)
    chunk.places.copyWithin(at + 1, at, chunk.size)
    chunk.keys[at] = key
    chunk.places[at] = place
    chunk.size++
    this.#size++
    return undefined
  }

  /** The place that the key had. */
  delete(key: number): number | undefined {
    const index = this.#indexFor(key)
    const chunk = this.#chunks[index] as Chunk
    const at = lowerBound(chunk.keys, chunk.size, key)
    if (at >= chunk.size || chunk.keys[at] !== key) return undefined
    const place = chunk.places[at]
    chunk.keys.copyWithin(at, at + 1, chunk.size)
    chunk.places.copyWithin(at, at + 1, chunk.size)
    chunk.size--
    this.#size--
    if (chunk.size === 0 && this.#chunks.length > 1) this.#drop(index)
    return place
  }

  /** Is there a key from `from` up to, without, `to`? */
  any(from: number, to: number): boolean {
    for (let index = this.#indexFor(from); index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index] as Chunk
      const at = lowerBound(chunk.keys, chunk.size, from)
      if (at < chunk.size) return (chunk.keys[at] as number) < to
      if (index + 1 < this.#chunks.length && (this.#firsts[index + 1] as number) >= to) return false
    }
    return false
  }

  count(from: number, to: number): number {
    if (to <= from) return 0
    let count = 0
    for (let index = this.#indexFor(from); index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index] as Chunk
      const end = lowerBound(chunk.keys, chunk.size, to)
      count += end - lowerBound(chunk.keys, chunk.size, from)
      if (end < chunk.size) break
    }
    return count
  }

  /** In order. Keys that come and go meanwhile may be seen or not, others are seen once. */
  *entries(from: number, to: number): Iterable<[key: number, place: number]> {
    let next = from
    for (;;) {
      const index = this.#indexFor(next)
      const chunk = this.#chunks[index] as Chunk
      const at = lowerBound(chunk.keys, chunk.size, next)
      if (at < chunk.size) {
        const key = chunk.keys[at] as number
        if (key >= to) return
        next = key + 1
        yield [key, chunk.places[at] as number]
        continue
      }
      if (index + 1 >= this.#chunks.length) return
      next = this.#firsts[index + 1] as number
      if (next >= to) return
    }
  }

  #chunkFor(key: number): Chunk {
    return this.#chunks[this.#indexFor(key)] as Chunk
  }

  /** The last chunk whose first key is not above `key`. */
  #indexFor(key: number): number {
    let low = 0
    let high = this.#chunks.length
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#firsts[middle] as number) <= key) low = middle
      else high = middle
    }
    return low
  }

  /** A full chunk becomes two; who adds in order leaves the first one full. */
  #split(index: number, inOrder: boolean): void {
    const chunk = this.#chunks[index] as Chunk
    const from = inOrder ? CHUNK - 1 : CHUNK >>> 1
    const other = emptyChunk()
    other.keys.set(chunk.keys.subarray(from))
    other.places.set(chunk.places.subarray(from))
    other.size = CHUNK - from
    chunk.size = from
    this.#chunks.splice(index + 1, 0, other)
    if (this.#chunks.length > this.#firsts.length) {
      const bigger = new Float64Array(this.#firsts.length * 2)
      bigger.set(this.#firsts)
      this.#firsts = bigger
    }
    this.#firsts.copyWithin(index + 2, index + 1, this.#chunks.length - 1)
    this.#firsts[index + 1] = other.keys[0] as number
  }

  #drop(index: number): void {
    this.#chunks.splice(index, 1)
    this.#firsts.copyWithin(index, index + 1, this.#chunks.length + 1)
    this.#firsts[0] = 0
  }
}

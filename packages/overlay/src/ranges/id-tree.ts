/**
 * Virtual ids in order of XOR distance. Ids and keys are the first 48 bits of a SHA-256, as numbers: of a million ids, two
 * are the same in one ring of 500, and then node ids decide.
 */
export interface IdPoint {
  /** Below 2^48. */
  id: number
  /** Which node it belongs to. */
  node: number
}

const LOW = 2 ** 16

/** XOR of two ids, as a number. */
export function distance(a: number, b: number): number {
  const high = (Math.floor(a / LOW) ^ Math.floor(b / LOW)) >>> 0
  return high * LOW + ((a % LOW) ^ (b % LOW))
}

export class IdTree {
  readonly #high: Uint32Array
  readonly #low: Uint16Array
  readonly #nodes: Uint32Array

  /** `points` in any order; equal ids are visited by node. */
  constructor(points: readonly IdPoint[]) {
    const sorted = points.toSorted((a, b) => a.id - b.id || a.node - b.node)
    this.#high = Uint32Array.from(sorted, ({ id }) => Math.floor(id / LOW))
    this.#low = Uint16Array.from(sorted, ({ id }) => id % LOW)
    this.#nodes = Uint32Array.from(sorted, ({ node }) => node)
  }

  /** Visits ids from the closest to `key` on, until `visit` returns true. */
  closest(key: number, visit: (node: number, distance: number) => boolean): void {
    const [high, low] = [Math.floor(key / LOW), key % LOW]
    const tell = (at: number): boolean => {
      const apart = ((this.#high[at] as number) ^ high) >>> 0
      return visit(this.#nodes[at] as number, apart * LOW + ((this.#low[at] as number) ^ low))
    }
    const walk = (from: number, to: number, bit: number): boolean => {
      if (to - from === 1) return tell(from)
      for (let at = bit; at < 48; at++) {
        const split = this.#split(from, to, at)
        if (split === from || split === to) continue
        const isOne = at < 32 ? (high >>> (31 - at)) & 1 : (low >>> (47 - at)) & 1
        return isOne
          ? walk(split, to, at + 1) || walk(from, split, at + 1)
          : walk(from, split, at + 1) || walk(split, to, at + 1)
      }
      for (let at = from; at < to; at++) if (tell(at)) return true
      return false
    }
    if (this.#nodes.length > 0) walk(0, this.#nodes.length, 0)
  }

  /** First of `from` … `to`, which are equal before this bit, that has it set. */
  #split(from: number, to: number, bit: number): number {
    const [ids, shift] = bit < 32 ? [this.#high, 31 - bit] : [this.#low, 47 - bit]
    let [left, right] = [from, to]
    while (left < right) {
      const middle = (left + right) >>> 1
      if ((((ids[middle] as number) >>> shift) & 1) === 0) left = middle + 1
      else right = middle
    }
    return left
  }
}

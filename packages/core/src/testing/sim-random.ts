import type { Random } from '../random.ts'

/** Chance from a seed (xorshift128 with a mixed seed): same seed, same run. Not for secrets. */
export class SimRandom implements Random {
  #a: number
  #b: number
  #c: number
  #d: number

  constructor(seed: number) {
    let state = seed >>> 0
    const next = (): number => {
      state = (state + 0x9e3779b9) >>> 0
      let z = state
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
      return (z ^ (z >>> 16)) >>> 0
    }
    this.#a = next()
    this.#b = next()
    this.#c = next()
    this.#d = next() | 1
  }

  #next(): number {
    let t = this.#d
    const s = this.#a
    this.#d = this.#c
    this.#c = this.#b
    this.#b = s
    t ^= t << 11
    t ^= t >>> 8
    this.#a = (t ^ s ^ (s >>> 19)) >>> 0
    return this.#a
  }

  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length)
    for (let i = 0; i < length; i++) out[i] = this.#next() & 0xff
    return out
  }

  int(maxExclusive: number): number {
    return Math.floor((this.#next() / 2 ** 32) * maxExclusive)
  }

  float(): number {
    return this.#next() / 2 ** 32
  }

  /** A stream of its own, so that one part's draws do not move another's. */
  fork(): SimRandom {
    return new SimRandom(this.#next())
  }
}

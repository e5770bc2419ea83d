import { randomBytes, randomFillSync, randomInt } from 'node:crypto'

/** Chance as an argument. The real one is cryptographic, so tags, nonces and secrets may all come from here. */
export interface Random {
  bytes(length: number): Uint8Array
  /** Uniform integer in 0 … maxExclusive − 1; `maxExclusive` ≤ 2^32. */
  int(maxExclusive: number): number
  /** Uniform in [0, 1). */
  float(): number
}

const POOL_BYTES = 4096
const POOLED_BYTES_MAX = 64
const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/** Small amounts are drawn from the system by the page: it costs as much to ask for eight bytes as for thousands. */
function fewBytes(length: number): Buffer {
  if (used + length > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const out = Buffer.from(pool.subarray(used, used + length))
  // What was given out is not kept here.
  pool.fill(0, used, used + length)
  used += length
  return out
}

export const systemRandom: Random = {
  bytes: (length) => (length <= POOLED_BYTES_MAX ? fewBytes(length) : randomBytes(length)),
  int: (maxExclusive) => randomInt(maxExclusive),
  float: () => randomInt(2 ** 32) / 2 ** 32,
}

/** `length` random bytes as lower-case hex: for ids, tags, branches. */
export function randomHex(random: Random, length: number): string {
  return Buffer.from(random.bytes(length)).toString('hex')
}

/** A copy of `items` in random order (Fisher–Yates). */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const out = items.slice()
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.int(i + 1)
    const swap = out[i] as T
    out[i] = out[j] as T
    out[j] = swap
  }
  return out
}

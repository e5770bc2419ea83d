import { makeRoom } from '@thor-node/core'
import { sourceKey } from './source.ts'

/** A token bucket per source. Bounded: when full, the sources that were quiet longest are forgotten, and begin with a full one. */
export class SourceBuckets {
  readonly #buckets = new Map<string, { tokens: number; at: number }>()
  readonly #perSecond: number
  readonly #burst: number
  readonly #max: number

  /** `perSecond` 0: nobody is limited. A source that was quiet may send for `burstSeconds` at once. */
  constructor(init: { perSecond: number; burstSeconds: number; max: number }) {
    this.#perSecond = init.perSecond
    this.#burst = init.perSecond * init.burstSeconds
    this.#max = init.max
  }

  get size(): number {
    return this.#buckets.size
  }

  takes(host: string, now: number): boolean {
    if (this.#perSecond === 0) return true
    const key = sourceKey(host)
    const bucket = this.#buckets.get(key)
    if (!bucket) {
      makeRoom(this.#buckets, this.#max)
      this.#buckets.set(key, { tokens: this.#burst - 1, at: now })
      return true
    }
    const gained = ((now - bucket.at) * this.#perSecond) / 1_000
    if (gained > this.#burst / 2) {
      // Long quiet: to the end of the line of those that may be forgotten.
      this.#buckets.delete(key)
      this.#buckets.set(key, bucket)
    }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + gained)
    bucket.at = now
    if (bucket.tokens < 1) return false
    bucket.tokens--
    return true
  }
}

import { type Clock, makeRoom } from '@thor-node/core'
import { failure } from '../errors.ts'
import { limits } from '../limits.ts'

/** What failed at another node: keys with how often, 0 where it succeeded since. */
export type AttemptNews = [key: string, count: number][]

/**
 * Failed logins of the last minute, by name and source together and by source alone. Who has too many waits until the minute is
 * over; a name is not locked for others, so nobody can lock an administrator out from elsewhere. What one node counts it tells the
 * others (`news`), and what they tell counts here (`take`).
 */
export class Attempts {
  readonly #clock: Pick<Clock, 'now'>
  readonly #failed = new Map<string, { count: number; until: number }>()
  readonly #untold = new Map<string, number>()

  constructor(components: { clock: Pick<Clock, 'now'> }) {
    this.#clock = components.clock
  }

  /** Throws PROVISION_LOCKED_OUT. */
  assertMayTry(name: string, from: string): void {
    const now = this.#clock.now()
    const over = (key: string, most: number): boolean => {
      const entry = this.#failed.get(key)
      return entry !== undefined && entry.until > now && entry.count >= most
    }
    if (over(pair(name, from), limits.failedLoginsMax) || over(from, limits.failedLoginsFromMax)) {
      throw failure('PROVISION_LOCKED_OUT', 'too many failed logins; wait a minute')
    }
  }

  failed(name: string, from: string): void {
    for (const key of [pair(name, from), from]) {
      this.#count(key, 1)
      this.#tell(key, (this.#untold.get(key) ?? 0) + 1)
    }
  }

  succeeded(name: string, from: string): void {
    const key = pair(name, from)
    if (this.#failed.delete(key)) this.#tell(key, 0)
  }

  /** What has happened here since the last call; undefined when nothing has. */
  news(): AttemptNews | undefined {
    if (this.#untold.size === 0) return undefined
    const news = [...this.#untold]
    this.#untold.clear()
    return news
  }

  take(news: AttemptNews): void {
    for (const [key, count] of news) {
      if (count === 0) this.#failed.delete(key)
      else this.#count(key, count)
    }
  }

  /** What finds no room counts here only. */
  #tell(key: string, count: number): void {
    if (this.#untold.has(key) || this.#untold.size < limits.failedLoginsTold) this.#untold.set(key, count)
  }

  #count(key: string, count: number): void {
    const now = this.#clock.now()
    const before = this.#failed.get(key)
    const entry = before && before.until > now ? before : { count: 0, until: now + limits.failedLoginsMs }
    this.#failed.delete(key)
    makeRoom(this.#failed, limits.failedLoginsKept)
    this.#failed.set(key, { ...entry, count: entry.count + count })
  }
}

const pair = (name: string, from: string): string => `${name.slice(0, 128)}\0${from}`

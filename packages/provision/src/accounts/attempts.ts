import type { Clock } from '@thor-node/core'
import { failure } from '../errors.ts'
import { limits } from '../limits.ts'

/**
 * Failed logins of the last minute, by name and source together and by source alone. Who has too many waits until the minute is
 * over; a name is not locked for others, so nobody can lock an administrator out from elsewhere.
 */
export class Attempts {
  readonly #clock: Pick<Clock, 'now'>
  readonly #failed = new Map<string, { count: number; until: number }>()

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
      const now = this.#clock.now()
      const before = this.#failed.get(key)
      const entry = before && before.until > now ? before : { count: 0, until: now + limits.failedLoginsMs }
      this.#failed.delete(key)
      if (this.#failed.size >= limits.failedLoginsKept) {
        this.#failed.delete(this.#failed.keys().next().value as string)
      }
      this.#failed.set(key, { ...entry, count: entry.count + 1 })
    }
  }

  succeeded(name: string, from: string): void {
    this.#failed.delete(pair(name, from))
  }
}

const pair = (name: string, from: string): string => `${name.slice(0, 128)}\0${from}`

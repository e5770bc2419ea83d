import type { Clock } from '@thor-node/core'

/** A count is used for so many times as long as it took. */
const USED_FOR = 20

/**
 * How many accounts there are. To count is to list them all at every node, megabytes in a large ring, and a status is asked for
 * again and again: so a count is the older, the longer it took, and never takes more than a twentieth of the time. When it cannot be had,
 * the last one is told; when there is none, it throws what the list throws.
 */
export class AccountCount {
  readonly #clock: Clock
  readonly #list: () => Promise<readonly unknown[]>
  #last: { count: number; until: number } | undefined
  #counting: Promise<number> | undefined

  constructor(components: { clock: Clock }, init: { list: () => Promise<readonly unknown[]> }) {
    this.#clock = components.clock
    this.#list = init.list
  }

  get(): Promise<number> {
    if (this.#last && this.#clock.now() < this.#last.until) return Promise.resolve(this.#last.count)
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined
    })
    return this.#counting
  }

  async #count(): Promise<number> {
    const began = this.#clock.now()
    const { length: count } = await this.#list().catch((error: unknown) => {
      if (!this.#last) throw error
      return { length: this.#last.count }
    })
    const ended = this.#clock.now()
    this.#last = { count, until: ended + USED_FOR * (ended - began) }
    return count
  }
}

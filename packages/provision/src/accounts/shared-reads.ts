import type { Clock } from '@thor-node/core'
import { limits } from '../limits.ts'

interface Running {
  promise: Promise<unknown>
  /** Monotonic. */
  begunAt: number
  /** For all who came since it began. */
  next?: Promise<unknown>
}

/**
 * Strict reads of one name, shared: who asks while one is under way waits for the next one together with all others who do. No
 * answer is of a read that began before it was asked for, so each is as strict as one of its own. One that takes long is not
 * waited for.
 *
 * What a read throws, all who share it get.
 */
export class SharedReads {
  readonly #clock: Pick<Clock, 'now'>
  readonly #running = new Map<string, Running>()

  constructor(components: { clock: Pick<Clock, 'now'> }) {
    this.#clock = components.clock
  }

  /** Names that are read now. */
  get size(): number {
    return this.#running.size
  }

  read<T>(name: string, run: () => Promise<T>): Promise<T> {
    const running = this.#running.get(name)
    if (!running || this.#clock.now() - running.begunAt >= limits.sharedReadMs) return this.#begin(name, run)
    running.next ??= running.promise.then(
      () => this.#begin(name, run),
      () => this.#begin(name, run),
    )
    return running.next as Promise<T>
  }

  #begin<T>(name: string, run: () => Promise<T>): Promise<T> {
    const running: Running = { promise: run(), begunAt: this.#clock.now() }
    this.#running.set(name, running)
    const end = (): void => {
      if (this.#running.get(name) === running && !running.next) this.#running.delete(name)
    }
    running.promise.then(end, end)
    return running.promise as Promise<T>
  }
}

import { ThorError } from './errors.ts'

/** Runs what has a name in common one after the other, in the order in which it came; everything else at once. */
export class Turns {
  readonly #max: number
  /** The last that was begun or waits, and how many that are. */
  readonly #waiting = new Map<string, { last: Promise<unknown>; count: number }>()

  /** `max`: that run and wait with one name; one more is `STORE_UNAVAILABLE`. */
  constructor(init: { max: number }) {
    this.#max = init.max
  }

  run<R>(names: readonly string[], run: () => Promise<R>): Promise<R> {
    const unique = [...new Set(names)]
    if (unique.length === 0) return run()
    const queues = unique.map((name) => this.#waiting.get(name) ?? { last: Promise.resolve(), count: 0 })
    const full = unique[queues.findIndex(({ count }) => count >= this.#max)]
    if (full !== undefined) {
      return Promise.reject(new ThorError('STORE_UNAVAILABLE', `${this.#max} changes of ${full} wait already`))
    }
    // Each waits for earlier ones alone, so none waits for itself.
    const turn = Promise.all(queues.map(({ last }) => last)).then(run)
    const over = turn.then(
      () => undefined,
      () => undefined,
    )
    for (const [index, name] of unique.entries()) {
      const queue = queues[index] as NonNullable<(typeof queues)[number]>
      queue.last = over
      queue.count++
      this.#waiting.set(name, queue)
    }
    void over.then(() => {
      for (const [index, name] of unique.entries()) {
        const queue = queues[index] as NonNullable<(typeof queues)[number]>
        if (--queue.count === 0) this.#waiting.delete(name)
      }
    })
    return turn
  }

  /** Names that somebody runs or waits with. */
  get size(): number {
    return this.#waiting.size
  }
}

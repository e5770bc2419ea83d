import type { NodeId } from '../peers.ts'

export interface Gathered<A> {
  answers: Map<NodeId, A>
  failures: Map<NodeId, unknown>
}

/**
 * Asks all targets at once and resolves as soon as `enough` is content, at the latest when everybody has answered or failed
 * (each `ask` has a time-out of its own). Answers that come later go to `onLate`. Never rejects.
 */
export function gather<A>(
  targets: readonly NodeId[],
  ask: (to: NodeId) => Promise<A>,
  enough: (so: Gathered<A>) => boolean,
  onLate?: (from: NodeId, answer: A) => void,
): Promise<Gathered<A>> {
  const so: Gathered<A> = { answers: new Map(), failures: new Map() }
  if (targets.length === 0) return Promise.resolve(so)
  return new Promise((resolve) => {
    let done = false
    const look = (): void => {
      if (done) return
      if (so.answers.size + so.failures.size < targets.length && !enough(so)) return
      done = true
      resolve({ answers: new Map(so.answers), failures: new Map(so.failures) })
    }
    for (const to of targets) {
      ask(to).then(
        (answer) => {
          if (done) onLate?.(to, answer)
          else so.answers.set(to, answer)
          look()
        },
        (error: unknown) => {
          so.failures.set(to, error)
          look()
        },
      )
    }
  })
}

/** Runs `work` on all items, at most `width` at a time; rejects with the first failure after all that run have ended. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0
  let failure: { error: unknown } | undefined
  const run = async (): Promise<void> => {
    while (next < items.length && !failure) {
      const item = items[next++] as T
      try {
        await work(item)
      } catch (error) {
        failure ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, run))
  if (failure) throw failure.error
}

/** Tasks under one name run one after the other. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>()

  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key)
    const mine = before ? before.then(task, task) : task()
    const tail = mine.catch(() => undefined)
    this.#tails.set(key, tail)
    try {
      return await mine
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    }
  }

  get size(): number {
    return this.#tails.size
  }
}

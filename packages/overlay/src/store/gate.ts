import { ThorError } from '@thor-node/core'

/** So many tasks at once; one more is refused with `STORE_OVERLOADED`, whoever asked comes again later. */
export class Gate {
  readonly #max: number
  #running = 0

  constructor(max: number) {
    this.#max = max
  }

  get running(): number {
    return this.#running
  }

  get isFull(): boolean {
    return this.#running >= this.#max
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.isFull) {
      throw new ThorError('STORE_OVERLOADED', `${this.#running} such requests run here already`)
    }
    this.#running++
    try {
      return await task()
    } finally {
      this.#running--
    }
  }
}

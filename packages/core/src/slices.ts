import type { Clock } from './clock.ts'

/**
 * Long work of this node in slices, so that nobody else of its thread, SIP before all, waits for longer than one of them: however
 * many are under way at once, one slice is done between one look at what has come in and the next.
 */
export class Slices {
  readonly #clock: Pick<Clock, 'now'>
  readonly #sliceMs: number
  readonly #waiting: (() => void)[] = []

  constructor(components: { clock: Pick<Clock, 'now'> }, init: { sliceMs: number }) {
    this.#clock = components.clock
    this.#sliceMs = init.sliceMs
  }

  /** For one piece of work: what it awaits as often as it likes; undefined while its slice is not over. */
  begin(): () => Promise<void> | undefined {
    let begunAt = this.#clock.now()
    return () => {
      if (this.#clock.now() - begunAt < this.#sliceMs) return undefined
      return this.#turn().then(() => {
        begunAt = this.#clock.now()
      })
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (this.#waiting.length === 1) setImmediate(() => this.#next())
    })
  }

  #next(): void {
    this.#waiting.shift()?.()
    if (this.#waiting.length > 0) setImmediate(() => this.#next())
  }
}

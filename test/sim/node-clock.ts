import type { Clock, Timer } from '@thor-node/core'

/** The clock of one simulated process: it can stand still, end with its process, and show a wrong wall time. */
export class NodeClock implements Clock {
  readonly #inner: Clock
  #skewMs: number
  readonly #armed = new Set<Timer>()
  #late: (() => void)[] | undefined
  #dead = false
  #pausedAt = 0
  #stoodStillMs = 0

  constructor(inner: Clock, skewMs = 0) {
    this.#inner = inner
    this.#skewMs = skewMs
  }

  /** How far the wall clock is off. */
  get skewMs(): number {
    return this.#skewMs
  }

  /** How long the process has stood still, all in all. */
  get stoodStillMs(): number {
    return this.#stoodStillMs + (this.#late ? this.#inner.now() - this.#pausedAt : 0)
  }

  /** The wall clock is set; durations do not notice. */
  jump(byMs: number): void {
    this.#skewMs += byMs
  }

  now(): number {
    return this.#inner.now()
  }

  wall(): number {
    return this.#inner.wall() + this.#skewMs
  }

  after(afterMs: number, fn: () => void): Timer {
    if (this.#dead) return { cancel() {} }
    let cancelled = false
    const run = (): void => {
      if (!cancelled && !this.#dead) fn()
    }
    const inner = this.#inner.after(afterMs, () => {
      this.#armed.delete(timer)
      if (this.#late) this.#late.push(run)
      else run()
    })
    const timer: Timer = {
      cancel: () => {
        cancelled = true
        this.#armed.delete(timer)
        inner.cancel()
      },
    }
    this.#armed.add(timer)
    return timer
  }

  /** Timers that come due wait until `resume`. */
  pause(): void {
    if (this.#late) return
    this.#late = []
    this.#pausedAt = this.#inner.now()
  }

  resume(): void {
    const late = this.#late ?? []
    if (this.#late) this.#stoodStillMs += this.#inner.now() - this.#pausedAt
    this.#late = undefined
    for (const fn of late) fn()
  }

  /** The process is gone: none of its timers fires any more. */
  die(): void {
    this.#dead = true
    for (const timer of [...this.#armed]) timer.cancel()
    this.#late = undefined
  }
}

import type { Clock, Timer } from '@thor-node/core'

export interface TokenBucketInit {
  bytesPerSecond: number
  /** What may pass at once after a pause. */
  burstBytes: number
}

/**
 * Lets so many bytes pass per second, on the clock that it is given. Whoever comes takes what it needs as soon as anything is
 * left, and may so go into debt, which those after it wait for. Urgent ones go first; among equals, first come, first served.
 */
export class TokenBucket {
  readonly #clock: Clock
  readonly #init: TokenBucketInit
  readonly #waiting = { urgent: [] as Waiter[], normal: [] as Waiter[] }
  #level: number
  #filledAt: number
  #timer: Timer | undefined

  constructor(components: { clock: Clock }, init: TokenBucketInit) {
    this.#clock = components.clock
    this.#init = init
    this.#level = init.burstBytes
    this.#filledAt = components.clock.now()
  }

  get waiting(): number {
    return this.#waiting.urgent.length + this.#waiting.normal.length
  }

  /** Resolves when these bytes may pass. */
  take(bytes: number, urgent = false): Promise<void> {
    this.#fill()
    if (this.#level > 0 && this.waiting === 0) {
      this.#level -= bytes
      return Promise.resolve()
    }
    return new Promise((resolve) => {
      this.#waiting[urgent ? 'urgent' : 'normal'].push({ bytes, resolve })
      this.#arm()
    })
  }

  /** Bytes that passed without asking; less than 0 gives back what was taken and not used. */
  settle(bytes: number): void {
    this.#fill()
    this.#level = Math.min(this.#init.burstBytes, this.#level - bytes)
    if (bytes < 0) this.#pass()
  }

  #fill(): void {
    const now = this.#clock.now()
    const gained = ((now - this.#filledAt) / 1_000) * this.#init.bytesPerSecond
    this.#level = Math.min(this.#init.burstBytes, this.#level + gained)
    this.#filledAt = now
  }

  #pass(): void {
    while (this.#level > 0) {
      const next = this.#waiting.urgent.shift() ?? this.#waiting.normal.shift()
      if (!next) break
      this.#level -= next.bytes
      next.resolve()
    }
    this.#arm()
  }

  #arm(): void {
    if (this.#timer || this.waiting === 0) return
    // One byte above nothing: whole milliseconds, so that the clock never has to be asked twice.
    const ms = Math.max(1, Math.ceil(((1 - this.#level) / this.#init.bytesPerSecond) * 1_000))
    this.#timer = this.#clock.after(ms, () => {
      this.#timer = undefined
      this.#fill()
      this.#pass()
    })
  }
}

interface Waiter {
  bytes: number
  resolve(): void
}

import type { Clock, Logger } from '@thor-node/core'
import { conditionLimits } from './limits.ts'

/** Something that an operator should know, while it lasts. */
export interface Alarm {
  /** `full-disk`, `slow-disk`, `clock-off`, `wrong-clock`, `damage`, `old-copy`; with a name behind `:` when there may be several. */
  kind: string
  /** One sentence: what is wrong, and what to do. */
  text: string
  /** Epoch milliseconds. */
  since: number
}

/** The alarms of one node: each is logged once when it comes and once when it goes. */
export class Alarms {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #active = new Map<string, Alarm>()

  constructor(components: { clock: Clock; log: Logger }) {
    this.#clock = components.clock
    this.#log = components.log.forComponent('overlay:alarm')
  }

  /** An alarm with this text, or with undefined none. */
  set(kind: string, text: string | undefined): void {
    const known = this.#active.get(kind)
    if (text === undefined) {
      if (this.#active.delete(kind)) this.#log.info('alarm is over', { kind })
      return
    }
    // A new figure in the sentence is no new alarm.
    this.#active.set(kind, { kind, text, since: known?.since ?? this.#clock.wall() })
    if (!known) this.#log.warn(text, { kind })
    if (this.#active.size > conditionLimits.alarmsMax) this.#active.delete(this.#active.keys().next().value as string)
  }

  has(kind: string): boolean {
    return this.#active.has(kind)
  }

  list(): Alarm[] {
    return [...this.#active.values()]
  }
}

import type { LeaveResult } from './control/contract.ts'

interface Look {
  held: number
  bytesSent: number
  /** Monotonic, milliseconds. */
  at: number
}

const PACE_AFTER_MS = 1_000

/** How far a node is with handing its ranges over. Pure but for the look at the beginning. */
export class LeaveProgress {
  readonly #first: Look

  constructor(first: Look) {
    this.#first = first
  }

  look({ held, bytesSent, at }: Look): LeaveResult {
    const [done, elapsed] = [this.#first.held - held, at - this.#first.at]
    const etaMs = done > 0 && elapsed >= PACE_AFTER_MS ? (held / done) * elapsed : undefined
    return {
      rangesHeld: held,
      rangesTotal: this.#first.held,
      bytesSent: bytesSent - this.#first.bytesSent,
      etaSeconds: etaMs === undefined ? null : Math.ceil(etaMs / 1_000),
    }
  }
}

import { conditionLimits } from './limits.ts'

/** How long syncs take, over the last ten seconds. Knows no clock: is told the time. */
export class SyncTimes {
  /** Ended, oldest first. */
  #ended: { at: number; ms: number }[] = []
  #running: number | undefined
  #shown: { at: number; ms: number | undefined } | undefined

  /** One sync runs at a time. */
  begin(now: number): void {
    this.#running = now
  }

  end(now: number): void {
    if (this.#running === undefined) return
    this.#ended.push({ at: now, ms: now - this.#running })
    this.#running = undefined
    if (this.#ended.length > conditionLimits.syncsMax) this.#ended = this.#ended.slice(conditionLimits.syncsMax / 2)
  }

  /** The time within which 99 of 100 ended; undefined when none did. For people: as old as a second. */
  p99(now: number): number | undefined {
    if (this.#shown && now - this.#shown.at < conditionLimits.shownMs) return this.#shown.ms
    const times = Float64Array.from(this.#within(now)).sort()
    this.#shown = { at: now, ms: times[Math.ceil(times.length * 0.99) - 1] }
    return this.#shown.ms
  }

  /** More than one of 100 took too long, and more than a few; or one does not end. */
  isSlow(now: number): boolean {
    const { slowSyncMs, slowSyncsMin, stuckSyncMs } = conditionLimits
    if (this.#running !== undefined && now - this.#running > stuckSyncMs) return true
    const times = this.#within(now)
    const slow = times.filter((ms) => ms > slowSyncMs).length
    return slow >= slowSyncsMin && slow > times.length / 100
  }

  #within(now: number): number[] {
    const from = now - conditionLimits.syncWindowMs
    const first = this.#ended.findIndex(({ at }) => at >= from)
    this.#ended = first < 0 ? [] : this.#ended.slice(first)
    return this.#ended.map(({ ms }) => ms)
  }
}

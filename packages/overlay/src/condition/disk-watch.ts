import {
  type Clock,
  type DiskSpace,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type Timer,
} from '@thor-node/core'
import type { DiskWatcher, GroupCommit } from '../store/group-commit.ts'
import type { Alarms } from './alarms.ts'
import { isFull } from './disk-space.ts'
import { conditionLimits } from './limits.ts'
import { SyncTimes } from './sync-times.ts'

export interface DiskWatchComponents {
  clock: Clock
  log: Logger
  disk: GroupCommit
  alarms: Alarms
  /** What is free under the disk; without it only the disk itself can say that it is full. */
  space?(): Promise<DiskSpace>
}

/**
 * Judges how well the disk is. A full one takes nothing new (`GroupCommit.isFull`), a slow one goes on; both are told to the
 * other nodes by whoever listens. Both end by themselves: with room again, and after ten seconds without slow syncs.
 */
export class DiskWatch implements Lifecycle, DiskWatcher {
  readonly #components: DiskWatchComponents
  readonly #onChange: () => void
  readonly #log: Logger
  readonly #syncs = new SyncTimes()
  /** When each read that runs has begun, oldest first. */
  readonly #reads = new Map<object, number>()
  #failedReads: number[] = []
  #slowAt: number | undefined
  #space: DiskSpace | undefined
  #refusedAt: number | undefined
  #timers: Timer[] = []

  constructor(components: DiskWatchComponents, init: { onChange: () => void }) {
    this.#components = components
    this.#onChange = init.onChange
    this.#log = components.log.forComponent('overlay:disk')
    components.disk.watchWith(this)
  }

  async start(): Promise<void> {
    if (this.#timers.length > 0) return
    const { clock } = this.#components
    const onError = (error: unknown): void => this.#log.debug('the disk was not judged', { error: errorMessage(error) })
    this.#timers = [
      every(clock, conditionLimits.lookPeriodMs, () => this.#look(), onError),
      every(clock, conditionLimits.spacePeriodMs, () => this.#probe(), onError),
    ]
    await this.#probe().catch(onError)
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers.splice(0)) timer.cancel()
  }

  get isFull(): boolean {
    return this.#components.disk.isFull
  }

  get isSlow(): boolean {
    return this.#slowAt !== undefined
  }

  snapshot(): { full: boolean; slow: boolean; syncP99Ms: number | undefined; space: DiskSpace | undefined } {
    const p99 = this.#syncs.p99(this.#components.clock.now())
    return { full: this.isFull, slow: this.isSlow, syncP99Ms: p99, space: this.#space }
  }

  syncBegins(): () => void {
    const { clock } = this.#components
    this.#syncs.begin(clock.now())
    return () => this.#syncs.end(clock.now())
  }

  readBegins(): () => void {
    const read = {}
    this.#reads.set(read, this.#components.clock.now())
    return () => void this.#reads.delete(read)
  }

  readFailed(): boolean {
    const now = this.#components.clock.now()
    const from = now - conditionLimits.failedReadsWindowMs
    this.#failedReads = [...this.#failedReads.filter((at) => at >= from), now]
    this.#log.warn('a read of the disk failed', { lately: this.#failedReads.length })
    return this.#failedReads.length > conditionLimits.failedReadsMax
  }

  full(): void {
    this.#refusedAt = this.#components.clock.now()
    this.#setFull(true)
  }

  #look(): void {
    const { clock, alarms, disk, space } = this.#components
    const now = clock.now()
    const before = this.isSlow
    const oldest = this.#reads.values().next().value ?? now
    if (this.#syncs.isSlow(now) || now - oldest > conditionLimits.stuckSyncMs) this.#slowAt = now
    else if (this.#slowAt !== undefined && now - this.#slowAt >= conditionLimits.syncWindowMs) this.#slowAt = undefined
    // Nobody says that there is room again: it is tried.
    const tryAgain = this.#refusedAt === undefined || now - this.#refusedAt >= conditionLimits.spacePeriodMs
    if (!space && disk.isFull && tryAgain) this.#setFull(false)
    if (before === this.isSlow) return
    const took = Math.round(Math.max(this.#syncs.p99(now) ?? 0, conditionLimits.slowSyncMs))
    const text = `the disk is slow: more than 1 of 100 writes takes ${took} ms or more; look at what else uses it`
    alarms.set('slow-disk', this.isSlow ? text : undefined)
    this.#onChange()
  }

  async #probe(): Promise<void> {
    const { space } = this.#components
    if (!space) return
    this.#space = await space()
    this.#setFull(isFull(this.isFull, this.#space))
  }

  #setFull(full: boolean): void {
    const { alarms, disk } = this.#components
    if (full === disk.isFull) return
    disk.isFull = full
    const left = this.#space ? `${Math.round(this.#space.freeBytes / 1e6)} MB are free` : 'no space is left'
    const text = `the disk is full (${left}): nothing new is written here until there is room; delete something or enlarge it`
    alarms.set('full-disk', full ? text : undefined)
    this.#onChange()
  }
}

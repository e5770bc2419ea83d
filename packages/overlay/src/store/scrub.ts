import {
  type Clock,
  type Disk,
  errorMessage,
  every,
  type Lifecycle,
  type Logger,
  type RangeId,
  type RecordKey,
  type Timer,
} from '@thor-node/core'
import { Packr } from 'msgpackr'
import type { Alarms } from '../condition/alarms.ts'
import type { Members } from '../membership/contract.ts'
import type { ConfigTable } from '../ranges/config-table.ts'
import { intact } from './acceptor-record.ts'
import { eachAtOnce } from './each-at-once.ts'
import { openValue, sealValue, splitDiskKey } from './encoding.ts'
import { scrubLimits } from './limits.ts'

export interface ScrubComponents {
  clock: Clock
  log: Logger
  disk: Disk
  members: Members
  configs: ConfigTable
  alarms: Alarms
  acceptors: { mend(key: RecordKey): Promise<void> }
  set: {
    /** Counts the digest of the range anew, without what is damaged. */
    forgetDigest(range: RangeId): void
    pull(ranges: readonly RangeId[], sources: readonly string[]): Promise<void>
  }
  soft: { rewrite(range: RangeId, name: string): void }
}

export interface ScrubInit {
  periodMs?: number
  firstAfterMs?: number
  stepBytes?: number
  stepMs?: number
}

/** Of the pass that runs, or else of the last one. */
export interface ScrubReport {
  /** Epoch milliseconds. */
  startedAt: number
  /** Undefined while it runs. */
  endedAt?: number
  records: number
  bytes: number
  damaged: number
  /** Of these, how many are whole again. */
  mended: number
  /** The last key that was checked. */
  position: string
}

const OWN_KEY = 'Lscrub'
/** Configs, registers, SET records and kept SOFT entries: `C`, `R`, `S`, `T`. */
const FROM = 'C'
const TO = 'U'
const packr = new Packr({ useRecords: false })

type Kind = 'C' | 'R' | 'S' | 'T'
const KINDS = new Set(['C', 'R', 'S', 'T'])

/**
 * Reads the whole disk once a week, slowly, and checks every checksum: damage is found while other copies are there, not when
 * somebody needs the record. A damaged range config is written again from memory, a register decided anew by the others, a SET
 * record fetched from them, a kept SOFT entry written again.
 */
export class Scrub implements Lifecycle {
  readonly #c: ScrubComponents
  readonly #init: Required<ScrubInit>
  readonly #log: Logger
  #report: ScrubReport | undefined
  #timer: Timer | undefined
  #steps = 0
  /** One step at a time, whoever asks. */
  #stepping: Promise<void> = Promise.resolve()

  constructor(components: ScrubComponents, init: ScrubInit = {}) {
    this.#c = components
    this.#log = components.log.forComponent('overlay:scrub')
    this.#init = {
      periodMs: init.periodMs ?? scrubLimits.periodMs,
      firstAfterMs: init.firstAfterMs ?? scrubLimits.firstAfterMs,
      stepBytes: init.stepBytes ?? scrubLimits.stepBytes,
      stepMs: init.stepMs ?? scrubLimits.stepMs,
    }
  }

  async start(): Promise<void> {
    if (this.#timer) return
    const sealed = await this.#c.disk.get(OWN_KEY)
    const saved = sealed && openValue(OWN_KEY, sealed)
    if (saved) this.#report = packr.unpack(saved) as ScrubReport
    const { stepMs, firstAfterMs } = this.#init
    const onError = (error: unknown): void => this.#log.debug('a step failed', { error: errorMessage(error) })
    this.#timer = every(this.#c.clock, stepMs, () => this.#turn(), onError, firstAfterMs)
  }

  async stop(): Promise<void> {
    if (!this.#timer) return
    this.#timer.cancel()
    this.#timer = undefined
    // Not waited for: whoever closes the disk waits for what was asked of it.
    if (this.#report?.endedAt === undefined) void this.#save().catch(() => undefined)
  }

  get report(): ScrubReport | undefined {
    return this.#report && { ...this.#report }
  }

  /** A whole pass at once, from the beginning: for tests, and for operators in doubt. */
  async passNow(): Promise<ScrubReport> {
    this.#begin()
    while (this.#report?.endedAt === undefined) await this.#step()
    return this.#report
  }

  async #turn(): Promise<void> {
    const { clock, alarms, configs } = this.#c
    const mute = configs.mute.length
    const lost = `the configs of ${mute} ranges on this disk were damaged: this node has no vote in them until it has joined them anew`
    alarms.set('lost-votes', mute > 0 ? `${lost}; look at the health of the disk` : undefined)
    const last = this.#report
    // A clock that was set back must not make the next pass wait for ever.
    const age = clock.wall() - (last?.startedAt ?? 0)
    if (last?.endedAt !== undefined && age >= 0 && age < this.#init.periodMs) return
    if (!last || last.endedAt !== undefined) this.#begin()
    await this.#step()
  }

  #begin(): void {
    const startedAt = this.#c.clock.wall()
    this.#report = { startedAt, records: 0, bytes: 0, damaged: 0, mended: 0, position: FROM }
  }

  #step(): Promise<void> {
    const run = this.#stepping.then(() => this.#check())
    this.#stepping = run.catch(() => undefined)
    return run
  }

  async #check(): Promise<void> {
    const { disk } = this.#c
    const report = this.#report
    if (!report || report.endedAt !== undefined) return
    const damaged: { kind: Kind; range: RangeId; name: string; key: string }[] = []
    let bytes = 0
    let ended = true
    for await (const [key, value] of disk.entries({ from: `${report.position}\0`, to: TO })) {
      bytes += key.length + value.length
      report.records++
      report.position = key
      const kind = key[0] as Kind
      if (KINDS.has(kind) && !isWhole(key, value)) damaged.push({ kind, key, ...splitDiskKey(key) })
      if (bytes < this.#init.stepBytes) continue
      ended = false
      break
    }
    report.bytes += bytes
    report.damaged += damaged.length
    for (const one of damaged) this.#log.warn('a record on the disk is damaged', { key: one.key })
    await eachAtOnce(damaged, scrubLimits.mendAtOnce, (one) => this.#mend(one, report))
    if (ended) report.endedAt = this.#c.clock.wall()
    if (ended || damaged.length > 0) this.#say(report)
    if (ended || damaged.length > 0 || ++this.#steps % scrubLimits.savedEverySteps === 0) await this.#save()
  }

  /** Never rejects: what cannot be mended now is found again, by a comparison or the next pass. */
  async #mend(
    { kind, key, range, name }: { kind: Kind; key: string; range: RangeId; name: string },
    report: ScrubReport,
  ): Promise<void> {
    const { acceptors, configs, disk, set, soft } = this.#c
    try {
      if (kind === 'C') await configs.rewrite(range)
      else if (kind === 'T') soft.rewrite(range, name)
      else if (configs.standing(range) === 'outsider') return
      else if (kind === 'R') await acceptors.mend({ range, name })
      else {
        set.forgetDigest(range)
        await set.pull([range], this.#others(range))
      }
      const value = await disk.get(key)
      if (kind === 'T' || !value || isWhole(key, value)) report.mended++
    } catch (error) {
      this.#log.info('a damaged record is not mended yet', { key, error: errorMessage(error) })
    }
  }

  #others(range: RangeId): string[] {
    const { configs, members } = this.#c
    const self = members.self.nodeId
    const all = configs.get(range).old.map(({ nodeId }) => nodeId)
    return all.filter((nodeId) => nodeId !== self && members.isLive(nodeId))
  }

  /** The alarm stays until a pass has found nothing. */
  #say({ damaged, mended, endedAt }: ScrubReport): void {
    if (damaged === 0 && endedAt === undefined) return
    const what = `${damaged} damaged ${damaged === 1 ? 'record was' : 'records were'} found on the disk, ${mended} mended`
    const text = `${what}; look at the health of the disk, and replace it when there are more`
    this.#c.alarms.set('damage', damaged > 0 ? text : undefined)
  }

  async #save(): Promise<void> {
    if (!this.#report) return
    const value = sealValue(OWN_KEY, packr.pack(this.#report))
    await this.#c.disk.batch([{ type: 'put', key: OWN_KEY, value }], { sync: true })
  }
}

function isWhole(key: string, value: Uint8Array): boolean {
  return key.startsWith('R') ? intact(key, value) !== undefined : openValue(key, value) !== undefined
}

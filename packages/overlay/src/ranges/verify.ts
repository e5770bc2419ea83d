/**
 * Proves that replicas are equal, or names those that are not: the digests of all three kinds of records, range by range, from
 * every member. Copies change while one looks, so a difference counts when nothing moved between two looks.
 */
import { type Clock, errorMessage, type Logger, type RangeId, sleep } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { Rpc } from '../rpc/contract.ts'
import { Gate } from '../store/gate.ts'
import { transferLimits } from '../store/limits.ts'
import type { ConfigTable } from './config-table.ts'
import type { RangeConfig, RangeRecords } from './contract.ts'
import { batchOf, type DigestAnswer, type DigestBatch, type RepairAnswer, type RepairBatch } from './messages.ts'

export const RECORD_KINDS = ['reg', 'set', 'soft'] as const
export type RecordKind = (typeof RECORD_KINDS)[number]

/** Ranges of one request: bounds what a look holds in memory, here and at the members. */
const RANGES_AT_ONCE = 64
/** Between two requests to the same members, so that a look at everything leaves the disks to others. */
const PAUSE_MS = 20
const LOOKS_MAX = 8
const LOOK_AGAIN_MS = 250
/** A range that was never looked at is read whole. */
const DIGEST_TIMEOUT_MS = 30_000
const REPAIR_TIMEOUT_MS = 20_000

export interface MemberDigests {
  nodeId: NodeId
  /** Absent: it did not answer. */
  digests?: Record<RecordKind, string>
  epoch?: number
  standing?: string
}

export interface RangeVerdict {
  range: RangeId
  /**
   * `equal`: every member has the same. `differs`: some have not, and that stands still. `unreachable`: a member did not answer,
   * those that did are equal. `busy`: it changed at every look, or is being moved or filled.
   */
  verdict: 'equal' | 'differs' | 'unreachable' | 'busy'
  epoch: number
  /** Kinds of records that differ. */
  kinds: RecordKind[]
  members: MemberDigests[]
}

export interface VerifierComponents {
  clock: Clock
  log: Logger
  rpc: Rpc
  configs: ConfigTable
  /** By kind. */
  records: Record<RecordKind, RangeRecords>
}

/** What a look at one range found, compared with the look before. Pure. */
export function judge(config: RangeConfig, now: readonly MemberDigests[], before?: RangeVerdict): RangeVerdict {
  const answered = now.filter((member) => member.digests !== undefined)
  const settled =
    !config.next && answered.every(({ epoch, standing }) => epoch === config.epoch && standing === 'member')
  const kinds = RECORD_KINDS.filter((kind) => new Set(answered.map(({ digests }) => digests?.[kind])).size > 1)
  const base = { range: config.range, epoch: config.epoch, kinds, members: [...now] }
  if (!settled || answered.length === 0) return { ...base, verdict: answered.length === 0 ? 'unreachable' : 'busy' }
  if (kinds.length === 0) return { ...base, verdict: answered.length === now.length ? 'equal' : 'unreachable' }
  const still = kinds.filter((kind) => before && isSame(before.members, now, kind))
  return still.length > 0 ? { ...base, kinds: still, verdict: 'differs' } : { ...base, verdict: 'busy' }
}

function isSame(before: readonly MemberDigests[], now: readonly MemberDigests[], kind: RecordKind): boolean {
  const text = (members: readonly MemberDigests[]): string =>
    JSON.stringify(members.map(({ nodeId, epoch, digests }) => [nodeId, epoch, digests?.[kind]]))
  return text(before) === text(now)
}

export class Verifier {
  readonly #c: VerifierComponents
  readonly #log: Logger

  constructor(components: VerifierComponents) {
    this.#c = components
    this.#log = components.log.forComponent('overlay:ranges')
    const { rpc, configs, records } = components
    const gate = new Gate(transferLimits.jobsAtOnceMax)
    const digestsOf = async ({ ranges }: DigestBatch): Promise<DigestAnswer> => {
      const answers: DigestAnswer['answers'] = []
      for (const range of batchOf(ranges)) {
        const digests = []
        for (const kind of RECORD_KINDS) digests.push(await records[kind].digest(range))
        answers.push([configs.get(range).epoch, configs.standing(range), ...(digests as [string, string, string])])
      }
      return { answers }
    }
    const repaired = async ({ ranges, sources }: RepairBatch): Promise<RepairAnswer> => {
      for (const kind of RECORD_KINDS) await records[kind].pull(batchOf(ranges), sources)
      return {}
    }
    rpc.serve<DigestBatch, DigestAnswer>('range.digests', (batch) => gate.run(() => digestsOf(batch)))
    rpc.serve<RepairBatch, RepairAnswer>('range.repair', (batch) => gate.run(() => repaired(batch)))
  }

  /** Looks at these ranges, again and again at those that change. In the order of the ranges. */
  async verify(ranges: readonly RangeId[], signal?: AbortSignal): Promise<RangeVerdict[]> {
    const { clock, configs } = this.#c
    const verdicts = new Map<RangeId, RangeVerdict>()
    for (let at = 0; at < ranges.length; at += RANGES_AT_ONCE) {
      let open = ranges.slice(at, at + RANGES_AT_ONCE)
      for (let look = 0; look < LOOKS_MAX && open.length > 0; look++) {
        if (look > 0 || at > 0) await sleep(clock, look > 0 ? LOOK_AGAIN_MS * look : PAUSE_MS, signal)
        const seen = await this.#look(open)
        for (const range of open) verdicts.set(range, judge(configs.get(range), seen(range), verdicts.get(range)))
        open = open.filter((range) => verdicts.get(range)?.verdict === 'busy')
      }
    }
    return ranges.flatMap((range) => verdicts.get(range) ?? [])
  }

  /** Lets the members of these ranges exchange what each lacks; resolves when they have, or have taken long. */
  async repair(ranges: readonly RangeId[]): Promise<void> {
    const { configs, rpc } = this.#c
    const jobs = new Map<string, { nodeId: NodeId; batch: { ranges: RangeId[]; sources: NodeId[] } }>()
    for (const range of ranges) {
      const members = configs.get(range).old.map(({ nodeId }) => nodeId)
      for (const nodeId of members) {
        const sources = members.filter((other) => other !== nodeId)
        const key = [nodeId, ...sources].join(' ')
        const job = jobs.get(key) ?? { nodeId, batch: { ranges: [], sources } }
        jobs.set(key, job)
        job.batch.ranges.push(range)
      }
    }
    for (const { nodeId, batch } of jobs.values()) {
      for (let at = 0; at < batch.ranges.length; at += RANGES_AT_ONCE) {
        const request: RepairBatch = { ...batch, ranges: batch.ranges.slice(at, at + RANGES_AT_ONCE) }
        await rpc
          .call<RepairAnswer>(nodeId, 'range.repair', request, { timeoutMs: REPAIR_TIMEOUT_MS })
          .catch((error) => {
            this.#log.info('an exchange of records did not end', { with: nodeId, error: errorMessage(error) })
          })
      }
    }
  }

  async #look(ranges: readonly RangeId[]): Promise<(range: RangeId) => MemberDigests[]> {
    const { configs, rpc } = this.#c
    const byNode = new Map<NodeId, RangeId[]>()
    for (const range of ranges) {
      for (const { nodeId } of configs.get(range).old) {
        const asked = byNode.get(nodeId)
        if (asked) asked.push(range)
        else byNode.set(nodeId, [range])
      }
    }
    const answers = new Map<NodeId, Map<RangeId, MemberDigests>>()
    await Promise.all(
      [...byNode].map(async ([nodeId, asked]) => {
        const request: DigestBatch = { ranges: asked }
        const answer = await rpc
          .call<DigestAnswer>(nodeId, 'range.digests', request, { timeoutMs: DIGEST_TIMEOUT_MS })
          .catch(() => undefined)
        const found = new Map<RangeId, MemberDigests>()
        asked.forEach((range, index) => {
          const one = answer?.answers[index]
          if (!one) return
          const [epoch, standing, reg, set, soft] = one
          found.set(range, { nodeId, epoch, standing, digests: { reg, set, soft } })
        })
        answers.set(nodeId, found)
      }),
    )
    return (range) => configs.get(range).old.map(({ nodeId }) => answers.get(nodeId)?.get(range) ?? { nodeId })
  }
}

/** What members say to each other about configs. Configs travel packed in bulk, and as they are in votes. */
import { type RangeId, ThorError } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { AcceptorInput } from '../store/acceptor.ts'
import { parseBallot } from '../store/ballot.ts'
import { parseConfig } from './config.ts'
import type { VoteReply, VoteRequest } from './config-table.ts'
import type { PackedConfigs } from './config-wire.ts'
import type { RangeConfig } from './contract.ts'
import { RANGES_PER_BATCH_MAX } from './limits.ts'

/** `range.vote`: prepare or accept, many ranges at once. Answers in the same order. */
export interface VoteBatch {
  items: VoteRequest[]
}
export interface VoteBatchAnswer {
  replies: VoteReply[]
}

/** `range.install`: adopt these durably. Answers with the epochs that hold afterwards, in the same order. */
export interface InstallBatch {
  configs: PackedConfigs
}
export interface InstallAnswer {
  epochs: number[]
}

/**
 * `range.fill`: a member copies records of these ranges from the sources. It answers when that is done, or soon that it goes
 * on; asking again joins the copy that runs.
 */
export interface FillBatch {
  items: { range: RangeId; epoch: number }[]
  sources: NodeId[]
  urgent?: boolean
}
export interface FillAnswer {
  done: boolean
  /** Once it is done: ranges that were not copied, because they are at another epoch there. */
  stale?: RangeId[]
}

/** `range.driven`, a notice: the sender drives changes of these ranges now; nobody else need begin with them. */
export interface DrivenNotice {
  items: [range: RangeId, epoch: number][]
}

/** `range.confirm`: which of these ranges the node holds completely, as a member of this epoch or a later one. */
export interface ConfirmBatch {
  items: { range: RangeId; epoch: number }[]
}
export interface ConfirmAnswer {
  confirmed: boolean[]
}

/** `range.digests`: what the node has of these ranges, in the same order. */
export interface DigestBatch {
  ranges: RangeId[]
}
export interface DigestAnswer {
  answers: [epoch: number, standing: string, reg: string, set: string, soft: string][]
}

/** `range.repair`: the node fetches what it lacks of these ranges from the sources, then answers. */
export interface RepairBatch {
  ranges: RangeId[]
  sources: NodeId[]
}
export type RepairAnswer = Record<string, never>

/** `range.recover`: this node shall start these ranges anew, as their only voter. Answers with the new configs. */
export interface RecoverBatch {
  items: { range: RangeId; epoch: number }[]
  by: string
}
export interface RecoverAnswer {
  configs: PackedConfigs
}

/** `range.get` */
export interface GetRequest {
  ranges: RangeId[]
}

/** `range.sync`: the caller's epochs of all ranges, 4 bytes each, big endian. */
export interface SyncRequest {
  epochs: Uint8Array
}
export interface SyncAnswer {
  /** Configs newer than the caller's, one page of them. */
  newer: PackedConfigs
  /** There are more: ask again. */
  more: boolean
  /** Ranges of which the caller has the newer config. */
  behind: RangeId[]
}

/** Members of one range, at most. */
const SOURCES_MAX = 64

/** The sources of a copy. Throws `RANGES_BAD_REQUEST`. */
export function sourcesOf(sources: readonly NodeId[] | undefined): readonly NodeId[] {
  const fits = Array.isArray(sources) && sources.length <= SOURCES_MAX
  if (fits && sources.every((one) => typeof one === 'string')) return sources
  throw new ThorError('RANGES_BAD_REQUEST', `a copy from what are no nodes, or more than ${SOURCES_MAX}`)
}

/** The array under `items`, at most a batch long. */
export function batchOf<T>(items: readonly T[] | undefined): readonly T[] {
  if (Array.isArray(items) && items.length <= RANGES_PER_BATCH_MAX) return items
  throw new ThorError('RANGES_TOO_MANY', `a batch carries at most ${RANGES_PER_BATCH_MAX} ranges`)
}

/** Throws `RANGES_BAD_REQUEST` unless it is a vote. */
export function checkedVote({ config, input }: VoteRequest): VoteRequest {
  const parsed = parseConfig(config)
  const ballot = parseBallot(input?.ballot)
  const value = input?.type === 'accept' ? parseConfig(input.value) : undefined
  const fits = input?.type === 'prepare' || (value && value.range === parsed?.range && value.epoch === parsed.epoch + 1)
  if (!parsed || !ballot || !fits) throw new ThorError('RANGES_BAD_REQUEST', 'a vote that cannot be read')
  const checked: AcceptorInput<RangeConfig> = value ? { type: 'accept', ballot, value } : { type: 'prepare', ballot }
  return { config: parsed, input: checked }
}

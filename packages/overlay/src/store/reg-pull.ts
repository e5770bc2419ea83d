/** Copies registers from another node as if their accept messages came late; the messages of that, and who answers them. */
import { type RangeId, type RecordKey, ThorError } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import { RANGES_PER_BATCH_MAX } from '../ranges/limits.ts'
import type { Rpc } from '../rpc/contract.ts'
import { type Ballot, compareBallots, NO_BALLOT, parseBallot } from './ballot.ts'
import { eachAtOnce } from './each-at-once.ts'
import { transferLimits } from './limits.ts'
import type { DigestsRequest } from './range-digests.ts'
import type { RangeLocks } from './range-locks.ts'
import { regLimits } from './reg-limits.ts'
import type { PairsAnswer } from './reg-messages.ts'
import { pairsOf } from './reg-pairs.ts'
import type { ChunkRequest, Transfer } from './transfer.ts'

/** `reg.fetch`: accepted values, as many as fit. */
export interface RegFetchRequest extends ChunkRequest {
  items: [range: RangeId, epoch: number, name: string][]
}

/** Of the first `done` items, in their order; those that the node does not vote for in that epoch are left out. */
export interface RegFetchAnswer {
  done: number
  values: [range: RangeId, name: string, accepted: Ballot, value: Uint8Array][]
}

/** What the acceptor store lets a copy do. */
export interface RegCopy {
  digests(ranges: readonly RangeId[]): Promise<string[]>
  epochOf(range: RangeId): number
  /** Adopts the config that the source has of a range, if it is newer. Never rejects. */
  adoptFrom(range: RangeId, source: NodeId): Promise<void>
  /** What is accepted here; `damaged` when it cannot be read. */
  accepted(key: RecordKey): Promise<Ballot | 'damaged'>
  /** Like a late accept message; decides the register anew where more is promised. */
  take(key: RecordKey, epoch: number, accepted: Ballot, value: Uint8Array): Promise<void>
  mend(key: RecordKey): Promise<void>
}

interface Wanted {
  key: RecordKey
  epoch: number
}

/** Brings the registers of these ranges up to those of one source. Throws when the source does not give everything. */
export async function pullRegisters(
  { rpc, transfer, locks, copy }: { rpc: Rpc; transfer: Transfer; locks: RangeLocks; copy: RegCopy },
  ranges: readonly RangeId[],
  source: NodeId,
  urgent: boolean,
): Promise<void> {
  for (let at = 0; at < ranges.length; at += RANGES_PER_BATCH_MAX) {
    const batch = ranges.slice(at, at + RANGES_PER_BATCH_MAX)
    const request: DigestsRequest = { ranges: batch, epochs: batch.map((range) => copy.epochOf(range)) }
    const theirs = await rpc.call<string[]>(source, 'reg.digests', request, {
      timeoutMs: transferLimits.chunkTimeoutMs,
    })
    const digests = new Map(batch.map((range, index) => [range, theirs[index]]))
    const differing = async (some: readonly RangeId[]): Promise<RangeId[]> => {
      const mine = await copy.digests(some)
      return some.filter((range, index) => mine[index] !== digests.get(range))
    }
    const ask = <A>(method: string, body: object): Promise<A> => transfer.fetch<A>(source, method, body, urgent)
    await locks.run(await differing(batch), async (held) => pullHeld({ ask, copy }, await differing(held), source))
  }
}

type Ask = <A>(method: string, body: object) => Promise<A>

async function pullHeld(
  { ask, copy }: { ask: Ask; copy: RegCopy },
  ranges: readonly RangeId[],
  source: NodeId,
): Promise<void> {
  if (ranges.length === 0) return
  const wanted = ranges.map((range) => ({ range, epoch: copy.epochOf(range) }))
  const epochs = new Map(wanted.map(({ range, epoch }) => [range, epoch]))
  const list = (method: string, body: object) => ask<PairsAnswer>(method, { ...body, copy: true })
  const behind: Wanted[] = []
  let bytes = 0
  const refused = new Set<RangeId>()
  const fetchBehind = async (): Promise<void> => {
    bytes = 0
    await fetchAll({ ask, copy }, behind.splice(0))
  }
  for await (const page of pairsOf(list, wanted)) {
    for (const range of page.refused) refused.add(range)
    await eachAtOnce(page.pairs, transferLimits.recordsAtOnce, async ([range, name, accepted]) => {
      const epoch = epochs.get(range)
      if (epoch === undefined || compareBallots(accepted, NO_BALLOT) <= 0) return
      const key: RecordKey = { range, name }
      const here = await copy.accepted(key)
      if (here === 'damaged') return copy.mend(key)
      if (compareBallots(accepted, here) <= 0) return
      behind.push({ key, epoch })
      bytes += name.length
    })
    if (bytes >= transferLimits.namesBytesMax) await fetchBehind()
  }
  await fetchBehind()
  const [range] = refused
  if (range === undefined) return
  // So that whoever asked for the copy leaves out what has gone on, the next time.
  await eachAtOnce(refused, transferLimits.windowChunks, (one) => copy.adoptFrom(one, source))
  throw new ThorError('STORE_UNAVAILABLE', `${source} does not vote for range ${range} in this epoch`)
}

async function fetchAll({ ask, copy }: { ask: Ask; copy: RegCopy }, wanted: readonly Wanted[]): Promise<void> {
  let at = 0
  while (at < wanted.length) {
    const some = someOf(wanted.slice(at, at + regLimits.pageEntriesMax))
    const epochs = new Map(some.map(({ key, epoch }) => [key.range, epoch]))
    const items = some.map(({ key: { range, name }, epoch }): RegFetchRequest['items'][number] => [range, epoch, name])
    const answer = await ask<RegFetchAnswer>('reg.fetch', { items } satisfies RegFetchRequest)
    await eachAtOnce(answer.values, regLimits.redecideAtOnce, async ([range, name, accepted, value]) => {
      const epoch = epochs.get(range)
      const ballot = parseBallot(accepted)
      if (epoch === undefined || !ballot || !(value instanceof Uint8Array)) return
      if (value.length <= regLimits.valueBytesMax) await copy.take({ range, name }, epoch, ballot, value)
    })
    at += Math.max(1, Math.min(answer.done, some.length))
  }
}

function someOf(wanted: readonly Wanted[]): Wanted[] {
  let bytes = 0
  const end = wanted.findIndex(({ key }) => {
    bytes += key.name.length
    return bytes > transferLimits.namesBytesMax
  })
  return wanted.slice(0, end < 0 ? undefined : Math.max(1, end))
}

/** The other side of `reg.fetch`. `read`: undefined for what this node does not vote for in that epoch. */
export async function answerFetch(
  { items }: RegFetchRequest,
  read: (key: RecordKey, epoch: number) => Promise<{ accepted: Ballot; value: Uint8Array | undefined } | undefined>,
): Promise<RegFetchAnswer> {
  const answer: RegFetchAnswer = { done: 0, values: [] }
  let bytes = 0
  for (const [range, epoch, name] of items.slice(0, regLimits.pageEntriesMax)) {
    const found = await read({ range, name }, epoch)
    answer.done++
    if (!found?.value) continue
    answer.values.push([range, name, found.accepted, found.value])
    bytes += name.length + found.value.length
    if (bytes >= transferLimits.chunkBytesMax) break
  }
  return answer
}

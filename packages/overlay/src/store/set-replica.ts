import { type Disk, errorMessage, type Logger, type RangeId, ThorError } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import { parseConfig } from '../ranges/config.ts'
import type { RangeConfig, RangeConfigs, RangeRecords } from '../ranges/contract.ts'
import { coverageOf } from '../ranges/coverage.ts'
import { RANGES_PER_BATCH_MAX } from '../ranges/limits.ts'
import type { Rpc } from '../rpc/contract.ts'
import { inParallel } from './fanout.ts'
import { setLimits, transferLimits } from './limits.ts'
import type { DigestsRequest } from './range-digests.ts'
import { RangeLocks } from './range-locks.ts'
import { itemOf, SetShelf, type ShelfItem, type ShelfRecord } from './set-shelf.ts'
import type { ChunkRequest, Transfer } from './transfer.ts'

/** A refusal: the receiver knows a newer config. */
export interface Newer {
  newer: RangeConfig
}

export interface RangeRequest {
  range: RangeId
  epoch: number
}

export type PutAnswer = Newer | { ok: true }
export type GetAnswer = Newer | { warming: true } | { bodies: Uint8Array[] }
export type PageAnswer<T> = { items: T[]; next?: string }
export type ListAnswer = Newer | { warming: true } | PageAnswer<[name: string, bytes: Uint8Array]>
export type ScanItem = [range: RangeId, name: string, bytes: Uint8Array]
/** `complete`: `coverageOf` the node while it made this page. */
export type ScanAnswer = { items: ScanItem[]; complete: Uint8Array; next?: [range: RangeId, after: string] }

/** One answer carries at most so many bytes of records (and one record at least). */
const PAGE_BYTES = 1024 * 1024

export function newerOf(answer: unknown): RangeConfig | undefined {
  if (typeof answer !== 'object' || answer === null || !('newer' in answer)) return undefined
  return parseConfig(answer.newer)
}

export interface SetReplicaComponents {
  disk: Disk
  rpc: Rpc
  configs: RangeConfigs
  log: Logger
  transfer: Transfer
}

/** The part of SET that keeps records and answers for them. Serves `set.*`. */
export class SetReplica implements RangeRecords {
  readonly shelf: SetShelf
  readonly #rpc: Rpc
  readonly #configs: RangeConfigs
  readonly #transfer: Transfer
  readonly #locks = new RangeLocks()

  constructor(components: SetReplicaComponents, init: { onStored: (record: ShelfRecord) => void }) {
    this.#rpc = components.rpc
    this.#configs = components.configs
    this.#transfer = components.transfer
    this.shelf = new SetShelf(components, init)
    this.#serve()
  }

  #serve(): void {
    const rpc = this.#rpc
    rpc.serve<RangeRequest & { name: string; bytes: Uint8Array }, PutAnswer>('set.put', async (request, from) => {
      const fence = await this.#configs.fence(request.range, request.epoch, from)
      if (!fence.ok) return { newer: fence.newer }
      if (request.bytes.length > setLimits.bodyBytesMax)
        throw new ThorError('STORE_TOO_LARGE', 'the record is too large')
      const { range, epoch } = request
      this.#configs.checkVoice(range)
      const mayWrite = () => this.#configs.get(range).epoch === epoch
      const done = await this.shelf.put(range, request.name, request.bytes, mayWrite)
      return done ? { ok: true } : { newer: this.#configs.get(range) }
    })
    rpc.serve<RangeRequest & { name: string }, GetAnswer>('set.get', async (request, from) => {
      const fence = await this.#configs.fence(request.range, request.epoch, from)
      if (!fence.ok) return { newer: fence.newer }
      const bodies = await this.shelf.get(request.range, request.name)
      // What a warming copy has is good; what it lacks means nothing.
      return bodies.length === 0 && !this.#isSure(request.range) ? { warming: true } : { bodies }
    })
    rpc.serve<RangeRequest & { prefix: string; after?: string }, ListAnswer>('set.list', async (request, from) => {
      const fence = await this.#configs.fence(request.range, request.epoch, from)
      if (!fence.ok) return { newer: fence.newer }
      if (!this.#isSure(request.range)) return { warming: true }
      return this.#page(request.range, request.prefix, request.after)
    })
    rpc.serve<{ prefix: string; from: [RangeId, string] | null }, ScanAnswer>('set.scan', (request) =>
      this.#scan(request.prefix, request.from ?? undefined),
    )
    rpc.serve<DigestsRequest, string[]>('set.digests', (request) => this.shelf.answerDigests(request, this.#configs))
    rpc.serve<RangeRequest & ChunkRequest & { after: string | null }, Newer | PageAnswer<ShelfItem>>(
      'set.items',
      (request, from) =>
        // The fence when it is its turn: what waited may ask for a range that has gone on, and was wiped.
        this.#transfer.give(from, request.urgent === true, async () => {
          const fence = await this.#configs.fence(request.range, request.epoch, from)
          if (!fence.ok) return { newer: fence.newer }
          await this.shelf.settle(request.range)
          return this.#items(request.range, request.after ?? undefined)
        }),
    )
    rpc.serve<ChunkRequest & { range: RangeId; items: ShelfItem[] }, [string, Uint8Array][]>(
      'set.fetch',
      ({ range, items, urgent }, from) =>
        this.#transfer.give(from, urgent === true, () => this.#fetched(range, items.slice(0, transferLimits.itemsMax))),
    )
  }

  /** What this node lacks of the range is not there. */
  #isSure(range: RangeId): boolean {
    return this.#configs.standing(range) === 'member' && this.#configs.hasVoice(range)
  }

  digest(range: RangeId): Promise<string> {
    return this.shelf.digest(range)
  }

  wipe(range: RangeId): Promise<void> {
    return this.shelf.wipe(range)
  }

  /**
   * Fetches from every source what this node lacks, in chunks of 64 KiB through the window of `Transfer`. What has come is
   * kept: a pull that broke off goes on where it was. Rejects with `STORE_UNAVAILABLE` when a source did not give everything.
   */
  async pull(ranges: readonly RangeId[], sources: readonly NodeId[], urgent = false): Promise<void> {
    for (const source of sources) {
      for (let at = 0; at < ranges.length; at += RANGES_PER_BATCH_MAX) {
        await this.#pullSome(ranges.slice(at, at + RANGES_PER_BATCH_MAX), source, urgent)
      }
    }
  }

  async #pullSome(ranges: readonly RangeId[], source: NodeId, urgent: boolean): Promise<void> {
    const theirs = await this.#digestsOf(source, ranges)
    const mine = await this.shelf.digests(ranges)
    const differing = ranges.filter((_, i) => mine[i] !== theirs[i])
    const digests = new Map(ranges.map((range, i) => [range, theirs[i]]))
    await inParallel(differing, transferLimits.windowChunks, (one) =>
      this.#locks.run([one], async ([range = one]) => {
        const equal = (await this.shelf.digest(range)) === digests.get(range)
        if (!equal) await this.#pullRange(range, source, urgent)
      }),
    )
  }

  async #pullRange(range: RangeId, source: NodeId, urgent: boolean): Promise<void> {
    let after: string | null = null
    let turns = 0
    for (;;) {
      const { epoch } = this.#configs.get(range)
      const request: object = { range, epoch, after }
      const answer: Newer | PageAnswer<ShelfItem> = await this.#ask(source, 'set.items', request, urgent)
      if ('newer' in answer) {
        const newer = newerOf(answer)
        if (!newer || ++turns > setLimits.epochRetriesMax) throw this.#failed(source, 'its config differs')
        await this.#configs.adopt(newer)
        continue
      }
      await this.#fetchMissing(range, source, answer.items, urgent)
      if (answer.next === undefined) return
      after = answer.next
    }
  }

  async #fetchMissing(range: RangeId, source: NodeId, items: readonly ShelfItem[], urgent: boolean): Promise<void> {
    const missing = new Map<string, ShelfItem>()
    await inParallel(items, transferLimits.recordsAtOnce, async (item) => {
      const mine = await this.shelf.get(range, item[0])
      if (!mine.some((bytes) => itemOf({ range, name: item[0], bytes })[1] === item[1])) missing.set(item[0], item)
    })
    while (missing.size > 0) {
      const request = { range, items: someOf(missing.values()) }
      const chunk = await this.#ask<[string, Uint8Array][]>(source, 'set.fetch', request, urgent)
      if (chunk.length === 0) throw this.#failed(source, 'records that it listed are gone')
      await Promise.all(chunk.map(([name, bytes]) => this.shelf.put(range, name, bytes)))
      for (const [name] of chunk) missing.delete(name)
    }
  }

  async #fetched(range: RangeId, items: readonly ShelfItem[]): Promise<[string, Uint8Array][]> {
    const out: [string, Uint8Array][] = []
    let bytes = 0
    for (const [name] of items) {
      for (const body of await this.shelf.get(range, name)) {
        out.push([name, body])
        bytes += name.length + body.length
      }
      if (bytes >= transferLimits.chunkBytesMax) break
    }
    return out
  }

  async #page(range: RangeId, prefix: string, after: string | undefined): Promise<PageAnswer<[string, Uint8Array]>> {
    const items: [string, Uint8Array][] = []
    let bytes = 0
    for await (const record of this.shelf.records(range, prefix, after)) {
      items.push([record.name, record.bytes])
      bytes += record.name.length + record.bytes.length
      if (bytes >= PAGE_BYTES) return { items, next: record.name }
    }
    return { items }
  }

  async #items(range: RangeId, after: string | undefined): Promise<PageAnswer<ShelfItem>> {
    const items: ShelfItem[] = []
    let bytes = 0
    for await (const record of this.shelf.records(range, '', after)) {
      items.push(itemOf(record))
      bytes += record.name.length + 16
      if (bytes >= transferLimits.chunkBytesMax) return { items, next: record.name }
    }
    return { items }
  }

  async #scan(prefix: string, from: [RangeId, string] | undefined): Promise<ScanAnswer> {
    const complete = coverageOf(this.#configs)
    const items: ScanItem[] = []
    let bytes = 0
    for await (const range of this.shelf.ranges(from?.[0] ?? 0)) {
      // Copies that are left over or not complete are others' business.
      if (this.#configs.standing(range) !== 'member') continue
      for await (const record of this.shelf.records(range, prefix, range === from?.[0] ? from[1] : undefined)) {
        items.push([range, record.name, record.bytes])
        bytes += record.name.length + record.bytes.length
        if (bytes >= PAGE_BYTES) return { items, complete, next: [range, record.name] }
      }
    }
    return { items, complete }
  }

  async #digestsOf(source: NodeId, ranges: readonly RangeId[]): Promise<string[]> {
    try {
      const options = { timeoutMs: transferLimits.chunkTimeoutMs }
      const request: DigestsRequest = {
        ranges: [...ranges],
        epochs: ranges.map((range) => this.#configs.get(range).epoch),
      }
      return await this.#rpc.call<string[]>(source, 'set.digests', request, options)
    } catch (error) {
      throw this.#failed(source, errorMessage(error), error)
    }
  }

  async #ask<A>(source: NodeId, method: string, body: object, urgent: boolean): Promise<A> {
    try {
      return await this.#transfer.fetch<A>(source, method, body, urgent)
    } catch (error) {
      throw this.#failed(source, errorMessage(error), error)
    }
  }

  #failed(source: NodeId, why: string, cause?: unknown): ThorError {
    return new ThorError('STORE_UNAVAILABLE', `records could not be copied from ${source}: ${why}`, { cause })
  }
}

/** As many as one request carries, one at least. */
function someOf(items: Iterable<ShelfItem>): ShelfItem[] {
  const some: ShelfItem[] = []
  let bytes = 0
  for (const item of items) {
    bytes += item[0].length + item[1].length
    if (some.length > 0 && bytes > transferLimits.namesBytesMax) break
    some.push(item)
  }
  return some
}

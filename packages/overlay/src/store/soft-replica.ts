import {
  type Clock,
  compareUtf8,
  errorMessage,
  type Logger,
  RANGE_COUNT,
  type RangeId,
  ThorError,
} from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { RangeConfigs, RangeRecords } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import { softLimits, transferLimits } from './limits.ts'
import { RangeLocks } from './range-locks.ts'
import {
  fromWire,
  type SoftListPage,
  type SoftPage,
  type SoftPut,
  type SoftPutAnswer,
  type SoftRead,
  type SoftReadAnswer,
  toWire,
  type WireRecord,
  wireBytes,
} from './soft-messages.ts'
import { SoftPages } from './soft-pages.ts'
import { compareEntries, type SoftRecord } from './soft-record.ts'
import type { SoftTable } from './soft-table.ts'
import type { ChunkRequest, Transfer } from './transfer.ts'

export interface SoftReplicaComponents {
  clock: Clock
  rpc: Rpc
  configs: RangeConfigs
  table: SoftTable
  log: Logger
  transfer: Transfer
}

/** The part of SOFT that keeps entries and answers for them. Serves `soft.*`. */
export class SoftReplica implements RangeRecords {
  readonly #c: SoftReplicaComponents
  readonly #log: Logger
  readonly #locks = new RangeLocks()

  /** `isFilling`: this node has just started, and its memory is not complete yet. */
  constructor(components: SoftReplicaComponents, init: { isFilling: () => boolean }) {
    this.#c = components
    this.#log = components.log.forComponent('overlay:soft')
    const { rpc, table, configs } = components
    const put = async (request: SoftPut, from: NodeId): Promise<SoftPutAnswer> => {
      const fence = await configs.fence(request.range, request.epoch, from)
      if (!fence.ok) return { newer: fence.newer }
      return this.#put(request)
    }
    rpc.serve('soft.put', put, { asIs: true })
    const read = async (request: SoftRead, from: NodeId): Promise<SoftReadAnswer> => {
      const fence = await configs.fence(request.range, request.epoch, from)
      if (!fence.ok) return { newer: fence.newer }
      const entries = table.get(request.range, request.name).map((entry) => toWire(entry, components.clock))
      return { entries, warming: init.isFilling() || configs.standing(request.range) === 'warming' }
    }
    rpc.serve('soft.read', read, { asIs: true })
    rpc.serve<{ records: WireRecord[] }, { kept: number }>('soft.merge', ({ records }) => ({
      kept: this.take(records.slice(0, softLimits.mergeRecordsMax)),
    }))
    rpc.serve<{ ranges: RangeId[] }, string[]>('soft.digests', ({ ranges }) =>
      ranges.slice(0, RANGE_COUNT).map((range) => table.digest(range)),
    )
    const pages = new SoftPages({ table, wire: (record) => this.wireRecord(record) })
    rpc.serve<ChunkRequest & { ranges: RangeId[]; next: [number, number] | null }, SoftPage>(
      'soft.page',
      ({ ranges, next, urgent }, from) =>
        components.transfer.give(from, urgent === true, () =>
          pages.give(from, ranges.slice(0, RANGE_COUNT), next ?? undefined),
        ),
    )
    rpc.serve<{ prefix: string; from: [RangeId, string] | null }, SoftListPage>('soft.list', ({ prefix, from }) => {
      const isAfter = (record: SoftRecord) =>
        from === null || (compareUtf8(record.name, from[1]) || record.range - from[0]) > 0
      return this.#page(table.withPrefix(prefix).filter(isAfter))
    })
  }

  /** Merges what another node sent; returns how many records were taken without fault. */
  take(records: readonly WireRecord[]): number {
    let kept = 0
    for (const [range, name, entries] of records) {
      try {
        for (const wire of entries) {
          const entry = fromWire(wire, this.#c.clock, softLimits.ttlMsMax)
          if (entry) this.#c.table.merge(range, name, entry)
        }
        kept++
      } catch (error) {
        this.#log.warn('an entry of another node was not taken', { name, error: errorMessage(error) })
      }
    }
    return kept
  }

  async pull(ranges: readonly RangeId[], sources: readonly NodeId[], urgent = false): Promise<void> {
    const { rpc, table, transfer } = this.#c
    for (const source of sources) {
      const theirs = await this.#asking(source, () =>
        rpc.call<string[]>(source, 'soft.digests', { ranges }, { timeoutMs: transferLimits.chunkTimeoutMs }),
      )
      const digests = new Map(ranges.map((range, i) => [range, theirs[i]]))
      const differs = (range: RangeId): boolean => table.digest(range) !== digests.get(range)
      await this.#locks.run(ranges.filter(differs), async (held) => {
        const differing = held.filter(differs)
        let next: SoftPage['next'] | null = null
        while (differing.length > 0) {
          const request = { ranges: next ? [] : differing, next }
          const ask = () => transfer.fetch<SoftPage>(source, 'soft.page', request, urgent)
          const page: SoftPage = await this.#asking(source, ask)
          this.take(page.records)
          if (!page.next) break
          next = page.next
        }
      })
    }
  }

  async wipe(range: RangeId): Promise<void> {
    this.#c.table.wipe(range)
  }

  async digest(range: RangeId): Promise<string> {
    return this.#c.table.digest(range)
  }

  wireRecord(record: SoftRecord): WireRecord {
    const entries = this.#c.table.entriesOf(record).map((entry) => toWire(entry, this.#c.clock))
    return [record.range, record.name, entries]
  }

  #put({ range, name, entry: wire, newest }: SoftPut): SoftPutAnswer {
    const entry = fromWire(wire, this.#c.clock, softLimits.ttlMsMax)
    if (!entry || entry.body.length > softLimits.bodyBytesMax) {
      throw new ThorError('STORE_TOO_LARGE', 'this is no entry, or a too large one')
    }
    const there = this.#c.table.find(range, name, entry.sub)
    if (there && compareEntries(there, entry) > 0) {
      // A writer with an older `seq` of its own is late, and told that all is well: the newer state stays.
      if (!newest && there.seq > entry.seq) return { ok: true }
      return { behind: { seq: there.seq, hlc: there.hlc } }
    }
    this.#c.table.merge(range, name, entry)
    return { ok: true }
  }

  #page(records: readonly SoftRecord[]): SoftListPage {
    const out: WireRecord[] = []
    let bytes = 0
    for (const record of records) {
      const wire = this.wireRecord(record)
      if (wire[2].length === 0) continue
      out.push(wire)
      bytes += wireBytes(wire)
      if (bytes >= transferLimits.chunkBytesMax) return { records: out, next: [record.range, record.name] }
    }
    return { records: out }
  }

  async #asking<A>(source: NodeId, ask: () => Promise<A>): Promise<A> {
    try {
      return await ask()
    } catch (cause) {
      const message = `entries could not be copied from ${source}: ${errorMessage(cause)}`
      throw new ThorError('STORE_UNAVAILABLE', message, { cause })
    }
  }
}

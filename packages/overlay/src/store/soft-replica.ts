import { type Clock, compareUtf8, errorMessage, type Logger, type RangeId, ThorError } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import type { RangeConfigs, RangeRecords } from '../ranges/contract.ts'
import type { Rpc } from '../rpc/contract.ts'
import { softLimits, transferLimits } from './limits.ts'
import {
  fromWire,
  type SoftPage,
  type SoftPut,
  type SoftPutAnswer,
  type SoftRead,
  type SoftReadAnswer,
  toWire,
  type WireRecord,
  wireBytes,
} from './soft-messages.ts'
import { compareEntries, type SoftRecord, type SoftTable } from './soft-table.ts'

export interface SoftReplicaComponents {
  clock: Clock
  rpc: Rpc
  configs: RangeConfigs
  table: SoftTable
  log: Logger
}

/** The part of SOFT that keeps entries and answers for them. Serves `soft.*`. */
export class SoftReplica implements RangeRecords {
  readonly #c: SoftReplicaComponents
  readonly #log: Logger

  /** `isFilling`: this node has just started, and its memory is not complete yet. */
  constructor(components: SoftReplicaComponents, init: { isFilling: () => boolean }) {
    this.#c = components
    this.#log = components.log.forComponent('overlay:soft')
    const { rpc, table, configs } = components
    rpc.serve<SoftPut, SoftPutAnswer>('soft.put', async (request, from) => {
      const fence = await configs.fence(request.range, request.epoch, from)
      if (!fence.ok) return { newer: fence.newer }
      return this.#put(request)
    })
    rpc.serve<SoftRead, SoftReadAnswer>('soft.read', async (request, from) => {
      const fence = await configs.fence(request.range, request.epoch, from)
      if (!fence.ok) return { newer: fence.newer }
      const entries = table.get(request.range, request.name).map((entry) => toWire(entry, components.clock))
      return { entries, warming: init.isFilling() || configs.standing(request.range) === 'warming' }
    })
    rpc.serve<{ records: WireRecord[] }, { kept: number }>('soft.merge', ({ records }) => ({
      kept: this.take(records),
    }))
    rpc.serve<{ ranges: RangeId[] }, string[]>('soft.digests', ({ ranges }) =>
      ranges.map((range) => table.digest(range)),
    )
    rpc.serve<{ ranges: RangeId[]; from: [RangeId, string] | null }, SoftPage>('soft.page', ({ ranges, from }) => {
      const records = ranges.toSorted((one, other) => one - other).flatMap((range) => table.recordsOf(range))
      const isAfter = (record: SoftRecord) =>
        from === null || record.range > from[0] || (record.range === from[0] && compareUtf8(record.name, from[1]) > 0)
      return this.#page(records.filter(isAfter))
    })
    rpc.serve<{ prefix: string; from: [RangeId, string] | null }, SoftPage>('soft.list', ({ prefix, from }) => {
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

  async pull(ranges: readonly RangeId[], sources: readonly NodeId[]): Promise<void> {
    for (const source of sources) {
      const theirs = await this.#ask<string[]>(source, 'soft.digests', { ranges })
      const differing = ranges.filter((range, i) => theirs[i] !== this.#c.table.digest(range))
      let from: SoftPage['next'] | null = null
      while (differing.length > 0) {
        const page: SoftPage = await this.#ask(source, 'soft.page', { ranges: differing, from })
        this.take(page.records)
        if (!page.next) break
        from = page.next
      }
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

  #page(records: readonly SoftRecord[]): SoftPage {
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

  async #ask<A>(source: NodeId, method: string, body: unknown): Promise<A> {
    try {
      return await this.#c.rpc.call<A>(source, method, body, { timeoutMs: transferLimits.chunkTimeoutMs })
    } catch (cause) {
      const message = `entries could not be copied from ${source}: ${errorMessage(cause)}`
      throw new ThorError('STORE_UNAVAILABLE', message, { cause })
    }
  }
}

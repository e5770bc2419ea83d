import { type RangeId, ThorError } from '@thor-node/core'
import type { NodeId } from '../peers.ts'
import { transferLimits } from './limits.ts'
import { type SoftPage, type WireRecord, wireBytes } from './soft-messages.ts'
import type { SoftRecord } from './soft-record.ts'
import type { SoftTable } from './soft-table.ts'

interface Open {
  from: NodeId
  records: Iterator<SoftRecord>
  /** The page that is given next; another one cannot be given any more. */
  page: number
}

/**
 * Gives the records of ranges to other nodes, page by page, without sorting or copying what may be a million of them: each
 * receiver has a place in the table itself. Records that come meanwhile may be missed; the next comparison finds them. A
 * page that was lost cannot be had again: the receiver then begins anew, and takes only what still differs.
 */
export class SoftPages {
  readonly #table: SoftTable
  readonly #wire: (record: SoftRecord) => WireRecord
  readonly #open = new Map<number, Open>()
  #lastId = 0

  constructor(components: { table: SoftTable; wire: (record: SoftRecord) => WireRecord }) {
    this.#table = components.table
    this.#wire = components.wire
  }

  get size(): number {
    return this.#open.size
  }

  /** `next`: as the page before named it; undefined begins. Throws `STORE_UNAVAILABLE` when that place is forgotten. */
  give(from: NodeId, ranges: readonly RangeId[], next: SoftPage['next'] | undefined): SoftPage {
    const [id, page] = next ?? [++this.#lastId, 0]
    const open = next ? this.#open.get(id) : { from, page, records: this.#recordsOf(ranges) }
    this.#open.delete(id)
    if (!open || open.page !== page || open.from !== from) {
      throw new ThorError('STORE_UNAVAILABLE', 'this list was given up: begin anew')
    }
    const records: WireRecord[] = []
    let bytes = 0
    while (bytes < transferLimits.chunkBytesMax) {
      const { done, value } = open.records.next()
      if (done) return { records }
      const record = this.#wire(value)
      if (record[2].length === 0) continue
      records.push(record)
      bytes += wireBytes(record)
    }
    open.page++
    this.#open.set(id, open)
    const oldest = this.#open.keys().next()
    if (this.#open.size > transferLimits.openPagesMax && !oldest.done) this.#open.delete(oldest.value)
    return { records, next: [id, open.page] }
  }

  *#recordsOf(ranges: readonly RangeId[]): Generator<SoftRecord, undefined> {
    for (const range of ranges) yield* this.#table.unsorted(range)
  }
}

/** The register `tx/<node>/<index>`: which transaction of its node is the latest, and what became of it; pure. */
import type { RecordKey } from '@thor-node/core'
import type { ChangeFn } from './reg-operation.ts'

export interface TxRecord {
  /** Grows by 1 with each transaction. */
  seq: number
  state: 'pending' | 'committed' | 'aborted'
  /** When it began, by the median clock of a quorum; epoch milliseconds. */
  at: number
  /** Its registers. */
  keys: [range: number, name: string][]
}

export type Verdict = 'pending' | 'committed' | 'aborted'

export type Begun =
  | { type: 'begun'; seq: number; at: number }
  /** The one before was committed, and nobody knows whether all its registers are settled. */
  | { type: 'unsettled'; seq: number; keys: RecordKey[] }

/**
 * What became of a transaction whose intent is on a register. A later one in its place: it was aborted, for the next begins
 * only when those registers of a committed one are settled, and this intent is still there.
 */
export function verdictOf(record: TxRecord | undefined, seq: number): Verdict {
  if (!record || record.seq > seq) return 'aborted'
  // An intent is placed after its transaction has begun, so an earlier one is only seen in a copy that is behind.
  return record.seq === seq ? record.state : 'pending'
}

/** `settled`: the transaction whose registers are known to be settled. One that is pending is aborted by this. */
export function beginning(keys: readonly RecordKey[], settled: number | undefined): ChangeFn<TxRecord, Begun> {
  return (current, now) => {
    const before = current?.body
    if (before?.state === 'committed' && before.seq !== settled) {
      const open = before.keys.map(([range, name]) => ({ range, name }))
      return { keep: true, result: { type: 'unsettled', seq: before.seq, keys: open } }
    }
    const seq = (before?.seq ?? 0) + 1
    const body: TxRecord = { seq, state: 'pending', at: now, keys: keys.map(({ range, name }) => [range, name]) }
    return { body, result: { type: 'begun', seq, at: now } }
  }
}

/** True when it is committed now. */
export function committing(seq: number): ChangeFn<TxRecord, boolean> {
  return (current) => {
    const body = current?.body
    if (body?.seq !== seq || body.state === 'aborted') return { keep: true, result: false }
    if (body.state === 'committed') return { keep: true, result: true }
    return { body: { ...body, state: 'committed' }, result: true }
  }
}

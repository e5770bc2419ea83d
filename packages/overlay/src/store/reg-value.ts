/** What lies in a register: the body as bytes, how often it changed, and the results of the latest operations. */
import { createHash } from 'node:crypto'
import { type Decision, ThorError, type Versioned } from '@thor-node/core'
import { Packr } from 'msgpackr'
import { regLimits } from './reg-limits.ts'

export interface RecentOperation {
  opId: string
  /** Epoch milliseconds by the median clock of the quorum that was asked. */
  at: number
  result: unknown
}

export interface RegValue {
  rev: number
  /** Undefined in a tombstone: the key is deleted, but its ballots and `rev` go on. */
  body: Uint8Array | undefined
  /** Oldest first. */
  recent: readonly RecentOperation[]
}

const packr = new Packr({ useRecords: false })

export function encodeValue({ rev, body, recent }: RegValue): Uint8Array {
  return packr.pack([rev, body ?? null, recent.map(({ opId, at, result }) => [opId, at, result])])
}

export function decodeValue(bytes: Uint8Array): RegValue {
  const [rev, body, recent] = packr.unpack(bytes) as [number, Uint8Array | null, [string, number, unknown][]]
  return { rev, body: body ?? undefined, recent: recent.map(([opId, at, result]) => ({ opId, at, result })) }
}

/** What callers see of a value; undefined for a tombstone and for a key that never was. Decodes anew each time. */
export function versioned<B>(value: RegValue | undefined): Versioned<B> | undefined {
  if (!value?.body) return undefined
  const hash = createHash('sha256').update(value.body).digest('hex').slice(0, 8)
  return { rev: value.rev, etag: `${value.rev}-${hash}`, body: packr.unpack(value.body) as B }
}

/** What an operation makes of a value. */
export type Applied<R> =
  | { type: 'changed'; value: RegValue; result: R }
  /** Nothing to write; `replayed` when the operation was applied before. */
  | { type: 'unchanged'; result: R; replayed: boolean }
  | { type: 'threw'; error: unknown }

/** Applies an operation once: a known `opId` gives its recorded result again. `now` as in `RecentOperation.at`. */
export function applyOperation<B, R>(
  value: RegValue | undefined,
  opId: string,
  fn: (current: Versioned<B> | undefined) => Decision<B, R>,
  now: number,
): Applied<R> {
  const known = value?.recent.find((operation) => operation.opId === opId)
  if (known) return { type: 'unchanged', result: known.result as R, replayed: true }
  let decision: Decision<B, R>
  try {
    decision = fn(versioned<B>(value))
  } catch (error) {
    return { type: 'threw', error }
  }
  const { result } = decision
  if ('keep' in decision) return { type: 'unchanged', result, replayed: false }
  const kept = remembered(value?.recent ?? [], now)
  if (kept.length >= regLimits.recentRepeatMax) {
    const error = new ThorError('STORE_UNAVAILABLE', `${kept.length} changes in a few seconds; nothing changed`)
    return { type: 'threw', error }
  }
  return {
    type: 'changed',
    result,
    value: {
      rev: (value?.rev ?? 0) + 1,
      body: decision.body === undefined ? undefined : packr.pack(decision.body),
      recent: [...kept, { opId, at: now, result }],
    },
  }
}

/** What must stay remembered: the latest, and all that a caller without an answer may still repeat. */
function remembered(recent: readonly RecentOperation[], now: number): readonly RecentOperation[] {
  const young = recent.filter(({ at }) => at > now - regLimits.recentAgeMs)
  const excess = young.length - regLimits.recentMax + 1
  return young.filter(({ at }, index) => index >= excess || at > now - regLimits.recentRepeatMs)
}

export function checkedEncode(value: RegValue): Uint8Array {
  const bytes = encodeValue(value)
  if (bytes.length <= regLimits.valueBytesMax) return bytes
  throw new ThorError('STORE_TOO_LARGE', `a value of ${bytes.length} bytes; ${regLimits.valueBytesMax} are allowed`)
}

/** What lies in a register: the body as bytes, how often it changed, the results of the latest operations, an intent. */
import { createHash } from 'node:crypto'
import { type RecordKey, ThorError, type Versioned } from '@thor-node/core'
import { Packr } from 'msgpackr'
import { regLimits } from './reg-limits.ts'
import { type Forgotten, NOTHING_FORGOTTEN, type RecentOperation, RecentOperations } from './reg-recent.ts'

/**
 * What a transaction makes of the register once it is committed (reg-transactions.ts). While it is there, nobody else
 * changes the register.
 */
export interface Intent extends RecentOperation {
  /** The register that says whether the transaction is committed, and which of its transactions this is. */
  tx: RecordKey
  seq: number
  /** The body stays as it is; only the result is remembered. */
  keep: boolean
  body: Uint8Array | undefined
}

export interface RegValue {
  rev: number
  /** Undefined in a tombstone: the key is deleted, but its ballots and `rev` go on. */
  body: Uint8Array | undefined
  recent: RecentOperations
  forgotten: Forgotten
  intent?: Intent
}

/** A key that never was. */
export const emptyValue: RegValue = {
  rev: 0,
  body: undefined,
  recent: RecentOperations.none,
  forgotten: NOTHING_FORGOTTEN,
}

const packr = new Packr({ useRecords: false })

export const packPlain = (data: unknown): Uint8Array => packr.pack(data)
export const unpackPlain = (bytes: Uint8Array): unknown => packr.unpack(bytes)

type WireIntent = [range: number, name: string, seq: number, keep: 0 | 1, body: Uint8Array | null, entry: Uint8Array]
type WireValue = [
  rev: number,
  body: Uint8Array | null,
  recent: Uint8Array,
  forgotten: [others: number, steps: number],
  intent: WireIntent | null,
]
/** Written before there were intents: results not packed, and issued when they were applied. */
type OldWireValue = [rev: number, body: Uint8Array | null, recent: [opId: string, at: number, result: unknown][]]

export function encodeValue({ rev, body, recent, forgotten, intent }: RegValue): Uint8Array {
  let wireIntent: WireIntent | null = null
  if (intent) {
    const { tx, seq, keep, body: next } = intent
    wireIntent = [tx.range, tx.name, seq, keep ? 1 : 0, next ?? null, RecentOperations.of([intent]).bytes]
  }
  const wire: WireValue = [rev, body ?? null, recent.bytes, [forgotten.others, forgotten.steps], wireIntent]
  return packr.pack(wire)
}

export function decodeValue(bytes: Uint8Array): RegValue {
  const wire = packr.unpack(bytes) as WireValue | OldWireValue
  if (wire.length === 3) {
    const [rev, body, recent] = wire
    const known = recent.map(([opId, at, result]) => ({
      opId,
      at,
      issuedAt: at,
      step: false,
      result: packPlain(result),
    }))
    return { rev, body: body ?? undefined, recent: RecentOperations.of(known), forgotten: NOTHING_FORGOTTEN }
  }
  const [rev, body, recent, [others, steps], intent] = wire
  const value: RegValue = {
    rev,
    body: body ?? undefined,
    recent: recent.length === 0 ? RecentOperations.none : new RecentOperations(recent),
    forgotten: { others, steps },
  }
  if (!intent) return value
  const [range, name, seq, keep, next, entry] = intent
  const [operation] = new RecentOperations(entry).list()
  if (!operation) return value
  return { ...value, intent: { ...operation, tx: { range, name }, seq, keep: keep === 1, body: next ?? undefined } }
}

/** A value as bytes and, once somebody looked, decoded. */
export class Held {
  readonly bytes: Uint8Array
  #value: RegValue | undefined

  constructor(bytes: Uint8Array, value?: RegValue) {
    this.bytes = bytes
    this.#value = value
  }

  get value(): RegValue {
    this.#value ??= decodeValue(this.bytes)
    return this.#value
  }
}

/** Throws `STORE_TOO_LARGE`. */
export const held = (value: RegValue): Held => new Held(checkedEncode(value), value)

function checkedEncode(value: RegValue): Uint8Array {
  const bytes = encodeValue(value)
  if (bytes.length <= regLimits.valueBytesMax) return bytes
  throw new ThorError('STORE_TOO_LARGE', `a value of ${bytes.length} bytes; ${regLimits.valueBytesMax} are allowed`)
}

/** What callers see of a value; undefined for a tombstone and for a key that never was. Decodes anew each time. */
export function versioned<B>(value: RegValue | undefined): Versioned<B> | undefined {
  if (!value?.body) return undefined
  const { rev, body } = value
  let etag: string | undefined
  return {
    rev,
    // Many look at the body only.
    get etag() {
      etag ??= `${rev}-${createHash('sha256').update(body).digest('hex').slice(0, 8)}`
      return etag
    },
    body: packr.unpack(body) as B,
  }
}

/** What is in a register's bytes, for judges of simulations. The body is decoded when it is asked for. */
export function readRegister(bytes: Uint8Array): { rev: number; opIds: readonly string[]; body(): unknown } {
  const value = decodeValue(bytes)
  const { rev, recent } = value
  return { rev, opIds: recent.list().map(({ opId }) => opId), body: () => versioned(value)?.body }
}

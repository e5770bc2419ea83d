import type { RangeId } from './range.ts'

/**
 * The storage contract: three primitives, no more. Business code sees keys and values, never replicas, quorums or epochs.
 * Bodies are plain data (what msgpack can carry: objects, arrays, strings, numbers, booleans, null, Uint8Array).
 *
 * Failures are ThorError: `STORE_UNAVAILABLE` (no quorum, nothing changed; try later), `STORE_UNKNOWN` (outcome unknown:
 * repeat with the same `opId`), `STORE_TOO_LARGE`, `STORE_CONFLICT` (compare-and-set lost; raised by callers' functions too).
 */
export interface RecordKey {
  /** Where it lives: all records of an account share the account's range. */
  range: RangeId
  /** What it is: `acct/alice@example.com`, `call/<callUuid>`. Unique within the range; ≤ 512 bytes. */
  name: string
}

/** A value that lives in a register, and how often it changed. */
export interface Versioned<B> {
  /** Grows by 1 with each change. */
  rev: number
  /** `rev-hash8`: names this exact value, for compare-and-set by clients. */
  etag: string
  body: B
}

/** What a change function decides: the next body (`undefined` deletes) or `keep` (no change), and a result to return. */
export type Decision<B, R> = { body: B | undefined; result: R } | { keep: true; result: R }

/** Linearizable registers with compare-and-set. Acknowledged after fsync on a majority of the replicas. */
export interface RegStore {
  /**
   * Applies the pure function `fn` to the current value and stores what it decides. `fn` may run several times. An `opId`
   * that was applied before returns its recorded result and changes nothing. What `fn` throws is thrown, nothing changes.
   */
  change<B, R>(key: RecordKey, opId: string, fn: (current: Versioned<B> | undefined) => Decision<B, R>): Promise<R>
  /** `strict` sees every acknowledged change; `near` answers from one replica and may be some milliseconds old. */
  read<B>(key: RecordKey, mode: 'strict' | 'near'): Promise<Versioned<B> | undefined>
  /** Near reads of every live register of the whole ring whose name starts with `prefix`, sorted by name. */
  list<B>(prefix: string): Promise<{ key: RecordKey; value: Versioned<B> }[]>
}

/** Write-once records. Acknowledged after fsync on a majority of the replicas. Writing the same bytes again is a no-op. */
export interface SetStore {
  /** A different body under a name already taken is kept too (`name#hash`), and both are returned by `list`. */
  put(key: RecordKey, body: unknown): Promise<void>
  get<B>(key: RecordKey): Promise<B | undefined>
  /** The records of one range whose name starts with `prefix`, sorted by name. */
  list<B>(range: RangeId, prefix: string): Promise<{ name: string; body: B }[]>
  /** The records of the whole ring whose name starts with `prefix`, sorted by name. */
  listAll<B>(prefix: string): Promise<{ key: RecordKey; body: B }[]>
  /**
   * Calls `listener` for every record with this prefix that this node holds now or stores later (as a replica). For roles
   * that keep an index, such as the calls still open. Returns a function that ends the watch.
   */
  watch(prefix: string, listener: (key: RecordKey, body: unknown) => void): () => void
}

export interface SoftEntry<B> {
  sub: string
  body: B
  /** Milliseconds that this entry has still to live. */
  ttlMs: number
  /** Orders writes of one `sub`: the higher wins; equal numbers fall back to a hybrid logical clock. */
  seq: number
}

/** Expiring state, merged per entry. Acknowledged after memory on two nodes (on one when no other is reachable). */
export interface SoftStore {
  put(key: RecordKey, entry: { sub: string; body: unknown; ttlMs: number; seq?: number }): Promise<void>
  /** The entry is gone for good: an older copy that turns up later does not bring it back. */
  remove(key: RecordKey, sub: string, seq?: number): Promise<void>
  read<B>(key: RecordKey): Promise<SoftEntry<B>[]>
  /** All live keys of the whole ring whose name starts with `prefix`, with their entries, sorted by name. */
  list<B>(prefix: string): Promise<{ key: RecordKey; entries: SoftEntry<B>[] }[]>
  /** What this node itself holds, without asking others: for counts in a status and for sweeps over home ranges. */
  local<B>(prefix: string): { key: RecordKey; entries: SoftEntry<B>[] }[]
}

export interface RecordStore {
  reg: RegStore
  set: SetStore
  soft: SoftStore
}

import type { RangeId } from './range.ts'

/**
 * The storage contract: three primitives, no more. Business code sees keys and values, never replicas, quorums or epochs.
 * Bodies are plain data (what msgpack can carry: objects, arrays, strings, numbers, booleans, null, Uint8Array).
 *
 * Failures are ThorError: `STORE_UNAVAILABLE` (no quorum, nothing changed; try later), `STORE_UNKNOWN` (outcome unknown:
 * repeat with the same `opId`), `STORE_TOO_OLD` (a repetition that came too late: read what is there), `STORE_TOO_LARGE`,
 * `STORE_CONFLICT` (compare-and-set lost; raised by callers' functions too).
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

/** About an operation, not about the value. */
export interface OperationOptions {
  /**
   * When the operation was first tried, epoch milliseconds: the same in every repetition of it. Default: now, and for a
   * repetition after `STORE_UNKNOWN` by the same node what it was before.
   */
  issuedAt?: number
  /**
   * A step of a call: its result is remembered 15 minutes instead of 24 hours, and it is too old after 10 minutes instead
   * of 12 hours.
   */
  step?: boolean
}

/** One register of a transaction. */
export interface KeyChange<R = unknown> {
  key: RecordKey
  /** As for `change`. What it throws ends the whole transaction, and nothing changes. */
  fn(current: Versioned<unknown> | undefined, now: number): Decision<unknown, R>
}

/** Linearizable registers with compare-and-set. Acknowledged after fsync on a majority of the replicas. */
export interface RegStore {
  /**
   * Applies the pure function `fn` to the current value and stores what it decides. `fn` may run several times; `now` is the
   * median clock of the replicas that answered, epoch milliseconds. An `opId` that was applied before returns its recorded
   * result and changes nothing. One that is too old to be remembered is refused with `STORE_TOO_OLD`, whether it was applied
   * or not: no operation is ever applied twice. What `fn` throws is thrown, nothing changes.
   */
  change<B, R>(
    key: RecordKey,
    opId: string,
    fn: (current: Versioned<B> | undefined, now: number) => Decision<B, R>,
    options?: OperationOptions,
  ): Promise<R>
  /**
   * Changes several registers at once: all of them or none, whatever fails, and no reader sees some changed and others not.
   * Results come in the order of `changes`. The same `opId` must come with the same keys. Keys that another transaction or
   * change holds are waited for, then `STORE_UNAVAILABLE`.
   */
  transact<R>(opId: string, changes: readonly KeyChange<R>[], options?: OperationOptions): Promise<R[]>
  /**
   * `strict` sees every acknowledged change. `near` answers from a copy of this node or from one replica: normally less than
   * half a second behind, a minute at most while there is a quorum. For lists, DNS and tariffs.
   */
  read<B>(key: RecordKey, mode: 'strict' | 'near'): Promise<Versioned<B> | undefined>
  /** Near reads of every live register of the whole ring whose name starts with `prefix`, sorted by name. */
  list<B>(prefix: string): Promise<{ key: RecordKey; value: Versioned<B> }[]>
  /**
   * Calls `listener` with the name of every register with this prefix that changed anywhere in the ring, normally within
   * half a second, and with undefined when any may have changed. News may be lost and repeated: for caches that end by
   * themselves. Not told of: `bal/`, `tx/`, `voucher/`. Returns a function that ends the watch.
   */
  watch(prefix: string, listener: (name: string | undefined) => void): () => void
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

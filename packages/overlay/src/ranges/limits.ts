/** Numbers of `ranges/`: sizes, counts and times in one place. Times are milliseconds of elapsed time. */

/** Copies of every range, as soon as there are that many nodes. */
export const REPLICA_COUNT = 3

/** Virtual ids of a node of weight 1. */
export const VIRTUAL_IDS_PER_WEIGHT = 256

/** Closest nodes of a range that evening out may choose from; a range whose closest nodes are full looks further. */
export const PLACEMENT_REACH = 16

/** A node's weight is cut to this, so that a typing mistake cannot ask for millions of virtual ids. */
export const WEIGHT_MAX = 64

/** Ranges that one request of a change carries at most; a longer request is refused (`RANGES_TOO_MANY`). */
export const RANGES_PER_BATCH_MAX = 256

/** Configs that one page of a full exchange carries at most. */
export const CONFIGS_PER_PAGE_MAX = 1024

export interface ChangeLimits {
  /** Ranges moved at once by this node, when a ring has copies enough and merely evens out. Default 32. */
  rangesAtOnce: number
  /** Ranges per batch while copies are missing or a node leaves. Default 256. */
  urgentRangesPerBatch: number
  /** Such batches in flight at this node. Default 4. */
  urgentBatches: number
  /** A new node gets ranges after having lived so long, unless copies are missing. Default 10 s. */
  newNodeAfterMs: number
  /** A dead node is replaced after so long. Default 60 s. */
  deadNodeAfterMs: number
  /**
   * A change that nobody says to drive for so long is finished by the range's home; by other members after eight times that: two who
   * drive one change do all of it twice, which a ring that is slow already cannot afford. Default 2 s.
   */
  stalledAfterMs: number
  /** A range whose change failed is left alone so long (times 1 to 2, by chance). Default 1 s. */
  retryAfterMs: number
  /** Desired and effective placement are compared this often. Default 1 s. */
  tickMs: number
  /** Epochs of all ranges are compared with one other node this often. Default 5 s. */
  syncMs: number
  /** A copy of ranges to a new member may take so long before it is started again, by others too. Default 10 min. */
  fillTimeoutMs: number
  /** `recover` refuses while a member that it would give up has been out of sight for less. Default 60 s. */
  lostAfterMs: number
  /** Once a quorum has answered, the rest is waited for so long, so that it does not stay behind. Default 100 ms. */
  graceMs: number
}

export const defaultChangeLimits: ChangeLimits = {
  rangesAtOnce: 32,
  urgentRangesPerBatch: RANGES_PER_BATCH_MAX,
  urgentBatches: 4,
  newNodeAfterMs: 10_000,
  deadNodeAfterMs: 60_000,
  stalledAfterMs: 2_000,
  retryAfterMs: 1_000,
  tickMs: 1_000,
  syncMs: 5_000,
  fillTimeoutMs: 600_000,
  lostAfterMs: 60_000,
  graceMs: 100,
}

/** A node that says that it leaves is believed so long without saying it again. */
export const LEAVING_BELIEVED_MS = 20_000

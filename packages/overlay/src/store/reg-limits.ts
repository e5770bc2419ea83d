/** Numbers of REG. Times are milliseconds. */
export const regLimits = {
  /** UTF-8 bytes; more is `STORE_TOO_LARGE`. */
  nameBytesMax: 512,
  /** UTF-8 bytes of the id of an operation; more is `STORE_BAD_REQUEST`. */
  opIdBytesMax: 256,
  /** A value with its body and the results it remembers; more is `STORE_TOO_LARGE`. */
  valueBytesMax: 256 * 1024,
  /** Results of operations that a value remembers; operations issued before those forgotten are `STORE_TOO_OLD` … */
  recentMax: 128,
  /** … and their bytes, packed … */
  recentBytesMax: 32 * 1024,
  /** … more of them while they are so young that somebody may repeat them, … */
  recentRepeatMs: 15_000,
  /** … up to so many; then further changes of the key are `STORE_UNAVAILABLE`. */
  recentRepeatMax: 1_024,
  /** For how long results are remembered at most, and from which age on an operation is `STORE_TOO_OLD` in any case. */
  operationKeepMs: 24 * 3_600_000,
  operationAgeMaxMs: 12 * 3_600_000,
  /** The same for steps of calls. */
  stepKeepMs: 15 * 60_000,
  stepAgeMaxMs: 10 * 60_000,
  /** An operation issued so far in the future is `STORE_BAD_REQUEST`. */
  operationAheadMaxMs: 12 * 3_600_000,
  /** Operations of this node whose outcome is unknown and whose time of issue it keeps for repetitions; the oldest goes. */
  unknownMax: 10_000,
  /** Without an outcome after this: `STORE_UNAVAILABLE`, or `STORE_UNKNOWN` when it may have happened. */
  deadlineMs: 2_000,
  /** One round of requests. */
  roundTimeoutMs: 900,
  /** Operations of this node on one key that wait for each other; one more is `STORE_UNAVAILABLE`. */
  waitingPerKeyMax: 512,
  /** Promises carried from the last accept, over all keys; the oldest is forgotten. */
  carriedMax: 10_000,
  /** Registers of one transaction; more is `STORE_BAD_REQUEST`. */
  transactionKeysMax: 16,
  /** Transactions of this node at once; one more is `STORE_UNAVAILABLE`. */
  transactionsMax: 64,
  /** A transaction without an outcome after this is given up. */
  transactionMs: 4_000,
  /** Anybody may abort a transaction that is pending for so long, by the median clock of a quorum. */
  transactionPendingMs: 10_000,
  /** Who waits for a transaction looks again after this, and asks the median clock after having waited so long. */
  intentRetryMs: 25,
  intentDoubtMs: 1_000,
  /** Copies for near reads: how old they get, how many there are, how many bytes; the one unused for longest goes. */
  copyMs: 60_000,
  copiesMax: 50_000,
  copyBytesMax: 64 * 1024 * 1024,
  /** A near read that has no answer of a quorum by then takes one replica's. */
  nearHedgeMs: 100,
  /**
   * Changes are told together so often (less often in rings of more than 66 nodes), and so many by name; of more it is said
   * that anything may have changed.
   */
  newsMs: 20,
  newsMsMax: 300,
  newsKeysMax: 1_000,
  /** Once a majority has listed the registers of every range of a change, the rest is waited for so long. */
  listGraceMs: 100,
  /** Entries and bytes of one page of a list. */
  pageEntriesMax: 2_000,
  pageBytesMax: 1024 * 1024,
  /** Bytes of values of one list; more is `STORE_TOO_LARGE`. */
  listBytesMax: 512 * 1024 * 1024,
  /** A mended register promises so many ballots ahead: more than could be on their way when it was damaged. */
  mendMargin: 1_000,
  /** Keys of one kind that are kept in memory, so that a list need not look for them on the disk; kinds with more are not. */
  fewNamesMax: 10_000,
  /** Keys decided again at once while a range moves. */
  redecideAtOnce: 64,
  /** After a lost ballot: at most this doubled per attempt, times chance. */
  backoffMs: 4,
  backoffMaxMs: 100,
  /** Between attempts that found no quorum. */
  noQuorumRetryMs: 60,
} as const

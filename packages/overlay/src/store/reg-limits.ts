/** Numbers of REG. Times are milliseconds. */
export const regLimits = {
  /** UTF-8 bytes; more is `STORE_TOO_LARGE`. */
  nameBytesMax: 512,
  /** A value with its body and the results it remembers; more is `STORE_TOO_LARGE`. */
  valueBytesMax: 256 * 1024,
  /** Results of operations that a value remembers … */
  recentMax: 64,
  /** … more of them while they are so young that somebody may repeat them, … */
  recentRepeatMs: 15_000,
  /** … up to so many; then further changes of the key are `STORE_UNAVAILABLE` … */
  recentRepeatMax: 1_024,
  /** … and for how long. */
  recentAgeMs: 24 * 3_600_000,
  /** Without an outcome after this: `STORE_UNAVAILABLE`, or `STORE_UNKNOWN` when it may have happened. */
  deadlineMs: 2_000,
  /** One round of requests. */
  roundTimeoutMs: 900,
  /** Operations of this node on one key that wait for each other; one more is `STORE_UNAVAILABLE`. */
  waitingPerKeyMax: 512,
  /** Promises carried from the last accept, over all keys; the oldest is forgotten. */
  carriedMax: 10_000,
  /** Entries and bytes of one page of a list. */
  pageEntriesMax: 2_000,
  pageBytesMax: 1024 * 1024,
  /** Keys decided again at once while a range moves. */
  redecideAtOnce: 64,
  /** After a lost ballot: at most this doubled per attempt, times chance. */
  backoffMs: 4,
  backoffMaxMs: 100,
  /** Between attempts that found no quorum. */
  noQuorumRetryMs: 60,
} as const

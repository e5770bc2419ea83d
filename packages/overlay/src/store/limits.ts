/** Every table, body and queue of SET, SOFT and the disk under them has a number here, and reaching it has an answer. */
export const diskLimits = {
  /** Callers' operations that wait for the writer; more are refused with `STORE_OVERLOADED`, nothing written. */
  waitingOperationsMax: 65_536,
  waitingBytesMax: 64 * 1024 * 1024,
  /** What one write of the group takes along. */
  batchOperationsMax: 4_096,
  batchBytesMax: 8 * 1024 * 1024,
  /** Space that is set aside for a database that must be opened anew on a full disk, once the disk is low. */
  reserveBytes: 48 * 1024 * 1024,
  /** Less free space, or a smaller share of the disk, and it is low. */
  lowBytes: 2 * 1024 * 1024 * 1024,
  lowShare: 0.1,
  /** After it ran out of space a disk refuses every write until so much is free. */
  fullBytes: 16 * 1024 * 1024,
  /** Records that are kept in memory in front of the disk: one more pushes out the one not used for longest. */
  cacheBytes: 16 * 1024 * 1024,
  /** Larger ones are read from the disk each time. */
  cacheValueBytes: 16 * 1024,
} as const

export const setLimits = {
  nameBytesMax: 512,
  /** An encoded body; more is `STORE_TOO_LARGE`. Larger things are cut into chunks by their owner. */
  bodyBytesMax: 256 * 1024,
  /** How long one round to the replicas may take. */
  roundTimeoutMs: 900,
  /** After this a write without a quorum is `STORE_UNAVAILABLE`. */
  writeTimeoutMs: 1_900,
  /** A read asks the other replicas when the first is silent for so long. */
  hedgeAfterMs: 100,
  /** Refusals with a newer config that one operation follows. */
  epochRetriesMax: 4,
  /** Records of one answer of `list`; more is an error of its caller, who has a narrower prefix. */
  listRecordsMax: 50_000,
  /** Bytes of them, from one node; more is the same. */
  listBytesMax: 64 * 1024 * 1024,
} as const

export const transferLimits = {
  /** Bytes of one chunk of copied records; a single larger record travels alone. */
  chunkBytesMax: 64 * 1024,
  /** Chunks asked for and not answered yet, per sender: 256 KiB; those who want more wait. */
  windowChunks: 4,
  /** Requests for chunks of one receiver that a sender holds, with nothing read for them; one more is `STORE_OVERLOADED`. */
  chunksAskedMax: 16,
  /** While more waits to be sent to a receiver, no chunk is read for it. */
  backlogBytesMax: 32 * 1024,
  backlogPollMs: 5,
  /** What moving and repairing may send, and receive, unless configured. */
  bytesPerSecond: 8_000_000,
  /** Per chunk: a chunk that is not answered ends the pull from this source. */
  chunkTimeoutMs: 10_000,
  /** Names of one request for records; the rest is asked for with the next one. */
  namesBytesMax: 16 * 1024,
  /** Names of one such request that are looked at. */
  itemsMax: 2_000,
  /** Copies (`range.fill`, `range.repair`) and looks (`range.digests`) that run at once for others; one more waits, or is `STORE_OVERLOADED`. */
  jobsAtOnceMax: 32,
  /** Lists of expiring entries that are being given to others; the one unused for longest is given up. */
  openPagesMax: 64,
  /** Records looked at or stored at once while a range is copied. */
  recordsAtOnce: 64,
} as const

export const softLimits = {
  nameBytesMax: 512,
  subBytesMax: 256,
  /** An encoded body; more is `STORE_TOO_LARGE`. */
  bodyBytesMax: 64 * 1024,
  /** Live entries and markers under one name; one more is `STORE_TOO_LARGE`. */
  entriesPerKeyMax: 256,
  /** Entries of one node; one more is `STORE_OVERLOADED`. */
  entriesMax: 4_000_000,
  /** Longest life of an entry; a longer one is cut. */
  ttlMsMax: 7 * 24 * 3600 * 1000,
  roundTimeoutMs: 700,
  /** One slow replica is hedged with the third after this. */
  hedgeAfterMs: 100,
  /** Who was slower than that is asked last for so long. */
  slowMs: 2_000,
  /** Entries that an owner did not take when they were written: kept for it, per owner; one more, and the oldest go. */
  owedMax: 10_000,
  owedBytesMax: 8 * 1024 * 1024,
  /** It is told again so often, for so long. */
  owedRetryMs: 500,
  owedMs: 15_000,
  /** A read that only one copy answers, though others should be there, is repeated for so long before that copy counts. */
  aloneMs: 2_000,
  aloneRetryMs: 100,
  /** A marker of a removed entry lives at least so long. */
  deadTtlMsMin: 3_600_000,
  /** After a start, nodes that cannot be seen are waited for so long before their copies are given up. */
  refillMs: 3_000,
  refillRetryMs: 100,
  /** One turn of the snapshot writes so much at most, in batches of about so much. */
  snapshotBytesMax: 8 * 1024 * 1024,
  snapshotBatchBytes: 256 * 1024,
  /** Changed records that wait for the snapshot; beyond it those that wait longest are not written: others know them. */
  snapshotWaitingMax: 1_000_000,
  /** Entries of one answer of `list`; more is `STORE_TOO_LARGE`. */
  listEntriesMax: 200_000,
  /** Entries that one message brings; the rest of it is left. */
  mergeRecordsMax: 10_000,
  /** Rounds of one operation: refused by newer configs or newer stamps. */
  roundsMax: 5,
} as const

export const scrubLimits = {
  /** The whole disk is read and checked again after so long. */
  periodMs: 7 * 24 * 3600 * 1000,
  /** A node that starts waits so long before it goes on. */
  firstAfterMs: 60_000,
  /** What is read per step, at most (and one record at least). */
  stepBytes: 1_048_576,
  /** From step to step: so a pass reads 1 MB/s. */
  stepMs: 1_000,
  /** Where it is, is written down after so many steps: a restart goes on from there. */
  savedEverySteps: 60,
  /** Damaged records of one step that are mended at once. */
  mendAtOnce: 8,
} as const

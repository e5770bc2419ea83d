/** When a node is not well. */
export const conditionLimits = {
  /** Syncs that ended within this time are judged. */
  syncWindowMs: 10_000,
  /** A sync that takes longer is a slow one. */
  slowSyncMs: 500,
  /** Fewer slow syncs in the window make no slow disk, whatever their share. */
  slowSyncsMin: 3,
  /** One sync or read that has not ended after this makes one by itself. */
  stuckSyncMs: 2_000,
  /** Syncs that are remembered; of more, the newest. */
  syncsMax: 8_192,
  /** How old a figure about them may be that is shown. */
  shownMs: 1_000,
  /** Less free space, or a smaller share of the disk, and nothing new is written. */
  freeBytesMin: 268_435_456,
  freeShareMin: 0.05,
  /** More than this is not asked to be free, however large the disk is. */
  freeBytesEnough: 5_368_709_120,
  /** So many times as much must be free before it is written again. */
  roomAgainFactor: 1.25,
  spacePeriodMs: 2_000,
  /** How often the other conditions are judged. */
  lookPeriodMs: 1_000,
  /** Reads that may fail within `failedReadsWindowMs`; one more and the disk is not to be trusted: the node ends. */
  failedReadsMax: 10,
  failedReadsWindowMs: 60_000,
  /** A clock that is further from the others' raises an alarm. */
  clockOffMs: 1_000,
  /** Further still, and the node is no home while another can be. */
  clockWrongMs: 10_000,
  /** Alarms about the clock end at this share of the limit that raised them. */
  clockAgainShare: 0.75,
  clockPeriodMs: 5_000,
  /** Peers that are asked for their time at once; in larger rings others by chance each time. */
  clockPeersMax: 16,
  /** Answers that took longer say too little. */
  clockAnswerMs: 500,
  /** What a peer said about its time counts so long. */
  clockMemoryMs: 20_000,
  /** Alarms that are kept; one more pushes out the oldest. */
  alarmsMax: 64,
} as const

/** How the fence against old copies of disks is timed. */
export const lifeLimits = {
  /** A durable write is told to the peers after so long; one message for all writes of that time. */
  tellAfterMs: 200,
  /** And so often in any case: what was told while somebody was cut off did not arrive. */
  tellAgainMs: 2_000,
  /** Peers that are told at once; in larger rings others by chance each time. */
  tellPeersMax: 16,
  /** What was told is on the disk of who heard it after so long; at once when it is of a new process. */
  saveAfterMs: 1_000,
  /** Processes in a row that nobody confirmed and that are remembered on the disk; after more of them it counts as confirmed. */
  sessionsMax: 16,
  claimTimeoutMs: 1_000,
  retryMs: 200,
  /** A node that starts waits so long for members that do not answer before a quorum without them is enough. */
  patienceMs: 1_000,
  /** Who had not heard of a node for longer when it started does not know what it did meanwhile. */
  silenceMsMax: 5_000,
  /** The same when all who answered have just started too, or do not know: who is missing may be the one that remembers. */
  coldPatienceMs: 10_000,
  /** By so much an operator's order to take an old copy puts the count above all that others may remember. */
  forcedStep: 1_099_511_627_776,
} as const

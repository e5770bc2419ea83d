/**
 * Numbers of money registers. Their product is what keeps a balance below 64 KiB: with names of `idBytesMax` and everything
 * full, its bytes stay below `bodyBytesMax`, as a test proves.
 */
export const accountingLimits = {
  /** A balance as stored. Never reached: its parts are bounded below. */
  bodyBytesMax: 64 * 1024,
  /** Characters of a reservation's, operation's or call's id and of what a line is about; more is `ACCOUNTING_BAD_REQUEST`. */
  idBytesMax: 40,
  /** Characters of what an operator writes to a line of the ledger; the rest is cut off. */
  textCharsMax: 60,
  /** Characters of the id of a node. */
  nodeBytesMax: 64,
  /** Calls of one account that hold money; one more is refused with `calls`, whatever the account may have. */
  holdsMax: 80,
  /** Running and lately settled reservations together; a hold above is refused with `full`. */
  reservationsMax: 200,
  /** A settled reservation answers repetitions for so long. Milliseconds. */
  settledKeepMs: 15 * 60_000,
  /** Answers that a running reservation remembers; a repetition of an older step is refused with `past`. */
  answersMax: 2,
  /** Lines of a block of the ledger, as written to SET. */
  blockLines: 32,
  /** From so many lines in the tail the oldest block is to be written to SET and cut off. */
  tailArchiveAt: 64,
  /** At so many lines nobody cut it: holds, extensions and credits are refused with `full`; what settles goes on. */
  tailRefuseAt: 96,
} as const

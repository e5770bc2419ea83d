/** What one peer may ask of the lower layers. Reaching each has a tested answer. */
export const messageLimits = {
  /** A whole message, of a datagram or a stream. Longer: the stream is closed, the datagram dropped. */
  messageBytesMax: 65_535,
  headersMax: 256,
  /** One header field with its folds. */
  headerBytesMax: 8_192,
  viasMax: 70,
} as const

export const transactionLimits = {
  /** Live server and client transactions together. More: 503 with Retry-After, without state. */
  transactionsMax: 200_000,
} as const

export const transportLimits = {
  connectionsMax: 20_000,
  connectionsPerSourceMax: 200,
  /** A connection without a byte for so long is closed. */
  idleMs: 15 * 60_000,
  /** A message that has begun must be complete after so long. */
  messageMs: 32_000,
  connectMs: 5_000,
} as const

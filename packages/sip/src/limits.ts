/** What one peer may ask of the lower three layers. The answer when a number is reached stands beside it; all are tested. */
export const messageLimits = {
  /** A whole datagram, a WebSocket message, the head of a message on a stream. Datagrams: dropped, 513 where possible. Streams: 513 where possible, and the connection is closed. */
  messageBytesMax: 64 * 1024,
  /** A whole message over TCP or TLS: 513, and the connection is closed. */
  streamMessageBytesMax: 1024 * 1024 + 64 * 1024,
  /** Header fields of a message: 400. */
  headersMax: 256,
  /** One header field with its folds: 400. */
  headerBytesMax: 8 * 1024,
  /** A Request-URI: 414. */
  uriBytesMax: 8 * 1024,
  /** Via values of a message: 400. */
  viasMax: 70,
  /** Values of any other comma list that is read, and parameters of one value: 400. */
  listValuesMax: 100,
  paramsMax: 64,
} as const

export const transactionLimits = {
  /** Live server and client transactions together. More: 503 with Retry-After, without state. */
  transactionsMax: 200_000,
  /** Answers to requests other than INVITE over datagrams, kept for 32 s: the oldest quarter is forgotten; what comes again then is new. */
  answersMax: 400_000,
} as const

export const transportLimits = {
  /** Open streams, in all and per remote address: one more is closed at once. */
  connectionsMax: 20_000,
  connectionsPerSourceMax: 1_000,
  /** Names in a peer's certificate by which its connection is found again, and with its aliases (RFC 5923); not by the others. */
  connectionDomainsMax: 8,
  connectionUsesMax: 32,
  /** Handshakes of TLS and WebSocket that take longer: the connection is closed. */
  handshakeMs: 10_000,
  /** A WebSocket is asked for a sign of life after so long without one, and closed after so long. */
  webPingMs: 30_000,
  webSilenceMs: 90_000,
  /** A connection without a byte for so long is closed. */
  idleMs: 15 * 60_000,
  /** A message that has begun must be complete after so long, or the connection is closed. */
  messageMs: 30_000,
  /** A connection that cannot be made in this time: the send is rejected. */
  connectMs: 4_000,
  /** Sends that wait for connections to be made: one more is rejected. */
  connectWaitingMax: 10_000,
  /** Bytes that wait to be written to one connection: it is closed, the send rejected. */
  writeQueueBytesMax: 2 * 1024 * 1024 + 128 * 1024,
  /** Bytes of messages that are not complete yet, of all streams together: the one that sends more is closed. */
  partialBytesMax: 64 * 1024 * 1024,
  /** Larger requests go to an address by TCP first (RFC 3261 §18.1.1). */
  udpRequestBytesMax: 1300,
} as const

export const guardLimits = {
  /** Sources and accounts against which something speaks: one more makes those that were longest quiet forgotten. */
  namesMax: 100_000,
  /** Blocks at once, and an operator's words that lift them: one more pushes out those that are over, then the oldest ones. */
  blocksMax: 10_000,
  /** Names of one message between nodes: points against further ones count at this node only. */
  newsMax: 2_000,
  /** Branches of requests that were taken on, by which retransmissions pass while others are shed: further ones may be shed. */
  knownMax: 100_000,
  /** New requests that are taken on per second, however late the node is. More: 503 with Retry-After, or nothing. */
  takenMin: 100,
  /** Of these, how many may come at once, at least. */
  burstMin: 10,
  /** Emergency calls of an interval of 100 ms that a busy node takes ahead of everything; more are judged like any other. */
  urgentMax: 20,
  /** Trusted peers: further ones, in order of name, are not trusted. `peer add` refuses them. */
  peersMax: 256,
  /** Calls of trusted peers that one node counts: one more is answered 503 with Retry-After. */
  peerCallsMax: 100_000,
} as const

export const trunkLimits = {
  /** Trunks: further ones, in order of name, are not used. `trunk add` refuses them. */
  trunksMax: 256,
  /** Trunks that are tried for one call, one after another. */
  triedMax: 4,
} as const

export const traceLimits = {
  /** Accounts traced at once: one more is refused. */
  tracesMax: 16,
  /** Messages of an account, and their bytes, that one node keeps: the oldest are dropped. */
  messagesMax: 2_000,
  bytesMax: 4 * 1024 * 1024,
  /** Of one message: the rest is cut off. */
  messageBytesMax: 16 * 1024,
  /** Messages of one node that are read at a time; the others are read next. */
  readMax: 200,
  /** Call-IDs that are known to be of traced accounts: the first ones are forgotten. */
  callsMax: 10_000,
} as const

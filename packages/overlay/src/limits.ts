/** Every queue, table and body of the peer network has a number here, and reaching it has an answer. */
export const netLimits = {
  /** Longest frame between members; a longer one is refused by `send`, and closes the stream when it comes in. */
  frameBytesMax: 4 * 1024 * 1024,
  /** What may wait to be sent to one peer; `send` returns false beyond it. */
  sendQueueBytesMax: 16 * 1024 * 1024,
  /** One write on the stream. */
  chunkBytesMax: 64 * 1024,
  /** Dial, Noise, stream and greeting together. */
  dialTimeoutMs: 3_000,
  /** An address book answer of kad-dht. */
  findTimeoutMs: 3_000,
  /** Inbound connections per second from hosts of members, and as many from elsewhere; more are closed before the handshake. */
  inboundPerSecondMax: 64,
  /** An inbound handshake that takes longer is cut. */
  handshakeTimeoutMs: 10_000,
  /** Inbound handshakes under way: what the two numbers above allow. More are closed. */
  handshakesMax: 1_280,
  /** How long the connection of a peer that was put out may take to close by itself. */
  cutAfterMs: 1_000,
  /** A second dial by a peer within this time is the crossing of two dials; later, the older stream is taken for lost. */
  crossingDialMs: 2_000,
  /** Connections to a peer besides the one in use are closed after so long. */
  surplusAfterMs: 3_000,
} as const

export const rpcLimits = {
  defaultTimeoutMs: 2_000,
  /** After the process stood still, calls wait for answers that came meanwhile as long as that was, and no longer than this. */
  stoodStillMs: 500,
  /** Calls of this node to one peer that wait for an answer; one more throws `RPC_OVERLOADED`. */
  callsPerPeerMax: 8_192,
  /** Handlers running for one peer; one more is answered `RPC_OVERLOADED`. */
  handlersPerPeerMax: 4_096,
  /** Bytes of the requests whose handlers run for one peer; a request that finds as many is answered `RPC_OVERLOADED`. */
  handlerBytesPerPeerMax: 64 * 1024 * 1024,
  /** An encoded request or response with its header; more is `RPC_TOO_LARGE`. */
  frameBytesMax: netLimits.frameBytesMax,
  methodCharsMax: 100,
  errorMessageCharsMax: 1_000,
} as const

export const membershipLimits = {
  /** The full mesh is made for this many; more are refused at admission. */
  membersMax: 64,
  /** Certificates that are kept; beyond it those that expired give way, then new ones are not taken. */
  rosterMax: 1_024,
  /** Issuer certificates that are known; more are not taken. */
  issuersMax: 256,
  /** Revocations are kept for ever; beyond this many `revoke` refuses, and more are not taken. */
  revocationsMax: 1_024,
  /** News of one gossip message that is looked at. */
  entriesPerMessageMax: 1_024,
} as const

export const admissionLimits = {
  /** Handshakes that the door takes per second, from all addresses together; the others are cut. */
  handshakesPerSecond: 64,
  /** Connections open at once. */
  connectionsMax: 128,
  /** From the first byte to the answer. */
  finishTimeoutMs: 10_000,
  messageBytesMax: 64 * 1024,
  /** The answer carries the roster. */
  answerBytesMax: 4 * 1024 * 1024,
  inviteCharsMax: 2_000,
  inviteAddressesMax: 3,
  nameCharsMax: 63,
} as const

/** What strangers and operators can make us hold or do at most. Each has a tested answer. */
export const limits = {
  /** Of one address record, so that it stays far below the 256 KiB of a register. */
  groupsMax: 64,
  aclMax: 64,
  propertiesMax: 128,
  /** Trees of numbers that the callers of one domain look into. */
  enumTreesMax: 16,
  propertyValueBytesMax: 1_024,
  aliasesMax: 256,
  /** Numbers that a dial plan keeps: with more it is refused. */
  keptNumbersMax: 100,
  /** SIP traces at once, as the nodes have it: one more is refused. */
  tracesMax: 16,
  /** Longest SIP trace: longer ones are refused. */
  traceSecondsMax: 3_600,
  /** Numbers and gateways of an emergency region: with more it is refused. */
  emergencyNumbersMax: 20,
  emergencyGatewaysMax: 8,
  /** Registers that one transaction changes at most, as the store has it. */
  changesAtOnce: 16,
  /** Aliases that go in one transaction with their account, when that is deleted; more go ahead of it. */
  aliasesAtOnce: 9,
  textBytesMax: 256,
  certificateBytesMax: 32 * 1024,
  userBytesMax: 64,
  domainBytesMax: 253,
  passwordBytesMax: 128,
  /** Names that `<autoincrement>` tries before it gives up. */
  autoincrementTries: 100,
  /** Rows in one answer of a list; `total` tells how many there are. */
  rowsMax: 1_000,
  /** A list works so long before it lets others of the node's thread work, again and again. */
  sliceMs: 4,
  /** ENUM numbers that one answer of a list may leave out ahead; further ones are found by a filter. */
  numbersAheadMax: 100_000,
  callsMax: 1_000,
  /** Calls that one statistic counts, in each direction. */
  statisticsCallsMax: 100_000,
  /** Addresses in one `getSipDeviceLocations`. */
  locationsMax: 1_000,
  /** … and of those, asked for at once. */
  locationsAtOnce: 32,
  /** Routes in one request: each is a register of a transaction. */
  routesAtOnce: 16,
  /** Of an account. */
  phonebookMax: 100,
  acceptRulesMax: 20,
  rejectMembersMax: 20,
  barringMax: 20,
  presenceRulesMax: 256,
  announcementBytesMax: 700_000,

  /** For so long a count of what a customer has serves those that are added; so many counts are kept, the oldest goes. */
  creditCountMs: 500,
  creditCountsMax: 1_000,
  /** Who may add so few more is counted each time. */
  creditNear: 100,

  /** Failed logins within a minute, of one name from one address, and of one address; more wait until it is over. */
  failedLoginsMax: 10,
  failedLoginsFromMax: 50,
  failedLoginsMs: 60_000,
  failedLoginsKept: 20_000,
  /** Of those, told to the other nodes at once; more count at this node only. */
  failedLoginsTold: 1_000,
  /** The audit log: characters kept of arguments, days that are looked through. */
  auditArgsMax: 2_000,
  auditDaysMax: 366,
  /** A line that a quorum does not have by then is kept by this node, and stored later. */
  auditSoonMs: 300,

  /** Answers kept of requests with an Idempotency-Key: in each of 4096 buckets, how long, until one that runs may be tried again. */
  idempotencyPerBucketMax: 32,
  idempotencyKeptMs: 86_400_000,
  idempotencyRunningMs: 30_000,
  /** Characters of an answer; a longer one is given again without its body. */
  idempotencyBodyMax: 6_000,

  /** SOAP and REST */
  bodyBytesMax: 1024 * 1024,
  /** Values that one request may decode to, with multi-reference values counted each time they are used. */
  decodedValuesMax: 50_000,
  requestsMax: 64,
  /** Subscribers with numbers of one block that this node makes or waits to make; one more is `STORE_UNAVAILABLE`. */
  blockChangesMax: 512,
  /** One more ends the connection that has waited longest for its client. */
  connectionsMax: 512,
  /** With so many open an answer tells its client to end the connection: idle ones then need not be ended while a request is on its way. */
  connectionsKeptMax: 384,
  /** Of all bodies that are not whole yet; more is `PROVISION_BUSY`. */
  bodiesBytesMax: 64 * 1024 * 1024,
  headerBytesMax: 16 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 20_000,
  /** How often the two are looked at. */
  connectionsCheckMs: 1_000,
  /** Until an answer is read; the connection of one that is not is ended. */
  answerReadMs: 20_000,
  operationTimeoutMs: 10_000,
  /**
   * An idle connection is kept for so long, as clients are told: longer than the pools of clients and proxies keep theirs (curl 118 s, Go
   * 90, .NET and nginx 60, Java 30), so that the side that would send next is the one that ends it.
   */
  keepAliveMs: 120_000,
  /** … and for so long afterwards, for requests that were sent at the last moment, by a client or to a node that stood still. */
  keepAliveSlackMs: 10_000,
  stopMs: 2_000,

  /** Administrators: scrypt runs at once, waiting, and answers kept. */
  scryptMax: 2,
  scryptQueueMax: 64,
  verifiedMax: 256,
  verifiedMs: 10_000,
  /** While the administrator's range has no quorum: for how long it goes on, and how often it is looked again. */
  verifiedKeptMs: 15 * 60_000,
  verifiedProbeMs: 1_000,
  /** Who somebody is and whose something is comes from a copy when no quorum answers within this … */
  knownMs: 250,
  /** … and from what was seen last; so many are remembered, the one not read for longest goes. */
  knownMax: 2_000,
  /** Copies of all administrators and domains are taken so often. */
  copiesMs: 60_000,
  /** A strict read that has been under way for so long is not waited for by others of its name: they begin one of their own. */
  sharedReadMs: 100,
} as const

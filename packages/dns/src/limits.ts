/** Longer queries are refused with FORMERR over UDP, and end the connection over TCP. */
export const QUERY_MAX_BYTES = 4_096

/** Longest answer over UDP, whatever the client offers: fits into one packet everywhere (DNS flag day 2020). */
export const UDP_ANSWER_MAX_BYTES = 1_232

/** Longest answer over UDP for a client without EDNS (RFC 1035 §4.2.1). */
export const PLAIN_UDP_ANSWER_MAX_BYTES = 512

export const TCP_ANSWER_MAX_BYTES = 65_535

/** At most so many nodes in one answer, chosen by chance. */
export const ANSWER_NODES_MAX = 24

/** More are closed at once. */
export const TCP_CONNECTIONS_MAX = 256

/** A connection that completes no query for so long is closed (RFC 7766 §6.2.3). */
export const TCP_IDLE_MS = 10_000

/** CNAMEs that are followed in one answer; after that the client asks on by itself. */
export const CNAMES_MAX = 8

/** Hosts whose addresses are added to one answer. */
export const ADDITIONAL_HOSTS_MAX = 48

/** Zone transfers at once; one more is refused. */
export const TRANSFERS_MAX = 8

/** About so many queries over UDP are answered between one look at what has come in and the next: a millisecond. The rest wait. */
export const QUERIES_PER_TURN = 128

/** Transfers are worked at for so long between one look at what has come in and the next: SIP is of the same thread. */
export const TRANSFER_SLICE_MS = 4

/** Octets of one message of a zone transfer. */
export const TRANSFER_MESSAGE_BYTES = 16 * 1024

/** How old a cookie may be, and how far ahead of this node's clock (RFC 9018 §4.3), in seconds. */
export const COOKIE_AGE_MAX_SECONDS = 3_600
export const COOKIE_AHEAD_MAX_SECONDS = 300

/** Sources and answers whose rate is counted at once; two that share a place share its allowance. */
export const RATE_TABLE_ENTRIES = 65_536

/** Of answers above the rate every so many is sent truncated, so that a client which is no forger comes back over TCP. */
export const RATE_SLIP = 2

/** Ready-made answers of zones that are kept; all are forgotten when there are more. */
export const READY_ANSWERS_MAX = 20_000

/** Orders in which one answer is kept, where its order is left to chance. */
export const READY_VARIANTS = 32

/** Of ENUM. */
export const ENUM_LIMITS = {
  /** Mappings of one number: more are refused. A block of a hundred numbers stays below the 256 KiB of a register. */
  mappingsMax: 16,
  nameserversMax: 16,
  infoBytesMax: 256,
  /** Trees that numbers may be in; one more is refused. */
  treesMax: 64,
  /** Ranges of all trees. */
  rangesMax: 10_000,
  /** Blocks that are written at once while many numbers are loaded. */
  blocksAtOnce: 64,
}

/** Of registers that several numbers or records share. */
export const REGISTER_LIMITS = {
  /** Changes of one register that run or wait at this node; one more is `STORE_UNAVAILABLE`. */
  waitingMax: 512,
}

/** Of stored zones. */
export const ZONE_LIMITS = {
  /** Records of one zone, fancy ones with them; one more is refused. */
  recordsMax: 16_000,
  /** More are split over several registers, and so are more bytes. */
  pageRecords: 400,
  pageBytes: 64 * 1024,
  /** Records of one name stay together in a register of 256 KiB; more are refused. */
  nameBytesMax: 200_000,
  /** Pages of large zones that are kept from change to change. */
  pagesKept: 1_000,
  /** A change of a large zone begins anew when another one was first; after so many times it is refused. */
  changeTries: 30,
  zonesMax: 100_000,
  valueBytesMax: 2_048,
  infoBytesMax: 256,
}

/** Of what is told of changes of zones (IXFR); what is older is told as a whole zone. */
export const JOURNAL_LIMITS = {
  zonesMax: 1_000,
  /** Changes of one zone, and records in them. */
  deltasMax: 100,
  recordsMax: 2_000,
}

/** Of the copies that a node serves. */
export const SERVED_LIMITS = {
  /** Registers that are read at once after they changed. */
  readsAtOnce: 64,
  /** A large zone that changes while it is read is read again, so often; then later. */
  zoneTries: 5,
  /** Blocks of numbers that are taken in before others get their turn. */
  blocksAtOnce: 20,
  /** Everything is compared with the ring so often, news or not. */
  reloadMs: 600_000,
  /** Between two loads, when more was missed meanwhile or one failed. */
  againMs: 1_000,
}

/** Of the resolver that asks others. */
export const STUB_LIMITS = {
  /** Answers that are remembered; the oldest are forgotten. */
  answersMax: 10_000,
  /** Longer lives are cut. */
  ttlMaxSeconds: 3_600,
}

/** Of telling secondary servers. */
export const NOTIFY_LIMITS = {
  /** Changes within this time are told as one; longer than the second that a serial of numbers may be behind. */
  gatherMs: 1_500,
  /** A secondary that took notice is told once more after this. */
  againMs: 5_000,
  /** Doubled with each try. */
  retryMs: 2_000,
  /** After so many in vain a secondary finds out by itself, at its next refresh. */
  tries: 5,
  /** Zones with changes to be told at once; those of more are found at the next refresh. */
  zonesMax: 10_000,
}

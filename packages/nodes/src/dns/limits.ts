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

/** The kernel's limit for the path of a Unix socket is 107 octets. */
export const SOCKET_PATH_MAX_BYTES = 100

/** A zone file, or two thousand rows of numbers, must fit. */
export const REQUEST_BODY_MAX_BYTES = 1024 * 1024

export const RESPONSE_BODY_MAX_BYTES = 64 * 1024 * 1024

/** Connections at once; more are closed by the server before they are read. */
export const CONNECTIONS_MAX = 64

/** A command that the ring cannot answer in this time has failed. */
export const ANSWER_LIMIT_MS = 60_000

/** Trusted peers of a ring: one more is refused with `NODE_PEERS_FULL`. */
export const PEERS_MAX = 200

/** Trunks of a ring: one more is refused with `NODE_TRUNKS_FULL`. */
export const TRUNKS_MAX = 200

/** Calls of peers that are looked up at once, whether they have ended elsewhere; the others next time. */
export const PEER_LOOKS_MAX = 200

/** MESSAGEs kept for an account that is offline: one more is answered 480. */
export const MESSAGES_KEPT_MAX = 50

/** Accounts whose usual sources a home remembers, and sources of each: one more pushes out the oldest. */
export const GOOD_ACCOUNTS_MAX = 100_000

export const GOOD_SOURCES_MAX = 8

/** Failed log-ins whose answer is held back a little, at one home: one more is answered at once. */
export const FAILED_LOGINS_WAITING_MAX = 1_000

/** Accounts that an edge knows to exist, so that it need not tell their homes who asks for them: one more pushes out the oldest. */
export const KNOWN_ACCOUNTS_MAX = 100_000

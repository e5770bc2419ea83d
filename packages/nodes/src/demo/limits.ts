/** Numbers of the demo. Promised times are those that docs/CONSISTENCY.md and the README give. */

/** The whole demo; later it has failed. */
export const DEMO_LIMIT_MS = 120_000
/** One node, from the command to serving. */
export const NODE_READY_LIMIT_MS = 30_000
/** Ranges copied, everybody sees everybody. */
export const SETTLED_LIMIT_MS = 30_000
/** How long clean stops may take before they are cut short. */
export const STOP_LIMIT_MS = 5_000
/** A SIP request of a phone, with all its retransmissions. */
export const REQUEST_LIMIT_MS = 6_000
/** Between two looks at something that shall come true. */
export const POLL_MS = 50

/** After the death of a node: accounts are found and phones can register. */
export const SERVED_AGAIN_LIMIT_MS = 2_000
/** After the death of a node: a new call is answered. */
export const CALL_AGAIN_LIMIT_MS = 3_000
/** After the death of a node: DNS has forgotten it (detection plus a second). */
export const DNS_LIMIT_MS = 3_000
/** After a call began or ended: `status` counts it right. */
export const COUNT_LIMIT_MS = 5_000
/** Something late is waited for so long, to be able to say how late. */
export const LATE_LIMIT_MS = 15_000

/** A tone must be heard in this part of the time, at least. */
export const HEARD_SHARE_MIN = 0.8
/** Between what a phone measured and what a record says. */
export const DURATION_TOLERANCE_MS = 1_500

/** Calls, kept answers and waiting requests of one phone. */
export const PHONE_TABLE_MAX = 64
/** Tails of node logs that a failure shows. */
export const LOG_TAIL_LINES = 8

/** Limits of this package, each with its answer (docs/LIMITS.md). */

/** Longer session descriptions are `MEDIA_SDP_INVALID`. Characters of the text. */
export const SDP_SIZE_MAX = 64 * 1024
/** Streams (`m=` lines) of one session description; more are `MEDIA_SDP_INVALID`. */
export const SDP_STREAMS_MAX = 32
/** Default of `RelayInit.sessionsMax`; one more is `MEDIA_TOO_MANY_SESSIONS`. */
export const SESSIONS_MAX = 5_000
/** Branches of one call that get callee ports of their own; further ones share those of the first. */
export const BRANCHES_MAX = 16
/** Ports tried when other programs sit in our range, before `MEDIA_PORTS_EXHAUSTED`. */
export const BIND_ATTEMPTS_MAX = 32

/** Silence of both sides before `onSilence`. */
export const SILENCE_MS = 60_000
/** The same when no packet ever came since both sides are known. */
export const NO_TRAFFIC_MS = 90_000
/** How often silence is looked for. */
export const SILENCE_CHECK_MS = 1_000
/** A session that only one side has described is freed after this: its call was given up by a node that died. */
export const UNANSWERED_MS = 10 * 60_000
/** A session without RTP and without SDP for this long is freed, even on hold. */
export const ABANDONED_MS = 2 * 60 * 60_000
/** While a side is learned anew, its former address is not believed for this long. */
export const RELEARN_GRACE_MS = 1_000

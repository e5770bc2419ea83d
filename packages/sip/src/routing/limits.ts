/** Answers of DNS that are remembered; the oldest are forgotten. */
export const LOOKUPS_MAX = 2_000
/** How long: DNS answers have lives of their own, but no SIP host moves twice within this time. */
export const LOOKUPS_MS = 5_000

/** Addresses of which is remembered that they failed; the oldest are forgotten. */
export const FAILED_MAX = 1_000
/** So long they are tried last. */
export const FAILED_MS = 60_000
/** A host that answers 503 with Retry-After is left alone so long at most, whatever it says. */
export const LEFT_ALONE_MAX_MS = 3_600_000

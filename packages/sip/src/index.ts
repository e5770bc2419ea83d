/**
 * SIP: RFC 3261 and friends. `SipStack` is the whole of it; what it needs from outside is in `delegates.ts`. Knows nothing of
 * rings or relays.
 *
 * @module
 */
export * from './delegates.ts'
export * from './high.index.ts'
export * from './low.index.ts'

/** Every table and fork of proxy and registrar has a number here, and reaching it has an answer that is tested. */

/** Branches of one request: devices beyond it are not rung. */
export const BRANCHES_MAX = 10
/** Contacts of one AOR; one more is refused 403. */
export const CONTACTS_MAX = 10
/** Flows whose accounts an edge remembers; those registered longest ago are forgotten, their bindings end at first failure. */
export const REGISTERED_FLOWS_MAX = 100_000
/** Keep-alives sent to devices behind NAT in a second; those beyond it go a second later. */
export const KEEP_ALIVES_PER_SECOND = 2_000
/** Body of a MESSAGE that is kept for somebody offline; a larger one is answered 480. */
export const KEPT_MESSAGE_BYTES_MAX = 8 * 1024
/** Accounts to which an edge sends kept messages at a time; one more gets them when it registers again. */
export const DELIVERIES_MAX = 1_000
/** Aliases followed one after another; beyond it 482. */
export const REDIRECTS_MAX = 10
/** Path and Route entries read; beyond it 400. */
export const ROUTES_MAX = 20
/** Via entries of a request; beyond it 400. */
export const VIAS_MAX = 70
/** Requests that wait for a home, a relay or a branch; one more is answered 503. */
export const PENDING_REQUESTS_MAX = 20_000
/** Nonces of which the home remembers counts. */
export const NONCE_COUNTS_MAX = 200_000
/** Value of Max-Forwards when a request has none (RFC 3261 §16.6 step 3). */
export const MAX_FORWARDS = 70
/** Branches of a request at a time, over all proxies that it passes (RFC 5393 §5.3.1); beyond it 440. */
export const MAX_BREADTH = 60
/** Dialogs that one INVITE may make; 2xx for more of them are dropped. */
export const ANSWERS_MAX = 16
/** Shortest and longest registration granted, in seconds, unless configured. UDP behind NAT must refresh its pinhole more often. */
export const EXPIRES_MIN = 60
export const EXPIRES_MAX = 600
export const EXPIRES_NAT_MAX = 120
/** A Record-Route cookie, in characters. */
export const COOKIE_MAX = 512
/** History-Info entries of a request; with more, none is added. */
export const HISTORY_MAX = 30
/** Addresses tried for a foreign next hop. */
export const ADDRESSES_MAX = 8

/** Gateways of a region that are tried for an emergency call. */
export const EMERGENCY_GATEWAYS_MAX = 8
/** Targets of one number that are tried. */
export const NUMBER_TARGETS_MAX = 5

import type { Aor } from '@thor-node/core'

/** Why a call ended, as the record says it. */
export type EndCause = 'bye-caller' | 'bye-callee' | 'media-timeout' | 'max-duration' | 'admin' | 'lost'

/** Written before the 200 OK reaches the caller (docs/ARCHITECTURE.md, "Call records"). Times are epoch milliseconds. */
export interface CallOpened {
  callUuid: string
  leg: 'a'
  callId: string
  fromTag: string
  toTag: string
  /** Account that pays. */
  billedTo: Aor
  caller: string
  callee: string
  /** Request-URI as dialled. */
  requestUri: string
  /** Present where ENUM led the call: by which tree, and as which number of the world. What a discount for such calls goes by. */
  enum?: { tree: string; number: string }
  startedAt: number
  callerUserAgent: string
  calleeUserAgent: string
  /** Offered and chosen codec names, by stream. */
  codecs: string[]
  /** Node that carried the call when it was answered. */
  node: string
}

export interface CallClosed {
  callUuid: string
  leg: 'a'
  stoppedAt: number
  cause: EndCause
  /** Octets and packets received from each side by the relay. */
  callerBytes: number
  calleeBytes: number
  callerPackets: number
  calleePackets: number
  /** Codecs actually seen. */
  codecs: string[]
}

/** One call, as operators and portals see it. */
export interface CallRecord extends CallOpened {
  /** Absent while the call is going on. */
  stoppedAt?: number
  /** Whole seconds, rounded to nearest; absent while the call is going on. */
  durationSeconds?: number
  cause?: EndCause
  callerBytes: number
  calleeBytes: number
  callerPackets: number
  calleePackets: number
}

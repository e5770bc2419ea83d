import type { Address } from '@thor-node/core'

/** One stream of a call as seen by its relay. */
export interface StreamStats {
  mediaType: string
  /** Codec names from SDP and the first payload type, e.g. `PCMU`; `Unknown` until media. */
  callerCodec: string
  calleeCodec: string
  callerBytes: number
  calleeBytes: number
  callerPackets: number
  calleePackets: number
  callerRemote?: Address
  calleeRemote?: Address
  callerLocal: Address
  calleeLocal: Address
  status: 'active' | 'on hold' | 'closed' | 'rejected' | 'no-traffic timeout'
}

export interface SessionStats {
  callUuid: string
  /** Milliseconds since the session was made. */
  durationMs: number
  /** Milliseconds since the last RTP packet of either side; undefined before the first. */
  silentMs?: number
  streams: StreamStats[]
}

/** The relay of one node. Ports come from its own pool; nothing here knows who calls whom. */
export interface MediaRelay {
  start(): Promise<void>
  stop(): Promise<void>
  /**
   * An SDP that `side` wrote, for the other side: allocates ports on first sight of a stream and returns the SDP with them.
   * The same (callUuid, side, branch) again is a re-offer or re-answer: streams keep their ports, a changed address
   * re-opens learning for that side. Throws `MEDIA_PORTS_EXHAUSTED`, `MEDIA_SDP_INVALID`, `MEDIA_DRAINING`,
   * `MEDIA_TOO_MANY_SESSIONS`, and `MEDIA_SESSION_UNKNOWN` for an answer to an offer that this relay never saw.
   */
  rewrite(query: {
    callUuid: string
    side: 'caller' | 'callee'
    kind: 'offer' | 'answer'
    branch: string
    sdp: string
    from: Address
    /**
     * Where the other side is reached: its first offer gives it ports of that address family, if the relay has it.
     * @default that of the description
     */
    towards?: Address
  }): Promise<string>
  /** Frees the ports; returns the last figures, or undefined when it never had the call. Idempotent. */
  release(callUuid: string): SessionStats | undefined
  stats(callUuid: string): SessionStats | undefined
  sessions(): SessionStats[]
  /** No RTP from either side for the configured silence (not while on hold); once per silence. */
  onSilence: ((callUuid: string, silentMs: number) => void) | undefined
}

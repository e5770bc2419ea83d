/**
 * SDP and the RTP relay: bytes in, bytes out. Knows no SIP and no ring.
 *
 * ```ts
 * const relay = new UserSpaceRelay({ clock, random, net, logger }, { host: '192.0.2.1' })
 * await relay.start()
 * const forCallee = await relay.rewrite({ callUuid, side: 'caller', kind: 'offer', branch: 'b1', sdp, from })
 * ```
 *
 * @module
 */
export type { MediaRelay, SessionStats, StreamStats } from './relay/contract.ts'
export { type RelayComponents, type RelayInit, UserSpaceRelay } from './relay/control.ts'
export type { PortRange } from './relay/port-pool.ts'
export { type CodecMap, codecMap, codecName, codecNames } from './sdp/codecs.ts'
export { type Direction, directionOf, hostOf, isHold } from './sdp/direction.ts'
export { attribute, formatSdp, parseSdp, type Sdp, type SdpLine, type SdpStream } from './sdp/parse.ts'
export { type IcePolicy, isRelayed, type RelayPorts, rewriteSdp } from './sdp/rewrite.ts'

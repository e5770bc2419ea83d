/**
 * The fixed header of RTP (RFC 3550 §5.1), read in place. One UDP port may carry RTP, RTCP (RFC 5761), STUN, DTLS and ZRTP
 * (RFC 7983): the first byte tells them apart.
 */

const FIXED_HEADER_BYTES = 12

/** Version 2, long enough, and not RTCP, whose types 192–223 look like payload types 64–95 (RFC 5761 §4). */
export function isRtp(bytes: Uint8Array): boolean {
  if (bytes.length < FIXED_HEADER_BYTES || ((bytes[0] as number) & 0xc0) !== 0x80) return false
  const type = (bytes[1] as number) & 0x7f
  return type < 64 || type > 95
}

/** Payload type of what `isRtp` said yes to. */
export function payloadType(bytes: Uint8Array): number {
  return (bytes[1] as number) & 0x7f
}

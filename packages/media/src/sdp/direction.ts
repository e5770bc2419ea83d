import { attribute, connectionHost, findLine, type Sdp, type SdpStream } from './parse.ts'

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

const directions: readonly Direction[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive']

/** Direction of a stream as its writer says: media level, else session level, else `sendrecv` (RFC 8866 §6.7). */
export function directionOf(sdp: Sdp, stream: SdpStream): Direction {
  for (const lines of [stream.lines, sdp.session]) {
    const found = directions.find((direction) => attribute(lines, direction) !== undefined)
    if (found) return found
  }
  return 'sendrecv'
}

/** Address where the writer of a stream wants it: media-level `c=`, else the session's; undefined when there is neither. */
export function hostOf(sdp: Sdp, stream: SdpStream): string | undefined {
  const line = findLine(stream.lines, 'c') ?? findLine(sdp.session, 'c')
  return line && connectionHost(line)
}

/** `0.0.0.0` and `::`: "send me nothing", the old way to hold (RFC 3264 §8.4). */
export const isUnspecified = (host: string | undefined): boolean => host === '0.0.0.0' || host === '::'

/** Does the writer put the other side on hold with this stream? (RFC 3264 §8.4, and RFC 2543's address 0.0.0.0) */
export function isHold(sdp: Sdp, stream: SdpStream): boolean {
  const direction = directionOf(sdp, stream)
  return direction === 'sendonly' || direction === 'inactive' || isUnspecified(hostOf(sdp, stream))
}

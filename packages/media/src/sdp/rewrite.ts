import { isIP } from 'node:net'
import { type Address, ThorError } from '@thor-node/core'
import { isRtcpMux } from './codecs.ts'
import { hostOf, isUnspecified } from './direction.ts'
import { attribute, findLine, isAttribute, makeLine, type Sdp, type SdpLine, type SdpStream } from './parse.ts'

/**
 * What happens to ICE candidates (RFC 8839).
 * - `relay-only`: those of the phone are replaced by the relay's, so connectivity checks and media go through the relay.
 *   The default: a call that bypasses its relay would look silent, and would be ended and billed wrongly.
 * - `none`: left alone; agents that ignore an ICE mismatch may find a way around the relay.
 * - `low-priority`, `high-priority`: one of the relay is added as the agents' last or first choice.
 */
export type IcePolicy = 'relay-only' | 'none' | 'low-priority' | 'high-priority'

/** Where the reader of the description must send a stream. */
export interface RelayPorts {
  rtp: number
  rtcp: number
}

/** Transports that go through the relay; the relay reads no more than the fixed header, so encrypted ones do too. */
export function isRelayed(stream: SdpStream): boolean {
  return /^(UDP\/TLS\/)?RTP\/S?AVPF?$/i.test(stream.proto)
}

/** The last step of ICE names candidates that were agreed on; such a description is not touched unless `relay-only`. */
export function endsIce(sdp: Sdp): boolean {
  return sdp.streams.some((stream) => attribute(stream.lines, 'remote-candidates') !== undefined)
}

/**
 * A copy of `sdp` that leads its reader to the relay: ports of relayed streams (0 stays 0), `a=rtcp`, `c=` at media and
 * session level (0.0.0.0 stays), ICE candidates. `ports[i]` belongs to stream i; a stream without ports is left alone.
 * Everything else, `o=` included, goes out as it came. Throws `MEDIA_SDP_INVALID` when a relayed stream has no `c=`.
 */
export function rewriteSdp(
  sdp: Sdp,
  host: string,
  ports: readonly (RelayPorts | undefined)[],
  ice: IcePolicy = 'relay-only',
): Sdp {
  const touched = (stream: SdpStream, index: number): boolean =>
    isRelayed(stream) && (stream.port === 0 || ports[index] !== undefined)
  if (!sdp.streams.some(touched)) return sdp
  if (ice !== 'relay-only' && endsIce(sdp)) return sdp

  const connection = makeLine(sdp, 'c', `IN ${isIP(host) === 6 ? 'IP6' : 'IP4'} ${host}`)
  const sessionConnection = findLine(sdp.session, 'c')
  const keepsSession = sessionConnection !== undefined && isUnspecified(sessionConnection.value.split(' ')[2])
  const mixed = !keepsSession && !sdp.streams.every(touched)

  const session = sdp.session.flatMap((line) => {
    if (line.type !== 'c' || keepsSession) return [line]
    return mixed ? [] : [connection]
  })
  const streams = sdp.streams.map((stream, index) => {
    if (!touched(stream, index)) {
      const needsOwn = mixed && sessionConnection && !findLine(stream.lines, 'c')
      return needsOwn ? { ...stream, lines: withConnection(stream.lines, sessionConnection, sdp.eol) } : stream
    }
    const host = hostOf(sdp, stream)
    if (host === undefined && stream.port !== 0) {
      throw new ThorError('MEDIA_SDP_INVALID', `unreadable session description: stream ${index + 1} has no c= line`)
    }
    const target = stream.port === 0 ? undefined : ports[index]
    let lines = stream.lines.flatMap((line) => rewriteLine(sdp, stream, line, connection, target, host))
    if (mixed && sessionConnection && !findLine(lines, 'c')) lines = withConnection(lines, connection, sdp.eol)
    if (target) lines = rewriteIce(sdp, { ...stream, lines }, hostOfLine(connection), target, ice)
    return { ...stream, port: target?.rtp ?? 0, lines }
  })
  return { session, streams, eol: sdp.eol }
}

const hostOfLine = (line: SdpLine): string => line.value.split(' ')[2] as string

function rewriteLine(
  sdp: Sdp,
  stream: SdpStream,
  line: SdpLine,
  connection: SdpLine,
  target: RelayPorts | undefined,
  host: string | undefined,
): SdpLine[] {
  if (line.type === 'c') return [isUnspecified(host) ? line : connection]
  if (!target) return [line]
  if (line.type === 'm') {
    return [makeLine(sdp, 'm', `${stream.media} ${target.rtp} ${stream.proto} ${stream.formats.join(' ')}`)]
  }
  if (isAttribute(line, 'rtcp')) {
    // RFC 3605; with RFC 5761 both share a port.
    const port =
      isRtcpMux(stream) && Number(line.value.slice(5).split(' ')[0]) === stream.port ? target.rtp : target.rtcp
    const withAddress = line.value.includes(' ')
    return [makeLine(sdp, 'a', `rtcp:${port}${withAddress ? ` ${connection.value}` : ''}`)]
  }
  return [line]
}

/** Adds a `c=` line in its place: after `m=` and `i=` (RFC 8866 §5). */
function withConnection(lines: readonly SdpLine[], connection: SdpLine, eol: string): SdpLine[] {
  const at = lines[1]?.type === 'i' ? 2 : 1
  const before = lines.slice(0, at).map((line) => (line.raw.endsWith('\n') ? line : { ...line, raw: line.raw + eol }))
  const own = connection.raw.endsWith('\n') ? connection : { ...connection, raw: connection.raw + eol }
  return [...before, own, ...lines.slice(at)]
}

function rewriteIce(sdp: Sdp, stream: SdpStream, host: string, target: RelayPorts, ice: IcePolicy): SdpLine[] {
  const first = stream.lines.findIndex((line) => isAttribute(line, 'candidate'))
  const credentials = [stream.lines, sdp.session].some((lines) => attribute(lines, 'ice-ufrag') !== undefined)
  if (ice === 'none' || !credentials || (first < 0 && ice !== 'relay-only')) return stream.lines
  const withRtcp =
    !isRtcpMux(stream) || stream.lines.some((line) => isAttribute(line, 'candidate') && /^\S+ 2 /.test(line.value))
  const own = [candidate(sdp, host, 1, target.rtp, ice)]
  if (withRtcp) own.push(candidate(sdp, host, 2, target.rtcp, ice))
  if (ice !== 'relay-only') return stream.lines.toSpliced(first, 0, ...own)
  const kept = stream.lines.filter(
    (line) =>
      !isAttribute(line, 'candidate') &&
      !isAttribute(line, 'remote-candidates') &&
      !isAttribute(line, 'end-of-candidates') &&
      !isAttribute(line, 'ice-mismatch'),
  )
  const last = kept.at(-1)
  if (last && !last.raw.endsWith('\n')) kept[kept.length - 1] = { ...last, raw: last.raw + sdp.eol }
  return [...kept, ...own, makeLine(sdp, 'a', 'end-of-candidates')]
}

/** RFC 8839 §5.1. A relayed candidate, or a host's when it is the only one there is. */
function candidate(sdp: Sdp, host: string, component: 1 | 2, port: number, ice: IcePolicy): SdpLine {
  const typePreference = { 'low-priority': 0, 'high-priority': 130, 'relay-only': 126, none: 0 }[ice]
  const priority = typePreference * 2 ** 24 + 65_535 * 256 + 256 - component
  const kind = ice === 'relay-only' ? 'typ host' : `typ relay raddr ${host} rport ${port}`
  const foundation = `R${Buffer.from(host).toString('hex').slice(0, 31)}`
  return makeLine(sdp, 'a', `candidate:${foundation} ${component} UDP ${priority} ${host} ${port} ${kind}`)
}

/** Where the writer of a stream says it wants RTP and RTCP; undefined parts when that cannot be sent to (name, hold, 0). */
export function wantedAddresses(sdp: Sdp, stream: SdpStream): { rtp?: Address; rtcp?: Address } {
  const host = hostOf(sdp, stream)
  if (host === undefined || isIP(host) === 0 || isUnspecified(host) || stream.port === 0) return {}
  const [port, , , rtcpHost] = (attribute(stream.lines, 'rtcp') ?? '').split(' ')
  const rtcpPort = /^\d{1,5}$/.test(port ?? '') ? Number(port) : stream.port + 1
  const known = rtcpHost !== undefined && isIP(rtcpHost) !== 0 && !isUnspecified(rtcpHost) ? rtcpHost : host
  const rtcp = rtcpPort > 0 && rtcpPort <= 65_535 ? { host: known, port: rtcpPort } : undefined
  return { rtp: { host, port: stream.port }, rtcp }
}

import { isIP } from 'node:net'
import { ThorError } from '@thor-node/core'
import { SDP_SIZE_MAX, SDP_STREAMS_MAX } from '../limits.ts'

/** One line, with its line end, exactly as it came: what nobody changes goes out byte for byte. */
export interface SdpLine {
  /** The letter before `=`; empty for blank lines at the very end. */
  type: string
  value: string
  /** Line and line end. */
  raw: string
}

/** One `m=` section (RFC 8866 §5.14). */
export interface SdpStream {
  /** `audio`, `video`, `text`, … */
  media: string
  port: number
  /** `RTP/AVP`, `TCP/MSRP`, … as written. */
  proto: string
  /** Payload types or other formats. */
  formats: string[]
  /** The `m=` line first. */
  lines: SdpLine[]
}

export interface Sdp {
  session: SdpLine[]
  streams: SdpStream[]
  /** Line end for lines that we add: as the first line has it. */
  eol: string
}

const invalid = (why: string): ThorError => new ThorError('MEDIA_SDP_INVALID', `unreadable session description: ${why}`)

/**
 * Reads a session description (RFC 8866) as lines; nothing but `m=` and `c=` is interpreted. Bare LF is taken as well as
 * CRLF, and blank lines at the end are kept. Throws `MEDIA_SDP_INVALID`.
 */
export function parseSdp(text: string): Sdp {
  if (text.length > SDP_SIZE_MAX) throw invalid(`longer than ${SDP_SIZE_MAX} characters`)
  const lines = splitLines(text)
  const first = lines[0]
  if (first?.type !== 'v' || first.value !== '0') throw invalid('the first line is not v=0')
  const sdp: Sdp = { session: [], streams: [], eol: first.raw.endsWith('\r\n') ? '\r\n' : '\n' }
  let section = sdp.session
  for (const [index, line] of lines.entries()) {
    if (line.type === 'v' && index > 0) throw invalid('more than one v= line')
    if (line.type === 'm') {
      if (sdp.streams.length === SDP_STREAMS_MAX) throw invalid(`more than ${SDP_STREAMS_MAX} streams`)
      const stream = parseMedia(line)
      sdp.streams.push(stream)
      section = stream.lines
    } else section.push(line)
    if (line.type === 'c') connectionHost(line)
  }
  return sdp
}

/** The text again; equal to what was parsed where nothing was changed. */
export function formatSdp(sdp: Sdp): string {
  let text = ''
  for (const line of sdp.session) text += line.raw
  for (const stream of sdp.streams) for (const line of stream.lines) text += line.raw
  return text
}

/** A line of our own, ended as the rest of the description is. */
export function makeLine(sdp: Sdp, type: string, value: string): SdpLine {
  return { type, value, raw: `${type}=${value}${sdp.eol}` }
}

/** The first line of a type in a section. */
export function findLine(lines: readonly SdpLine[], type: string): SdpLine | undefined {
  return lines.find((line) => line.type === type)
}

/** The value of the first `a=name` or `a=name:value` line ('' for a flag), or undefined. */
export function attribute(lines: readonly SdpLine[], name: string): string | undefined {
  for (const line of lines) {
    if (line.type === 'a' && isAttribute(line, name)) return line.value.slice(name.length + 1)
  }
  return undefined
}

/** Is this the attribute `name`, with or without value? */
export function isAttribute(line: SdpLine, name: string): boolean {
  const next = line.value[name.length]
  return line.type === 'a' && line.value.startsWith(name) && (next === undefined || next === ':')
}

/** Address of a `c=` line (RFC 8866 §5.7), a literal or a name. Throws `MEDIA_SDP_INVALID` for multicast and nonsense. */
export function connectionHost(line: SdpLine): string {
  const match = /^IN (IP4|IP6) (\S+)$/.exec(line.value.trimEnd())
  const host = match?.[2]
  if (!host) throw invalid(`c=${line.value.slice(0, 80)}`)
  if (host.includes('/')) throw invalid('multicast addresses are not served')
  const family = isIP(host)
  if ((family === 4 && match?.[1] === 'IP6') || (family === 6 && match?.[1] === 'IP4')) {
    throw invalid(`address type and address do not match in c=${line.value}`)
  }
  if (family === 4 && Number(host.split('.')[0]) >= 224 && Number(host.split('.')[0]) < 240) {
    throw invalid('multicast addresses are not served')
  }
  if (family === 6 && /^ff/i.test(host)) throw invalid('multicast addresses are not served')
  return host
}

function splitLines(text: string): SdpLine[] {
  const lines: SdpLine[] = []
  for (const raw of text.split(/(?<=\n)/)) {
    const content = raw.replace(/\r?\n$/, '')
    if (content !== '' && lines.at(-1)?.type === '') throw invalid('blank line inside')
    if (content !== '' && !/^[a-z]=/.test(content)) throw invalid(`no type in line ${lines.length + 1}`)
    if (content.includes('\0') || content.includes('\r')) throw invalid(`control character in line ${lines.length + 1}`)
    lines.push({ type: content.slice(0, 1), value: content.slice(2), raw })
  }
  return lines
}

function parseMedia(line: SdpLine): SdpStream {
  const match = /^([^ ]+) (\d{1,5})(?:\/\d+)? ([^ ]+) ([^ ].*)$/.exec(line.value.trimEnd())
  const port = Number(match?.[2])
  if (!match || port > 65_535) throw invalid(`m=${line.value.slice(0, 80)}`)
  return {
    media: match[1] as string,
    port,
    proto: match[3] as string,
    formats: (match[4] as string).split(/ +/),
    lines: [line],
  }
}

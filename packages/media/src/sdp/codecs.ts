import { attribute, isAttribute, type SdpStream } from './parse.ts'

/** Static payload types (RFC 3551 §6). */
const staticNames: Readonly<Record<number, string>> = {
  0: 'PCMU',
  3: 'GSM',
  4: 'G723',
  5: 'DVI4',
  6: 'DVI4',
  7: 'LPC',
  8: 'PCMA',
  9: 'G722',
  10: 'L16',
  11: 'L16',
  12: 'QCELP',
  13: 'CN',
  14: 'MPA',
  15: 'G728',
  16: 'DVI4',
  17: 'DVI4',
  18: 'G729',
  25: 'CelB',
  26: 'JPEG',
  28: 'nv',
  31: 'H261',
  32: 'MPV',
  33: 'MP2T',
  34: 'H263',
}

/** Payload type → codec name of one stream: its `a=rtpmap` lines (RFC 8866 §6.6) over the static table. */
export type CodecMap = ReadonlyMap<number, string>

export function codecMap(stream: SdpStream): CodecMap {
  const map = new Map<number, string>()
  for (const format of stream.formats) {
    const type = Number(format)
    const name = staticNames[type]
    if (name !== undefined) map.set(type, name)
  }
  for (const line of stream.lines) {
    if (!isAttribute(line, 'rtpmap')) continue
    const match = /^rtpmap:(\d{1,3}) +([^/ ]+)/.exec(line.value)
    if (match) map.set(Number(match[1]), match[2] as string)
  }
  return map
}

/** Codec names in order of preference, without tones and comfort noise: `['opus', 'PCMU']`. */
export function codecNames(stream: SdpStream): string[] {
  const map = codecMap(stream)
  const names = stream.formats.map((format) => map.get(Number(format)) ?? 'Unknown')
  return [...new Set(names.filter((name) => !isAuxiliary(name)))]
}

/** Name of a payload type that was seen; `maps` are asked in order. */
export function codecName(payloadType: number, maps: readonly (CodecMap | undefined)[]): string {
  for (const map of maps) {
    const name = map?.get(payloadType)
    if (name !== undefined) return name
  }
  return staticNames[payloadType] ?? (payloadType > 95 ? `Dynamic(${payloadType})` : `Unknown(${payloadType})`)
}

/** Tones (RFC 4733) and comfort noise (RFC 3389) travel beside the codec, they are not it. */
export function isAuxiliary(name: string): boolean {
  return /^(telephone-event|CN|tone)$/i.test(name)
}

/** RTP and RTCP on one port (RFC 5761)? */
export const isRtcpMux = (stream: SdpStream): boolean => attribute(stream.lines, 'rtcp-mux') !== undefined

import { type Address, systemNet, type UdpSocket } from '@thor-node/core'

/** A phone of our own: real sockets for RTP and RTCP, and an SDP that may say something else. */
export class Phone {
  readonly rtp: UdpSocket
  readonly rtcp: UdpSocket
  /** What arrived, by socket. */
  readonly heard: { rtp: Buffer[]; rtcp: Buffer[] }

  private constructor(rtp: UdpSocket, rtcp: UdpSocket, heard: Phone['heard']) {
    this.rtp = rtp
    this.rtcp = rtcp
    this.heard = heard
  }

  static async open(host: string): Promise<Phone> {
    const heard: Phone['heard'] = { rtp: [], rtcp: [] }
    const rtp = await systemNet.udp({ host, port: 0 }, (bytes) => heard.rtp.push(bytes))
    const rtcp = await systemNet.udp({ host, port: 0 }, (bytes) => heard.rtcp.push(bytes))
    return new Phone(rtp, rtcp, heard)
  }

  /** An offer or answer; `at` is where it claims to listen (default: the truth). */
  sdp(extra: { at?: Address; lines?: string[]; media?: string } = {}): string {
    const at = extra.at ?? this.rtp.local
    return sdpOf(at, extra.lines ?? [`a=rtcp:${this.rtcp.local.port}`], extra.media)
  }

  async close(): Promise<void> {
    await Promise.all([this.rtp.close(), this.rtcp.close()])
  }
}

export function sdpOf(at: Address, lines: string[] = [], media = 'audio'): string {
  const family = at.host.includes(':') ? 'IP6' : 'IP4'
  const all = ['v=0', `o=- 1 1 IN ${family} ${at.host}`, 's=-', `c=IN ${family} ${at.host}`, 't=0 0']
  return `${[...all, `m=${media} ${at.port} RTP/AVP 0 8 101`, 'a=rtpmap:101 telephone-event/8000', ...lines].join('\r\n')}\r\n`
}

/** Where an SDP sends its reader: address of the i-th stream. */
export function target(sdp: string, index = 0): Address {
  const host = /^c=IN IP[46] (\S+)/m.exec(sdp)?.[1] ?? ''
  const port = [...sdp.matchAll(/^m=\S+ (\d+)/gm)][index]?.[1]
  return { host, port: Number(port) }
}

export const next = ({ host, port }: Address): Address => ({ host, port: port + 1 })

/** An RTP packet: fixed header and 160 octets, as G.711 has them. */
export function rtp(sequence: number, payloadType = 0, octets = 160): Buffer {
  const bytes = Buffer.alloc(12 + octets, sequence & 0xff)
  bytes[0] = 0x80
  bytes[1] = payloadType
  bytes.writeUInt16BE(sequence & 0xffff, 2)
  return bytes
}

/** A receiver report. */
export const rtcp = (): Buffer => Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 7])

/** What the phones say and understand of SDP (RFC 8866): one audio stream, PCMU. */
import { type Address, errorCode } from '@thor-node/core'
import { hostOf, parseSdp } from '@thor-node/media'

export function makeSdp({ host, port }: Address, version: number): Uint8Array {
  const family = host.includes(':') ? 'IP6' : 'IP4'
  const lines = [
    'v=0',
    `o=- ${version} ${version} IN ${family} ${host}`,
    's=thor-node demo',
    `c=IN ${family} ${host}`,
    't=0 0',
    `m=audio ${port} RTP/AVP 0`,
    'a=rtpmap:0 PCMU/8000',
    'a=ptime:20',
    'a=sendrecv',
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1')
}

/** Where the other side wants its audio; undefined when it takes none, or not ours. */
export function audioAddress(body: Uint8Array): Address | undefined {
  try {
    const sdp = parseSdp(Buffer.from(body).toString('latin1'))
    const audio = sdp.streams.find(({ media, port, formats }) => media === 'audio' && port > 0 && formats.includes('0'))
    const host = audio && hostOf(sdp, audio)
    return audio && host !== undefined ? { host, port: audio.port } : undefined
  } catch (error) {
    if (errorCode(error) === 'MEDIA_SDP_INVALID') return undefined
    throw error
  }
}

const net = (host: string): string => (host.includes(':') ? 'IN IP6' : 'IN IP4')

/** A session description with one stream of G.711. */
export const sdpFor = (host: string, port: number, extra: string[] = []): string =>
  [
    'v=0',
    `o=- 1 1 ${net(host)} ${host}`,
    's=-',
    `c=${net(host)} ${host}`,
    't=0 0',
    `m=audio ${port} RTP/AVP 0`,
    'a=rtpmap:0 PCMU/8000',
    ...extra,
    '',
  ].join('\r\n')

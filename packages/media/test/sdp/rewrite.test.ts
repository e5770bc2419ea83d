import assert from 'node:assert/strict'
import { errorCode } from '@thor-node/core'
import { suite } from 'uvu'
import { formatSdp, parseSdp } from '../../src/sdp/parse.ts'
import { type IcePolicy, rewriteSdp, wantedAddresses } from '../../src/sdp/rewrite.ts'

const test = suite('media sdp rewrite')

const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-']
const audio = { rtp: 40_000, rtcp: 40_001 }
const video = { rtp: 40_010, rtcp: 40_011 }

function rewrite(
  lines: string[],
  host = '198.51.100.7',
  ports = [audio, video],
  ice: IcePolicy = 'relay-only',
): string[] {
  const text = `${[...head, ...lines].join('\r\n')}\r\n`
  const out = formatSdp(rewriteSdp(parseSdp(text), host, ports, ice))
  assert.ok(out.startsWith(`${head.join('\r\n')}\r\n`), 'v=, o= and s= are left alone')
  assert.ok(out.endsWith('\r\n'))
  return out.split('\r\n').slice(head.length, -1)
}

const cases: { name: string; host?: string; from: string[]; to: string[] }[] = [
  {
    name: 'port and session address are replaced, the rest stays',
    from: [
      'c=IN IP4 192.0.2.1',
      'b=AS:64',
      't=0 0',
      'm=audio 4000 RTP/AVP 0 8 101',
      'a=rtpmap:101 telephone-event/8000',
    ],
    to: [
      'c=IN IP4 198.51.100.7',
      'b=AS:64',
      't=0 0',
      'm=audio 40000 RTP/AVP 0 8 101',
      'a=rtpmap:101 telephone-event/8000',
    ],
  },
  {
    name: 'port 0 stays 0',
    from: ['c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0', 'm=video 0 RTP/AVP 31'],
    to: ['c=IN IP4 198.51.100.7', 'm=audio 40000 RTP/AVP 0', 'm=video 0 RTP/AVP 31'],
  },
  {
    name: 'media addresses are replaced',
    from: ['m=audio 4000 RTP/SAVP 0', 'c=IN IP4 192.0.2.1', 'm=video 5000 RTP/AVPF 31', 'c=IN IP4 192.0.2.2'],
    to: ['m=audio 40000 RTP/SAVP 0', 'c=IN IP4 198.51.100.7', 'm=video 40010 RTP/AVPF 31', 'c=IN IP4 198.51.100.7'],
  },
  {
    name: '0.0.0.0 stays, at session and at media level',
    from: ['c=IN IP4 0.0.0.0', 'm=audio 4000 RTP/AVP 0', 'm=video 5000 RTP/AVP 31', 'c=IN IP4 192.0.2.2'],
    to: ['c=IN IP4 0.0.0.0', 'm=audio 40000 RTP/AVP 0', 'm=video 40010 RTP/AVP 31', 'c=IN IP4 198.51.100.7'],
  },
  {
    name: '0.0.0.0 of one stream stays',
    from: ['c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0', 'c=IN IP4 0.0.0.0'],
    to: ['c=IN IP4 198.51.100.7', 'm=audio 40000 RTP/AVP 0', 'c=IN IP4 0.0.0.0'],
  },
  {
    name: 'with a stream that is not relayed the session address moves into the streams',
    from: [
      'c=IN IP4 192.0.2.1',
      'm=audio 4000 RTP/AVP 0',
      'i=talk',
      'a=x',
      'm=message 2855 TCP/MSRP *',
      'a=path:msrp://a',
    ],
    to: [
      'm=audio 40000 RTP/AVP 0',
      'i=talk',
      'c=IN IP4 198.51.100.7',
      'a=x',
      'm=message 2855 TCP/MSRP *',
      'c=IN IP4 192.0.2.1',
      'a=path:msrp://a',
    ],
  },
  {
    name: 'a description without relayed streams is left alone',
    from: ['c=IN IP4 192.0.2.1', 'm=message 2855 TCP/MSRP *', 'a=rtcp:5'],
    to: ['c=IN IP4 192.0.2.1', 'm=message 2855 TCP/MSRP *', 'a=rtcp:5'],
  },
  {
    name: 'a=rtcp gets the relay’s port, and its address when it had one',
    from: [
      'c=IN IP4 192.0.2.1',
      'm=audio 4000 RTP/AVP 0',
      'a=rtcp:4005',
      'm=video 5000 RTP/AVP 31',
      'a=rtcp:5005 IN IP4 192.0.2.9',
    ],
    to: [
      'c=IN IP4 198.51.100.7',
      'm=audio 40000 RTP/AVP 0',
      'a=rtcp:40001',
      'm=video 40010 RTP/AVP 31',
      'a=rtcp:40011 IN IP4 198.51.100.7',
    ],
  },
  {
    name: 'with rtcp-mux a=rtcp names the shared port',
    from: [
      'c=IN IP4 192.0.2.1',
      'm=audio 4000 UDP/TLS/RTP/SAVPF 0',
      'a=rtcp:4000',
      'a=rtcp-mux',
      'm=video 5000 RTP/AVP 31',
      'a=rtcp:5001',
      'a=rtcp-mux',
    ],
    to: [
      'c=IN IP4 198.51.100.7',
      'm=audio 40000 UDP/TLS/RTP/SAVPF 0',
      'a=rtcp:40000',
      'a=rtcp-mux',
      'm=video 40010 RTP/AVP 31',
      'a=rtcp:40011',
      'a=rtcp-mux',
    ],
  },
  {
    name: 'an IPv6 relay is written as one',
    host: '2001:db8::7',
    from: ['c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0', 'm=video 5000 RTP/AVP 31', 'c=IN IP6 2001:db8::1'],
    to: ['c=IN IP6 2001:db8::7', 'm=audio 40000 RTP/AVP 0', 'm=video 40010 RTP/AVP 31', 'c=IN IP6 2001:db8::7'],
  },
  {
    name: 'streams beyond those of the relay are left alone',
    from: ['c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0', 'm=video 5000 RTP/AVP 31', 'm=audio 6000 RTP/AVP 0'],
    to: [
      'm=audio 40000 RTP/AVP 0',
      'c=IN IP4 198.51.100.7',
      'm=video 40010 RTP/AVP 31',
      'c=IN IP4 198.51.100.7',
      'm=audio 6000 RTP/AVP 0',
      'c=IN IP4 192.0.2.1',
    ],
  },
]
for (const { name, host, from, to } of cases) test(name, () => assert.deepEqual(rewrite(from, host), to))

test('the line end of the description is kept, also when the last line has none', () => {
  const text = [...head, 'c=IN IP4 192.0.2.1', 'm=message 1 TCP/MSRP *', 'm=audio 4000 RTP/AVP 0'].join('\n')
  const out = formatSdp(rewriteSdp(parseSdp(text), '198.51.100.7', [undefined, audio]))
  const lines = [
    ...head,
    'm=message 1 TCP/MSRP *',
    'c=IN IP4 192.0.2.1',
    'm=audio 40000 RTP/AVP 0',
    'c=IN IP4 198.51.100.7',
    '',
  ]
  assert.equal(out, lines.join('\n'))
})

test('a relayed stream without any c= is refused', () => {
  assert.throws(
    () => rewrite(['m=audio 4000 RTP/AVP 0']),
    (error) => errorCode(error) === 'MEDIA_SDP_INVALID',
  )
})

const iceOffer = [
  'c=IN IP4 192.0.2.1',
  'a=ice-ufrag:abcd',
  'a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa',
  'm=audio 4000 RTP/AVP 0',
  'a=candidate:1 1 UDP 2130706431 192.0.2.1 4000 typ host',
  'a=candidate:1 2 UDP 2130706430 192.0.2.1 4001 typ host',
]
const foundation = `R${Buffer.from('198.51.100.7').toString('hex')}`

test('by default the relay is the only ICE candidate, so that no media goes around it', () => {
  assert.deepEqual(rewrite(iceOffer), [
    'c=IN IP4 198.51.100.7',
    'a=ice-ufrag:abcd',
    'a=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa',
    'm=audio 40000 RTP/AVP 0',
    `a=candidate:${foundation} 1 UDP 2130706431 198.51.100.7 40000 typ host`,
    `a=candidate:${foundation} 2 UDP 2130706430 198.51.100.7 40001 typ host`,
    'a=end-of-candidates',
  ])
})

test('policy none leaves candidates alone; high and low put the relay’s before them', () => {
  assert.deepEqual(rewrite(iceOffer, undefined, undefined, 'none').slice(4), iceOffer.slice(4))
  const high = rewrite(iceOffer, undefined, undefined, 'high-priority')
  assert.equal(
    high[4],
    `a=candidate:${foundation} 1 UDP 2197815295 198.51.100.7 40000 typ relay raddr 198.51.100.7 rport 40000`,
  )
  assert.deepEqual(high.slice(6), iceOffer.slice(4))
  assert.match(rewrite(iceOffer, undefined, undefined, 'low-priority')[4] as string, / 1 UDP 16777215 /)
})

test('the end of ICE is not touched unless the relay is the only candidate', () => {
  const end = [...iceOffer, 'a=remote-candidates:1 192.0.2.8 6000']
  assert.deepEqual(rewrite(end, undefined, undefined, 'high-priority'), end)
  assert.ok(!rewrite(end).some((line) => line.includes('remote-candidates')))
})

test('where a side wants its media follows c=, m= and a=rtcp', () => {
  const wanted = (...lines: string[]) => {
    const sdp = parseSdp(`${[...head, ...lines].join('\r\n')}\r\n`)
    return sdp.streams.map((stream) => wantedAddresses(sdp, stream))
  }
  assert.deepEqual(wanted('c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0'), [
    { rtp: { host: '192.0.2.1', port: 4000 }, rtcp: { host: '192.0.2.1', port: 4001 } },
  ])
  assert.deepEqual(wanted('c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0', 'a=rtcp:4009 IN IP4 192.0.2.5'), [
    { rtp: { host: '192.0.2.1', port: 4000 }, rtcp: { host: '192.0.2.5', port: 4009 } },
  ])
  assert.deepEqual(wanted('c=IN IP4 phone.example.com', 'm=audio 4000 RTP/AVP 0'), [{}])
  assert.deepEqual(wanted('c=IN IP4 0.0.0.0', 'm=audio 4000 RTP/AVP 0'), [{}])
  assert.deepEqual(wanted('c=IN IP4 192.0.2.1', 'm=audio 65535 RTP/AVP 0'), [
    { rtp: { host: '192.0.2.1', port: 65_535 }, rtcp: undefined },
  ])
})

test.run()

import assert from 'node:assert/strict'
import { errorCode } from '@thor-node/core'
import { suite } from 'uvu'
import { codecMap, codecName, codecNames } from '../../src/sdp/codecs.ts'
import { directionOf, hostOf, isHold } from '../../src/sdp/direction.ts'
import { attribute, formatSdp, parseSdp } from '../../src/sdp/parse.ts'

const test = suite('media sdp')

const sdp = (...lines: string[]): string => `${lines.join('\r\n')}\r\n`
const head = ['v=0', 'o=- 1 1 IN IP4 192.0.2.1', 's=-']

test('every line comes out byte for byte', () => {
  const texts = [
    sdp(...head, 'c=IN IP4 192.0.2.1', 't=0 0', 'm=audio 4000 RTP/AVP 0 8', 'a=sendrecv', 'x=odd but ours to keep  '),
    sdp(...head, 't=0 0').replaceAll('\r\n', '\n'),
    `${sdp(...head)}m=audio 4000 RTP/AVP 0`,
    `${sdp(...head, 'm=audio 4000 RTP/AVP 0')}\r\n\r\n`,
    sdp(...head, 'm=audio 4000/1 RTP/AVP  0'.replace('  ', ' '), 'a=fmtp:0 \xff\xfe ü'),
  ]
  for (const text of texts) assert.equal(formatSdp(parseSdp(text)), text)
})

test('streams have their media, port, transport and formats', () => {
  const parsed = parseSdp(sdp(...head, 'm=audio 4000 RTP/AVP 0 96', 'a=mid:1', 'm=message 2855 TCP/MSRP *'))
  assert.deepEqual(
    parsed.streams.map(({ media, port, proto, formats }) => ({ media, port, proto, formats })),
    [
      { media: 'audio', port: 4000, proto: 'RTP/AVP', formats: ['0', '96'] },
      { media: 'message', port: 2855, proto: 'TCP/MSRP', formats: ['*'] },
    ],
  )
  assert.equal(attribute(parsed.streams[0]?.lines ?? [], 'mid'), '1')
  assert.equal(attribute(parsed.streams[0]?.lines ?? [], 'mi'), undefined)
})

const broken: [why: string, text: string][] = [
  ['empty', ''],
  ['no version first', sdp('o=- 1 1 IN IP4 192.0.2.1')],
  ['another version', sdp('v=1')],
  ['two descriptions', sdp(...head, 'v=0')],
  ['a line without type', sdp(...head, 'hello')],
  ['a blank line inside', sdp(...head, '', 't=0 0')],
  ['a port too high', sdp(...head, 'm=audio 65536 RTP/AVP 0')],
  ['a negative port', sdp(...head, 'm=audio -1 RTP/AVP 0')],
  ['no formats', sdp(...head, 'm=audio 4000 RTP/AVP')],
  ['no port', sdp(...head, 'm=audio RTP/AVP 0')],
  ['multicast', sdp(...head, 'c=IN IP4 224.2.36.42/127')],
  ['multicast without TTL', sdp(...head, 'c=IN IP4 239.0.0.1')],
  ['IPv6 multicast', sdp(...head, 'c=IN IP6 ff15::101')],
  ['an address of the other family', sdp(...head, 'c=IN IP6 192.0.2.1')],
  ['no address in c=', sdp(...head, 'c=IN IP4')],
  ['a NUL', sdp(...head, 's=\0')],
  ['33 streams', sdp(...head, ...Array.from({ length: 33 }, () => 'm=audio 4000 RTP/AVP 0'))],
  ['more than 64 KiB', sdp(...head, `a=${'x'.repeat(65_536)}`)],
]
for (const [why, text] of broken) {
  test(`refuses a description with ${why}`, () => {
    assert.throws(
      () => parseSdp(text),
      (error) => errorCode(error) === 'MEDIA_SDP_INVALID',
    )
  })
}

test('takes 32 streams', () => {
  const text = sdp(...head, ...Array.from({ length: 32 }, () => 'm=audio 4000 RTP/AVP 0'))
  assert.equal(parseSdp(text).streams.length, 32)
})

test('codec names come from rtpmap, then from the static table', () => {
  const stream = parseSdp(
    sdp(
      ...head,
      'm=audio 4000 RTP/AVP 96 0 9 101 13 99',
      'a=rtpmap:96 opus/48000/2',
      'a=rtpmap:101 telephone-event/8000',
    ),
  ).streams[0]
  assert.ok(stream)
  assert.deepEqual(codecNames(stream), ['opus', 'PCMU', 'G722', 'Unknown'])
  assert.equal(codecName(96, [codecMap(stream)]), 'opus')
  assert.equal(codecName(8, [codecMap(stream)]), 'PCMA')
  assert.equal(codecName(97, [undefined]), 'Dynamic(97)')
  assert.equal(codecName(77, []), 'Unknown(77)')
})

test('hold is sendonly, inactive or an unspecified address; media level beats session level', () => {
  const cases: [lines: string[], direction: string, hold: boolean][] = [
    [['c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0'], 'sendrecv', false],
    [['c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0', 'a=sendonly'], 'sendonly', true],
    [['c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0', 'a=inactive'], 'inactive', true],
    [['c=IN IP4 192.0.2.1', 'm=audio 4000 RTP/AVP 0', 'a=recvonly'], 'recvonly', false],
    [['c=IN IP4 192.0.2.1', 'a=inactive', 'm=audio 4000 RTP/AVP 0', 'a=sendrecv'], 'sendrecv', false],
    [['c=IN IP4 192.0.2.1', 'a=inactive', 'm=audio 4000 RTP/AVP 0'], 'inactive', true],
    [['c=IN IP4 0.0.0.0', 'm=audio 4000 RTP/AVP 0'], 'sendrecv', true],
    [['c=IN IP4 0.0.0.0', 'm=audio 4000 RTP/AVP 0', 'c=IN IP4 192.0.2.1'], 'sendrecv', false],
    [['c=IN IP6 ::', 'm=audio 4000 RTP/AVP 0'], 'sendrecv', true],
  ]
  for (const [lines, direction, hold] of cases) {
    const parsed = parseSdp(sdp(...head, ...lines))
    const stream = parsed.streams[0]
    assert.ok(stream)
    assert.equal(directionOf(parsed, stream), direction, lines.join(' | '))
    assert.equal(isHold(parsed, stream), hold, lines.join(' | '))
  }
})

test('the address of a stream is its own, else the session’s', () => {
  const parsed = parseSdp(
    sdp(...head, 'c=IN IP4 192.0.2.1', 'm=audio 1 RTP/AVP 0', 'm=video 1 RTP/AVP 31', 'c=IN IP6 2001:db8::1'),
  )
  assert.deepEqual(
    parsed.streams.map((stream) => hostOf(parsed, stream)),
    ['192.0.2.1', '2001:db8::1'],
  )
})

test.run()

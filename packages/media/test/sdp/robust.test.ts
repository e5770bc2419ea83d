import assert from 'node:assert/strict'
import { errorCode } from '@thor-node/core'
import fc from 'fast-check'
import { suite } from 'uvu'
import { codecNames } from '../../src/sdp/codecs.ts'
import { isHold } from '../../src/sdp/direction.ts'
import { formatSdp, parseSdp } from '../../src/sdp/parse.ts'
import { rewriteSdp, wantedAddresses } from '../../src/sdp/rewrite.ts'

const test = suite('media sdp robust')

const number = fc.oneof(fc.nat(70_000), fc.constantFrom('', '-1', '0x10', '4000/2', '99999999999')).map(String)
const host = fc.constantFrom(
  '192.0.2.1',
  '0.0.0.0',
  '::',
  '2001:db8::1',
  'phone.example',
  '224.0.0.1',
  '',
  '192.0.2.1/8',
)
const line = fc.oneof(
  fc
    .tuple(fc.constantFrom('audio', 'video', ''), number, fc.constantFrom('RTP/AVP', 'TCP/MSRP', 'udptl'), number)
    .map(([media, port, proto, format]) => `m=${media} ${port} ${proto} ${format}`),
  fc.tuple(fc.constantFrom('IP4', 'IP6', 'IP5'), host).map(([family, at]) => `c=IN ${family} ${at}`),
  fc.tuple(number, host).map(([port, at]) => `a=rtcp:${port} IN IP4 ${at}`),
  fc.constantFrom('a=rtcp', 'a=rtcp-mux', 'a=sendonly', 'a=inactive', 'a=rtpmap:', 'a=rtpmap:96 opus/48000/2'),
  fc.constantFrom('a=candidate:', 'a=candidate:1 2 UDP', 'a=ice-ufrag:x', 'a=remote-candidates:', 'i=', 'v=0', '', '='),
  fc.string({ maxLength: 20 }),
)
const description = fc
  .tuple(fc.array(line, { maxLength: 12 }), fc.constantFrom('\r\n', '\n'), fc.boolean())
  .map(([lines, eol, ended]) => ['v=0', ...lines].join(eol) + (ended ? eol : ''))

test('whatever comes in, it is rewritten or refused as invalid, and rewriting it again changes nothing', () => {
  let rewritten = 0
  fc.assert(
    fc.property(description, fc.boolean(), (text, v6) => {
      const ports = [{ rtp: 40_000, rtcp: 40_001 }, undefined, { rtp: 40_004, rtcp: 40_005 }]
      try {
        const sdp = parseSdp(text)
        assert.equal(formatSdp(sdp), text)
        for (const stream of sdp.streams) {
          codecNames(stream)
          isHold(sdp, stream)
          wantedAddresses(sdp, stream)
        }
        const at = v6 ? '2001:db8::7' : '198.51.100.7'
        const out = formatSdp(rewriteSdp(sdp, at, ports))
        assert.equal(formatSdp(rewriteSdp(parseSdp(out), at, ports)), out)
        rewritten += 1
      } catch (error) {
        if (errorCode(error) !== 'MEDIA_SDP_INVALID') throw error
      }
    }),
    { numRuns: 2_000, seed: 1 },
  )
  assert.ok(rewritten > 200, `only ${rewritten} were readable: the generator is too wild`)
})

test.run()

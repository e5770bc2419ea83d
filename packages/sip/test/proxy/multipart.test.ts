import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findSdpPart } from '../../src/proxy/multipart.ts'

const test = suite('sip: SDP in multipart bodies')

const part = (head: string, text: string): string => `${head}\r\n\r\n${text}`
const sdp = part('Content-Type: application/sdp', 'v=0\r\n')
const isup = part('Content-Type: application/isup;version=x\r\nContent-Disposition: signal', '\x01\x02')
const body = (...parts: string[]): string => `${parts.map((text) => `--xy\r\n${text}\r\n`).join('')}--xy--\r\n`

test('the SDP is found wherever it stands', () => {
  const type = 'multipart/mixed;boundary=xy'
  for (const text of [
    body(sdp),
    body(isup, sdp),
    body(sdp, isup),
    `preamble\r\n${body(isup, sdp)}epilogue`,
    body(part('content-type:application/sdp;charset=utf-8', 'v=0\r\n')),
  ]) {
    const found = findSdpPart(type, text)
    assert.is(text.slice(found?.start, found?.end), 'v=0\r\n')
  }
  assert.ok(findSdpPart('Multipart/Mixed; boundary="xy"', body(sdp)))
})

test('what holds none, or is broken, holds none', () => {
  const type = 'multipart/mixed;boundary=xy'
  const table: [string, string][] = [
    [type, body(isup)],
    [type, body(part('Content-Type: application/sdp\r\nContent-Transfer-Encoding: base64', 'dj0w'))],
    [type, body(part('Content-Type: application/sdpx', 'v=0'))],
    [type, ''],
    [type, '--xy'],
    [type, '--xy--'],
    [type, `--xy\r\n${sdp}`],
    [type, '--xy\r\nContent-Type: application/sdp\r\n--xy--'],
    ['multipart/mixed', body(sdp)],
    ['multipart/mixed;boundary=', body(sdp)],
    ['application/sdp;boundary=xy', body(sdp)],
  ]
  for (const [header, text] of table) assert.is(findSdpPart(header, text), undefined, JSON.stringify([header, text]))
})

test.run()

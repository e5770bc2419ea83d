/**
 * Microseconds per message: parse, read what a proxy reads, and write back with one more Via.
 *
 *   node bench/parser.ts [rounds]        default: 15 rounds of 20,000 messages, medians
 */
import { parseMessage, Request, serializeMessage, validateMessage } from '../packages/sip/src/low.index.ts'

const REGISTER = `REGISTER sip:example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---4bd34ba4ca8c7b37;rport
Max-Forwards: 70
Contact: <sip:alice@192.0.2.10:5060;rinstance=a95a5d5d8ab6d2a3>;expires=600
To: "Alice" <sip:alice@example.com>
From: "Alice" <sip:alice@example.com>;tag=4ce5e03f
Call-ID: ZTNhMzU5ZTg2MzE4NWFjZDgzY2E1NGE5MzVhNzQ2MTY
CSeq: 2 REGISTER
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO
User-Agent: Bench 1.0
Authorization: Digest username="alice",realm="example.com",nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",uri="sip:example.com",response="6629fae49393a05397450978507c4ef1",cnonce="0a4f113b",nc=00000001,qop=auth,algorithm=MD5
Content-Length: 0

`.replaceAll('\n', '\r\n')

const SDP = `v=0
o=- 3847 3847 IN IP4 192.0.2.10
s=-
c=IN IP4 192.0.2.10
t=0 0
m=audio 8000 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=sendrecv
`.replaceAll('\n', '\r\n')

const INVITE = `INVITE sip:bob@example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---a1b2c3d4e5f60718;rport
Max-Forwards: 70
Contact: <sip:alice@192.0.2.10:5060>
To: <sip:bob@example.com>
From: "Alice" <sip:alice@example.com>;tag=92fc8a1b
Call-ID: NjQzYjE3ZTg2MzE4NWFjZDgzY2E1NGE5MzVhNzQ2MTY
CSeq: 1 INVITE
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, MESSAGE, SUBSCRIBE, INFO
Content-Type: application/sdp
Supported: replaces, outbound
User-Agent: Bench 1.0
Content-Length: ${SDP.length}

${SDP}`.replace(/\r?\n/g, '\r\n')

const PER_ROUND = 20_000
const rounds = Number(process.argv[2] ?? 15)
/** What the work returns, so that none of it can be left out. */
let sink = 0

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0
}

function measure(name: string, work: () => number): void {
  const times: number[] = []
  for (let round = 0; round < rounds + 3; round++) {
    const from = performance.now()
    for (let i = 0; i < PER_ROUND; i++) sink += work()
    if (round >= 3) times.push(((performance.now() - from) * 1000) / PER_ROUND)
  }
  console.log(`${name.padEnd(34)} ${median(times).toFixed(2)} µs`)
}

for (const [name, text] of [
  ['REGISTER', REGISTER],
  ['INVITE', INVITE],
] as const) {
  const bytes = Buffer.from(text, 'latin1')
  measure(`${name} parse (${bytes.length} bytes)`, () => parseMessage(bytes).body.length)
  measure(`${name} parse, Via, CSeq, Call-ID`, () => {
    const message = parseMessage(bytes)
    return message.vias.length + message.cseq.number + message.callId.length
  })
  measure(`${name} parse and validate`, () => {
    const message = parseMessage(bytes)
    validateMessage(message)
    return message.vias.length
  })
  measure(`${name} the same, forwarded`, () => {
    const message = parseMessage(bytes)
    validateMessage(message)
    if (!(message instanceof Request)) return 0
    const copy = message.clone()
    copy.headers.prepend('Via', 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc')
    copy.headers.set('Max-Forwards', '69')
    return serializeMessage(copy).length
  })
}
if (sink === 0) process.exitCode = 1

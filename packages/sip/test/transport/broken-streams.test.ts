/** Streams of which nobody can tell where the next message begins (RFC 3261 §18.3). */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FakeNet } from './fake-net.ts'
import { makeHouse, optionsText } from './support.ts'

const test = suite('sip transport: broken streams')

const PEER = { host: '192.0.2.9', port: 5060 }
const [CONTENT_LENGTH, MESSAGE] = [/Content-Length: \d+\r\n/, optionsText()]

for (const [what, text, answer] of [
  ['without a Content-Length', MESSAGE.replace(CONTENT_LENGTH, ''), '400 Missing Content-Length'],
  ['with one that is no number', MESSAGE.replace(CONTENT_LENGTH, 'l: -1\r\n'), '400 Missing Content-Length'],
  ['with two', MESSAGE.replace(CONTENT_LENGTH, 'l: 1\r\nl: 2\r\n'), '400 Missing Content-Length'],
  ['that is too large', MESSAGE.replace(CONTENT_LENGTH, 'l: 9999999999\r\n'), '513 Message Too Large'],
  ['that is an ACK', MESSAGE.replace(CONTENT_LENGTH, '').replaceAll('OPTIONS', 'ACK'), undefined],
  ['that is a response', MESSAGE.replace(CONTENT_LENGTH, '').replace(/^.*\r\n/, 'SIP/2.0 200 OK\r\n'), undefined],
  ['that is none', 'GET / HTTP/1.1\r\n\r\n', undefined],
] as const) {
  test(`after a message ${what} the connection is closed, with ${answer ?? 'no answer'}`, async () => {
    const net = new FakeNet()
    const house = makeHouse(net, { listen: [{ transport: 'tcp', host: '127.0.0.1', port: 5060 }] })
    await house.transports.start()
    const stream = net.incoming(PEER)
    stream.receive(text + MESSAGE)
    assert.equal([stream.closed, house.got.length, house.closed.length], [true, 0, 1])
    const said = stream.written.map((written) => written.split('\r\n')[0])
    assert.equal(said, answer === undefined ? [] : [`SIP/2.0 ${answer}`])
    assert.is((house.transports.snapshot().streams as Record<string, number>).garbage, 1)
    await house.transports.stop()
  })
}

test.run()

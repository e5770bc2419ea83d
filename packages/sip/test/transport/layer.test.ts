import assert from 'node:assert/strict'
import { errorCode } from '@thor-node/core'
import { deadline, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { transportLimits } from '../../src/limits.ts'
import type { Destination } from '../../src/transport/contract.ts'
import type { TransportInit } from '../../src/transport/layer.ts'
import { FakeNet } from './fake-net.ts'
import { type House, makeHouse, optionsRequest, optionsText } from './support.ts'

const test = suite('sip transport layer')

const HOST = '127.8.1.1'
const PEER = { host: '192.0.2.9', port: 5060 }
const BOTH: TransportInit['listen'] = [
  { transport: 'udp', host: HOST, port: 5060 },
  { transport: 'tcp', host: HOST, port: 5060 },
]

/** Runs the body on a started layer over a fake net; afterwards nothing may be open or armed. */
function scene(body: (net: FakeNet, house: House) => Promise<void>, init: Partial<TransportInit> = {}) {
  return deadline(10_000, async () => {
    const net = new FakeNet()
    const house = makeHouse(net, { listen: BOTH, ...init })
    await house.transports.start()
    await house.transports.start()
    try {
      await body(net, house)
    } finally {
      await house.transports.stop()
      await house.transports.stop()
    }
    assert.deepEqual([net.open, net.openStreams, house.clock.armed], [0, 0, 0])
  })
}

const rejects = (sending: Promise<void>, code: string): Promise<void> =>
  assert.rejects(sending, (error) => errorCode(error) === code)

const counts = (house: House): Record<string, unknown> => house.transports.snapshot()
const streams = (house: House) => counts(house).streams as Record<string, number>

test(
  'a datagram reaches the listener stamped, and its flow leads back from the same socket',
  scene(async (net, house) => {
    net.datagram(optionsText({ via: '10.0.0.1;rport;branch=z9hG4bKa' }), PEER)
    const [heard] = house.got
    assert.ok(heard)
    assert.equal(heard.message.headers.get('Via'), 'SIP/2.0/UDP 10.0.0.1;rport=5060;branch=z9hG4bKa;received=192.0.2.9')
    const { flow, ...source } = heard.source
    assert.deepEqual(source, { transport: 'udp', remote: PEER, local: { host: HOST, port: 5060 }, point: 0 })
    assert.equal(house.transports.isOpen(flow), true)
    await house.transports.sendBytes(Buffer.from('answer'), { flow })
    assert.deepEqual(net.datagrams, [{ text: 'answer', to: PEER }])
    assert.deepEqual([counts(house).received, counts(house).sent], [1, 1])
  }),
)

for (const [what, text, count, answers] of [
  ['CRLF CRLF', '\r\n\r\n', 'keepAlives', 0],
  ['a zero byte', '\0', 'keepAlives', 0],
  ['a STUN binding request', `\0\x01\0\0\x21\x12\xa4\x42${'x'.repeat(12)}`, 'stun', 1],
  ['a STUN indication', `\0\x11\0\0\x21\x12\xa4\x42${'x'.repeat(12)}`, 'stun', 0],
  ['a few letters', 'hello', 'garbage', 0],
  ['a long line of nothing', 'x'.repeat(2_000), 'garbage', 0],
  ['a response that is none', 'SIP/2.0 999 What\r\n\r\n', 'garbage', 0],
] as const) {
  test(
    `a datagram of ${what} is counted under ${count} and ${answers ? 'answered' : 'not answered'}`,
    scene(async (net, house) => {
      net.datagram(text, PEER)
      await settle()
      assert.deepEqual([house.got.length, net.datagrams.length, counts(house)[count]], [0, answers, 1])
    }),
  )
}

for (const [what, text, status] of [
  ['with a broken header', optionsText({ headers: 'Max-Forwards: many\r\n' }), '400 '],
  ['of SIP/3.0', optionsText().replace('SIP/2.0\r\n', 'SIP/3.0\r\n'), '505 '],
  ['shorter than its Content-Length', optionsText({ body: 'abcd' }).slice(0, -2), '400 '],
] as const) {
  test(
    `a request ${what} is answered ${status.trim()} to where it came from`,
    scene(async (net, house) => {
      net.datagram(text, PEER)
      await settle()
      assert.equal(net.datagrams.length, 1)
      assert.deepEqual(net.datagrams[0]?.to, PEER)
      assert.ok(net.datagrams[0]?.text.startsWith(`SIP/2.0 ${status}`), net.datagrams[0]?.text)
      assert.deepEqual([house.got.length, counts(house).garbage, counts(house).refused], [0, 1, 1])
    }),
  )
}

for (const name of ['Via', 'From', 'To', 'Call-ID', 'CSeq']) {
  test(
    `a request without ${name} is counted and goes no further`,
    scene(async (net, house) => {
      net.datagram(optionsText().replace(new RegExp(`${name}: [^\r]*\r\n`), ''), PEER)
      await settle()
      assert.deepEqual([house.got.length, counts(house).garbage], [0, 1])
      const answers = net.datagrams.map(({ text }) => text.split('\r\n')[0])
      assert.deepEqual(answers, name === 'Via' ? [] : [`SIP/2.0 400 Missing ${name}`])
    }),
  )
}

test(
  'messages are cut out of a stream that comes byte by byte, and several at once',
  scene(async (net, house) => {
    const stream = net.incoming(PEER)
    for (const byte of optionsText({ body: 'abc' })) stream.receive(byte)
    stream.receive(optionsText() + optionsText())
    assert.deepEqual(
      house.got.map(({ message, source }) => [message.body.length, source.transport]),
      [
        [3, 'tcp'],
        [0, 'tcp'],
        [0, 'tcp'],
      ],
    )
  }),
)

test(
  'CRLF CRLF on a stream is answered CRLF, a single CRLF is not',
  scene(async (net, house) => {
    const stream = net.incoming(PEER)
    stream.receive('\r\n\r\n')
    stream.receive(`\r\n${optionsText()}`)
    assert.deepEqual([stream.written, house.got.length, streams(house).pings], [['\r\n'], 1, 1])
  }),
)

test(
  'a closed connection closes its flow: once told, then gone',
  scene(async (net, house) => {
    const stream = net.incoming(PEER)
    stream.receive(optionsText())
    const flow = house.got[0]?.source.flow ?? ''
    assert.equal(house.transports.isOpen(flow), true)
    stream.destroy()
    assert.deepEqual(house.closed, [flow])
    assert.equal(house.transports.isOpen(flow), false)
    assert.deepEqual(house.transports.remoteOf(flow), { transport: 'tcp', remote: PEER })
    await rejects(house.transports.send(optionsRequest(), { flow }), 'SIP_FLOW_GONE')
    assert.equal(counts(house).failed, 1)
  }),
)

test(
  'flows of other processes, of sockets that are not there and of nobody are gone',
  scene(async (net, house) => {
    const otherNet = new FakeNet()
    const other = makeHouse(otherNet, { listen: BOTH }, 2)
    await other.transports.start()
    for (const at of [net, otherNet]) at.incoming(PEER).receive(optionsText())
    const foreign = other.got[0]?.source.flow ?? ''
    assert.equal(other.transports.isOpen(foreign), true)
    assert.deepEqual(house.transports.remoteOf(foreign), { transport: 'tcp', remote: PEER })
    await other.transports.stop()
    for (const flow of [foreign, 'tffffffff0-192.0.2.9-5060', 'u7-192.0.2.9-5060', 'nonsense']) {
      assert.equal(house.transports.isOpen(flow), false)
      await rejects(house.transports.send(optionsRequest(), { flow }), 'SIP_FLOW_GONE')
    }
  }),
)

const tcp: Destination = { transport: 'tcp', remote: PEER }
const udp: Destination = { transport: 'udp', remote: PEER }

test(
  'sends to one address share one connection, also while it is being made',
  scene(async (net, house) => {
    let open: () => void = () => undefined
    net.gate = new Promise((resolve) => {
      open = resolve
    })
    const sending = [house.transports.send(optionsRequest(), tcp), house.transports.send(optionsRequest(), tcp)]
    open()
    await Promise.all(sending)
    await house.transports.send(optionsRequest(), tcp)
    assert.deepEqual([net.connects.length, net.streams[0]?.written.length], [1, 3])
  }),
)

test(
  'a connection that the peer opened is used for sends to its address',
  scene(async (net, house) => {
    const stream = net.incoming(PEER)
    await house.transports.send(optionsRequest(), tcp)
    assert.deepEqual([net.connects.length, stream.written], [0, [optionsText()]])
  }),
)

test(
  'after a connection was closed the next send makes another',
  scene(async (net, house) => {
    await house.transports.send(optionsRequest(), tcp)
    net.streams[0]?.destroy()
    await house.transports.send(optionsRequest(), tcp)
    assert.equal(net.connects.length, 2)
  }),
)

test(
  'an address that nobody answers at rejects the send',
  scene(async (net, house) => {
    net.connectFails = true
    await rejects(house.transports.send(optionsRequest(), tcp), 'SIP_TRANSPORT_FAILED')
    assert.equal(streams(house).connecting, 0)
  }),
)

const LARGE = { body: 'x'.repeat(transportLimits.udpRequestBytesMax) }

test(
  'a large request to an address goes by TCP with a Via that says so',
  scene(async (net, house) => {
    const request = optionsRequest(LARGE)
    await house.transports.send(request, udp)
    assert.equal(net.datagrams.length, 0)
    assert.match(net.streams[0]?.written[0] ?? '', /\r\nVia: SIP\/2\.0\/TCP 192\.0\.2\.9:5060;/)
    assert.equal(request.vias[0]?.transport, 'UDP')
  }),
)

test(
  'a large request goes by UDP where TCP is refused, and TCP is not asked again at once',
  scene(async (net, house) => {
    net.connectFails = true
    await house.transports.send(optionsRequest(LARGE), udp)
    await house.transports.send(optionsRequest(LARGE), udp)
    assert.deepEqual([net.connects.length, net.datagrams.length], [1, 2])
    assert.equal(net.datagrams[0]?.text, optionsText(LARGE))
    await house.clock.advance(10 * 60_000)
    await house.transports.send(optionsRequest(LARGE), udp)
    assert.equal(net.connects.length, 2)
  }),
)

test(
  'a large request to a flow goes as it is',
  scene(async (net, house) => {
    await house.transports.send(optionsRequest(LARGE), { flow: 'u0-192.0.2.9-5060' })
    assert.deepEqual([net.connects.length, net.datagrams.length], [0, 1])
  }),
)

test(
  'connections over the limit of one source, and over that of all, are closed at once',
  scene(
    async (net, house) => {
      const from = (host: string, port: number): boolean => net.incoming({ host, port }).closed
      assert.deepEqual(
        [1, 2, 3].map((port) => from('192.0.2.1', port)),
        [false, false, true],
      )
      assert.deepEqual([from('192.0.2.2', 1), from('192.0.2.3', 1)], [false, true])
      assert.equal(streams(house).refused, 2)
      await rejects(house.transports.send(optionsRequest(), tcp), 'SIP_TRANSPORT_FAILED')
      net.streams[0]?.destroy()
      assert.equal(from('192.0.2.1', 4), false)
    },
    { limits: { connectionsMax: 3, connectionsPerSourceMax: 2 } },
  ),
)

test(
  'one send too many that waits for a connection is rejected',
  scene(
    async (net, house) => {
      let open: () => void = () => undefined
      net.gate = new Promise((resolve) => {
        open = resolve
      })
      const first = house.transports.send(optionsRequest(), tcp)
      await rejects(house.transports.send(optionsRequest(), tcp), 'SIP_TRANSPORT_FAILED')
      open()
      await first
      await house.transports.send(optionsRequest(), tcp)
    },
    { limits: { connectWaitingMax: 1 } },
  ),
)

test(
  'what a peer does not take waits in order, and too much of it closes the connection',
  scene(async (net, house) => {
    const stream = net.incoming(PEER)
    stream.receive(optionsText())
    const flow = house.got[0]?.source.flow ?? ''
    stream.takes = false
    for (const text of ['1', '2', '3']) await house.transports.sendBytes(Buffer.from(text), { flow })
    assert.deepEqual([stream.written, streams(house).queuedBytes], [['1'], 2])
    stream.drain()
    assert.deepEqual([stream.written, streams(house).queuedBytes], [['1', '2', '3'], 0])
    stream.takes = false
    await house.transports.sendBytes(Buffer.from('4'), { flow })
    await house.transports.sendBytes(Buffer.alloc(transportLimits.writeQueueBytesMax), { flow })
    assert.equal(stream.closed, false)
    await rejects(house.transports.sendBytes(Buffer.from('5'), { flow }), 'SIP_TRANSPORT_FAILED')
    assert.deepEqual([stream.closed, house.closed], [true, [flow]])
  }),
)

test(
  'a silent connection is closed after its time, one that pings is kept',
  scene(
    async (net, house) => {
      const silent = net.incoming({ host: '192.0.2.1', port: 1 })
      const alive = net.incoming({ host: '192.0.2.1', port: 2 })
      for (let i = 0; i < 4; i++) {
        await house.clock.advance(20_000)
        alive.receive('\r\n\r\n')
      }
      assert.deepEqual([silent.closed, alive.closed], [true, false])
    },
    { limits: { idleMs: 60_000 } },
  ),
)

test(
  'a message that does not end in its time closes the connection, though bytes keep coming',
  scene(async (net, house) => {
    const stream = net.incoming(PEER)
    stream.receive('OPTIONS ')
    for (let at = 0; at <= transportLimits.messageMs + 10_000; at += 1_000) {
      await house.clock.advance(1_000)
      stream.receive('x')
    }
    assert.equal(stream.closed, true)
  }),
)

test(
  'a node that listens on UDP alone closes the streams that it opened itself when they fall silent',
  scene(
    async (net, house) => {
      await house.transports.send(optionsRequest(LARGE), udp)
      assert.equal(net.openStreams, 1)
      await house.clock.advance(70_000)
      assert.equal(net.openStreams, 0)
    },
    { listen: BOTH.slice(0, 1), limits: { idleMs: 60_000 } },
  ),
)

test(
  'what a listener throws is logged and goes no further',
  scene(async (net, house) => {
    house.transports.onMessage = () => {
      throw new Error('message')
    }
    house.transports.onFlowClosed = () => {
      throw new Error('flow')
    }
    net.datagram(optionsText(), PEER)
    const stream = net.incoming(PEER)
    stream.receive(optionsText())
    assert.equal(stream.closed, false)
    stream.destroy()
    assert.equal(house.errors.length, 3)
  }),
)

test(
  'a connection that is made after the stop is closed',
  deadline(10_000, async () => {
    const net = new FakeNet()
    const house = makeHouse(net, { listen: BOTH })
    await house.transports.start()
    let open: () => void = () => undefined
    net.gate = new Promise((resolve) => {
      open = resolve
    })
    const sending = rejects(house.transports.send(optionsRequest(), tcp), 'SIP_TRANSPORT_FAILED')
    await house.transports.stop()
    open()
    await sending
    assert.deepEqual([net.open, net.openStreams, house.clock.armed], [0, 0, 0])
  }),
)

test.run()

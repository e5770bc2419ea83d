/** What TLS and WebSocket add to streams: who shares a connection with whom, and whether browsers are still there. */
import assert from 'node:assert/strict'
import { errorCode, makeCertificate, tlsContext } from '@thor-node/core'
import { deadline, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import type { TlsCredentials } from '../../src/transport/contract.ts'
import type { TransportInit } from '../../src/transport/layer.ts'
import { FakeNet } from './fake-net.ts'
import { type House, makeHouse, optionsRequest, optionsText } from './support.ts'

const test = suite('sip transport: TLS and WebSocket')

const HOST = '127.81.2.1'
const PEER = { host: '192.0.2.9', port: 5061 }
const LISTEN: TransportInit['listen'] = [
  { transport: 'tls', host: HOST, port: 5061 },
  { transport: 'ws', host: HOST, port: 80 },
  { transport: 'wss', host: HOST, port: 443 },
]
const files = makeCertificate({
  commonName: 'n',
  altNames: ['n'],
  serial: Buffer.of(1),
  notBefore: Date.now() - 1_000,
  notAfter: Date.now() + 86_400_000,
})

const credentials = (verify: boolean): TlsCredentials => ({
  server: { fallback: () => files, choose: () => undefined },
  client: () => ({ context: tlsContext(files), verify }),
})

function scene(body: (net: FakeNet, house: House) => Promise<void>, init: Partial<TransportInit> = {}, verify = true) {
  return deadline(10_000, async () => {
    const net = new FakeNet()
    const house = makeHouse(net, { listen: LISTEN, ...init }, 1, credentials(verify))
    await house.transports.start()
    try {
      await body(net, house)
    } finally {
      await house.transports.stop()
    }
    assert.deepEqual([net.open, net.openStreams, house.clock.armed], [0, 0, 0])
  })
}

const toPeer = (domain?: string) => ({ transport: 'tls', remote: PEER, ...(domain && { domain }) }) as const

test(
  'a connection over TLS is shared by those who look for the same domain there, and by no others',
  scene(async (net, { transports }) => {
    await transports.send(optionsRequest(), toPeer('a.example'))
    await transports.send(optionsRequest(), toPeer('A.example'))
    assert.equal(net.connects.length, 1)
    await transports.send(optionsRequest(), toPeer('b.example'))
    await transports.send(optionsRequest(), toPeer())
    await transports.send(optionsRequest(), toPeer())
    assert.deepEqual(
      net.connectOptions.map((options) => options?.tls?.serverName),
      ['a.example', 'b.example', PEER.host],
    )
    const distrust = net.connectOptions[0]?.tls?.distrust
    assert.equal(distrust?.({ trusted: true, subject: '', altNames: 'DNS:a.example' }), undefined)
    assert.match(distrust?.({ trusted: true, subject: '', altNames: 'DNS:b.example' }) ?? '', /not for a\.example/)
  }),
)

for (const verify of [true, false]) {
  test(
    `with verify ${verify} a connection that a peer without certificate opened ${verify ? 'is not' : 'is'} taken for that address`,
    scene(
      async (net, { transports }) => {
        net.incoming(PEER, 5061)
        await transports.send(optionsRequest(), toPeer())
        assert.equal(net.connects.length, verify ? 1 : 0)
        assert.equal(net.connectOptions[0]?.tls?.distrust === undefined, !verify)
      },
      {},
      verify,
    ),
  )
}

test(
  'a peer with a trusted certificate is told to the layer above, and requests to its domains take its connection',
  scene(async (net, house) => {
    const altNames = 'DNS:trunk.example, DNS:other.example'
    const stream = net.incoming(PEER, 5061, { trusted: true, subject: '', altNames })
    stream.receive(optionsText())
    assert.deepEqual(house.got[0]?.source.peerDomains, ['trunk.example', 'other.example'])
    assert.equal(house.got[0]?.source.transport, 'tls')
    await house.transports.send(optionsRequest(), toPeer('trunk.example'))
    assert.equal(net.connects.length, 0)
    await house.transports.send(optionsRequest(), toPeer('stranger.example'))
    assert.equal(net.connects.length, 1)
    const unknown = net.incoming({ ...PEER, port: 7 }, 5061, {
      trusted: false,
      subject: 'CN=trunk.example',
      altNames: '',
    })
    unknown.receive(optionsText())
    assert.equal(house.got[1]?.source.peerDomains, undefined)
  }),
)

test(
  'a megabyte is taken in one piece; of what is not complete only so much is kept, of all peers together',
  scene(
    async (net, house) => {
      const body = 'x'.repeat(1024 * 1024)
      const large = optionsText().replace(/Content-Length: 0\r\n\r\n$/, `Content-Length: ${body.length}\r\n\r\n${body}`)
      const half = large.length >> 1
      const slow = net.incoming(PEER, 5061)
      slow.receive(large.slice(0, half))
      assert.equal((house.transports.snapshot().streams as Record<string, number>).partialBytes, half)
      slow.receive(large.slice(half))
      assert.equal(house.got.length, 1)
      assert.equal(house.got[0]?.message.body.length, body.length)
      assert.equal((house.transports.snapshot().streams as Record<string, number>).partialBytes, 0)
      slow.receive(large.slice(0, half))
      const other = net.incoming({ ...PEER, port: 7 }, 5061)
      other.receive(large.slice(0, half))
      assert.deepEqual([slow.closed, other.closed], [false, false])
      const third = net.incoming({ ...PEER, port: 8 }, 5061)
      third.receive(large.slice(0, half))
      assert.deepEqual([slow.closed, other.closed, third.closed], [false, false, true])
      await settle()
      assert.equal((house.transports.snapshot().streams as Record<string, number>).partialBytes, 2 * half)
      slow.receive(large.slice(half))
      assert.equal(house.got.length, 2)
    },
    { limits: { partialBytesMax: 1024 * 1024 + 4_096 } },
  ),
)

const aliasText = (sentBy: string): string => optionsText({ via: `${sentBy};alias;branch=z9hG4bKa` })

test(
  'an alias is believed when the certificate stands for it, and then requests to it take the connection (RFC 5923)',
  scene(async (net, { transports }) => {
    const from = { host: PEER.host, port: 40_000 }
    const trusted = { trusted: true, subject: '', altNames: 'DNS:trunk.example' }
    const asked = { transport: 'tls', remote: { host: PEER.host, port: 5071 }, domain: 'trunk.example' } as const
    const sent = async (connections: number): Promise<void> => {
      await transports.send(optionsRequest(), asked)
      assert.equal(net.connects.length, connections)
    }
    net.incoming(from, 5061).receive(aliasText('trunk.example:5071'))
    net.incoming(from, 5061, { ...trusted, trusted: false }).receive(aliasText('trunk.example:5071'))
    net.incoming(from, 5061, trusted).receive(aliasText('other.example:5071'))
    await sent(1)
    net.streams.at(-1)?.destroy()
    const peer = net.incoming(from, 5061, trusted)
    peer.receive(aliasText('trunk.example:5071'))
    await sent(1)
    assert.match(peer.written.at(-1) ?? '', /^OPTIONS/)
    peer.destroy()
    await sent(2)
  }),
)

test(
  'without TLS an alias is believed for the address that it comes from, and takes no connection from another',
  scene(
    async (net, { transports }) => {
      const [own, strange] = [PEER.host, '192.0.2.77']
      const to = (host: string) => ({ transport: 'tcp', remote: { host, port: 5060 } }) as const
      const peer = net.incoming({ host: own, port: 40_000 })
      peer.receive(aliasText(`${strange}:5060`))
      await transports.send(optionsRequest(), to(strange))
      assert.equal(net.connects.length, 1)
      peer.receive(aliasText(own))
      await transports.send(optionsRequest(), to(own))
      assert.equal(net.connects.length, 1)
      net.incoming({ host: strange, port: 40_000 }).receive(aliasText(strange))
      await transports.send(optionsRequest(), to(strange))
      assert.equal(net.streams[1]?.written.length, 2, 'the connection that was there before')
      for (let port = 1; port < 100; port++) peer.receive(aliasText(`${own}:${port}`))
      await transports.send(optionsRequest(), { transport: 'tcp', remote: { host: own, port: 99 } })
      assert.equal(net.connects.length, 2, 'more aliases than the limit are not kept')
    },
    { listen: [{ transport: 'tcp', host: HOST, port: 5060 }] },
  ),
)

test(
  'nobody is connected to over WebSocket, and a node without certificates has no TLS',
  scene(async (net, { transports }) => {
    for (const transport of ['ws', 'wss'] as const) {
      await assert.rejects(transports.send(optionsRequest(), { transport, remote: PEER }), (error) => {
        return errorCode(error) === 'SIP_TRANSPORT_FAILED'
      })
    }
    assert.equal(net.connects.length, 0)
    const bare = makeHouse(net, { listen: LISTEN })
    await assert.rejects(bare.transports.start(), (error) => errorCode(error) === 'SIP_TLS_MISSING')
    await assert.rejects(bare.transports.send(optionsRequest(), toPeer()), (error) => {
      return errorCode(error) === 'SIP_TRANSPORT_FAILED'
    })
  }),
)

test(
  'each message of WebSocket is one of SIP, line ends are a ping, and answers go back as messages',
  scene(async (net, house) => {
    const stream = net.incoming(PEER, 443)
    stream.receive('\r\n\r\n')
    assert.deepEqual(stream.written, ['\r\n'])
    // A Content-Length is not needed: the message ends where it ends.
    const text = optionsText().replace('Content-Length: 0\r\n', '')
    stream.receive(text)
    assert.equal(house.got.length, 1)
    const [heard] = house.got
    assert.equal(heard?.source.transport, 'wss')
    await house.transports.send(optionsRequest(), { flow: heard?.source.flow ?? '' })
    assert.match(stream.written[1] ?? '', /^OPTIONS .*\r\n\r\n$/s)
    stream.receive(`${text.slice(0, 30)}`)
    await settle()
    assert.equal(house.got.length, 1)
    stream.receive('x'.repeat(70_000))
    assert.equal(stream.closed, true)
  }),
)

test(
  'a browser is asked for signs of life, and closed without them; one that answers stays',
  scene(
    async (net, { clock }) => {
      const [silent, alive] = [net.incoming(PEER, 443), net.incoming({ ...PEER, port: 9 }, 80)]
      for (let second = 0; second < 60; second += 5) {
        await clock.advance(5_000)
        if (alive.pings > 0) alive.pong()
      }
      assert.ok(alive.pings > 0 && silent.pings > 0)
      assert.deepEqual([silent.closed, alive.closed], [true, false])
    },
    { limits: { webPingMs: 10_000, webSilenceMs: 30_000 } },
  ),
)

test.run()

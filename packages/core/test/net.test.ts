import assert from 'node:assert/strict'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import {
  type Address,
  bindError,
  errorCode,
  errorMessage,
  formatAddress,
  systemNet,
  type TcpConnection,
} from '../src/index.ts'

const test = suite('core net')

const HOST = '127.5.20.1'
const anywhere: Address = { host: HOST, port: 0 }

test('addresses are written as in URIs', () => {
  assert.equal(formatAddress({ host: '192.0.2.1', port: 5060 }), '192.0.2.1:5060')
  assert.equal(formatAddress({ host: '2001:db8::1', port: 5060 }), '[2001:db8::1]:5060')
})

test(
  'a datagram arrives with its sender; after close nothing is sent and the port is free',
  deadline(10_000, async () => {
    const got: [string, Address][] = []
    const a = await systemNet.udp(anywhere, () => undefined)
    const b = await systemNet.udp(anywhere, (bytes, from) => got.push([bytes.toString(), from]))
    a.send(Buffer.from('hello'), b.local)
    await eventually(() => got.length === 1)
    assert.deepEqual(got, [['hello', a.local]])
    await a.close()
    await a.close()
    a.send(Buffer.from('ghost'), b.local)
    const again = await systemNet.udp(a.local, () => undefined)
    again.send(Buffer.from('again'), b.local)
    await eventually(() => got.length === 2)
    assert.equal(got[1]?.[0], 'again')
    await again.close()
    await b.close()
  }),
)

test(
  'binding a taken port says so, for both protocols',
  deadline(10_000, async () => {
    const udp = await systemNet.udp(anywhere, () => undefined)
    const tcp = await systemNet.listen(anywhere, () => undefined)
    const taken = (error: unknown): boolean => {
      assert.equal(errorCode(error), 'NET_ADDRESS_IN_USE')
      assert.match(errorMessage(error), /another program uses it/)
      return true
    }
    await assert.rejects(
      systemNet.udp(udp.local, () => undefined),
      taken,
    )
    await assert.rejects(
      systemNet.listen(tcp.local, () => undefined),
      taken,
    )
    await udp.close()
    await tcp.close()
  }),
)

test(
  'an address of another machine is refused with its remedy',
  deadline(10_000, async () => {
    await assert.rejects(
      systemNet.udp({ host: '192.0.2.77', port: 0 }, () => undefined),
      (error) => errorCode(error) === 'NET_ADDRESS_UNKNOWN' && /does not have that address/.test(errorMessage(error)),
    )
  }),
)

test('every failure of a bind has a code and a remedy', () => {
  const cases: [system: string, code: string, remedy: RegExp][] = [
    ['EADDRINUSE', 'NET_ADDRESS_IN_USE', /choose another port/],
    ['EACCES', 'NET_PERMISSION', /CAP_NET_BIND_SERVICE/],
    ['EADDRNOTAVAIL', 'NET_ADDRESS_UNKNOWN', /does not have/],
    ['EMFILE', 'NET_FAILED', /too many/],
  ]
  for (const [system, code, remedy] of cases) {
    const cause = Object.assign(new Error('too many files'), { code: system })
    const error = bindError(cause, 'udp', { host: HOST, port: 53 })
    assert.equal(error.code, code)
    assert.match(error.message, remedy)
    assert.match(error.message, /udp 127\.5\.20\.1:53/)
    assert.equal(error.cause, cause)
  }
})

test(
  'a stream carries bytes both ways and tells its end once',
  deadline(10_000, async () => {
    const events: string[] = []
    const listener = await systemNet.listen(anywhere, (connection) => {
      connection.onData((bytes) => connection.write(Buffer.from(bytes.toString().toUpperCase())))
      connection.onClose(() => events.push('server closed'))
    })
    const client = await systemNet.connect(listener.local, { localHost: '127.5.20.2' })
    assert.equal(client.local.host, '127.5.20.2')
    assert.deepEqual(client.remote, listener.local)
    client.onData((bytes) => events.push(bytes.toString()))
    client.onClose(() => events.push('client closed'))
    client.write(Buffer.from('hello'))
    await eventually(() => events.includes('HELLO'))
    client.end()
    await eventually(() => events.includes('server closed') && events.includes('client closed'))
    client.destroy()
    assert.equal(events.length, 3)
    assert.equal(client.write(Buffer.from('late')), false)
    await listener.close()
  }),
)

test(
  'closing a listener closes its connections',
  deadline(10_000, async () => {
    const accepted: TcpConnection[] = []
    const listener = await systemNet.listen(anywhere, (connection) => accepted.push(connection))
    const client = await systemNet.connect(listener.local)
    let closed = false
    client.onClose(() => {
      closed = true
    })
    await eventually(() => accepted.length === 1)
    await listener.close()
    await listener.close()
    await eventually(() => closed)
  }),
)

test(
  'a full connection says so and drains; paused reading holds the peer back',
  deadline(10_000, async () => {
    let received = 0
    const accepted: TcpConnection[] = []
    const listener = await systemNet.listen(anywhere, (connection) => {
      connection.pause()
      connection.onData((bytes) => {
        received += bytes.length
      })
      // Listening starts the stream; hold it again.
      connection.pause()
      accepted.push(connection)
    })
    const client = await systemNet.connect(listener.local)
    let drained = false
    client.onDrain(() => {
      drained = true
    })
    const chunk = Buffer.alloc(1024 * 1024)
    let sent = 0
    while (sent < 64 * chunk.length) {
      sent += chunk.length
      if (!client.write(chunk)) break
    }
    assert.ok(sent < 64 * chunk.length, 'write said stop')
    await eventually(() => accepted.length === 1)
    accepted[0]?.resume()
    await eventually(() => drained && received === sent)
    client.destroy()
    await listener.close()
  }),
)

test(
  'connecting to nobody fails with a code',
  deadline(10_000, async () => {
    const listener = await systemNet.listen(anywhere, () => undefined)
    await listener.close()
    await assert.rejects(systemNet.connect(listener.local), (error) => errorCode(error) === 'NET_UNREACHABLE')
  }),
)

test.run()

import assert from 'node:assert/strict'
import { type Address, errorCode, systemNet, type TcpConnection } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { makeResponse } from '../../src/message/index.ts'
import { type House, makeHouse, optionsRequest, optionsText } from './support.ts'

const test = suite('sip transport loopback')

const [A, B, PHONE] = ['127.8.1.1', '127.8.1.2', '127.8.1.3']

async function startHouse(host: string): Promise<House> {
  const house = makeHouse(systemNet, {
    listen: [
      { transport: 'udp', host, port: 0 },
      { transport: 'tcp', host, port: 0 },
    ],
  })
  await house.transports.start()
  return house
}

function localOf({ transports }: House, transport: 'udp' | 'tcp'): Address {
  const found = transports.listening.find((entry) => entry.transport === transport)
  assert.ok(found)
  return found.local
}

for (const transport of ['udp', 'tcp'] as const) {
  test(
    `a request goes from node to node by ${transport} and its response comes back on the flow`,
    deadline(10_000, async () => {
      const [a, b] = [await startHouse(A), await startHouse(B)]
      try {
        await a.transports.send(optionsRequest({ via: `${A};rport;branch=z9hG4bKa` }), {
          transport,
          remote: localOf(b, transport),
        })
        const { message, source } = await eventually(() => b.got[0])
        assert.ok(message.kind === 'request')
        assert.equal(source.remote.host, A)
        assert.equal(message.vias[0]?.params.get('rport'), String(source.remote.port))
        if (transport === 'udp') assert.deepEqual(source.remote, localOf(a, 'udp'))
        await b.transports.send(makeResponse(message, 200, 'OK', { toTag: 't' }), { flow: source.flow })
        const answer = await eventually(() => a.got[0])
        assert.ok(answer.message.kind === 'response' && answer.message.status === 200)
      } finally {
        await Promise.all([a.transports.stop(), b.transports.stop()])
      }
    }),
  )
}

async function phone(to: Address): Promise<{ stream: TcpConnection; heard: () => string; closed: () => boolean }> {
  const stream = await systemNet.connect(to, { localHost: PHONE })
  let [heard, closed] = ['', false]
  stream.onData((bytes) => {
    heard += bytes.toString('latin1')
  })
  stream.onClose(() => {
    closed = true
  })
  return { stream, heard: () => heard, closed: () => closed }
}

test(
  'a phone on a stream: ping, a message in two pieces, a broken request, then garbage ends it',
  deadline(10_000, async () => {
    const a = await startHouse(A)
    try {
      const { stream, heard, closed } = await phone(localOf(a, 'tcp'))
      stream.write(Buffer.from('\r\n\r\n'))
      await eventually(() => heard() === '\r\n')
      stream.write(Buffer.from(optionsText().slice(0, 40)))
      stream.write(Buffer.from(optionsText().slice(40)))
      const { source } = await eventually(() => a.got[0])
      assert.equal(source.remote.host, PHONE)
      stream.write(Buffer.from(optionsText({ headers: 'Max-Forwards: 70\r\n' })))
      await eventually(() => heard().includes('SIP/2.0 400 '))
      assert.equal(a.transports.isOpen(source.flow), true)
      stream.write(Buffer.from('GET / HTTP/1.1\r\nHost: example.net\r\n\r\n'))
      await eventually(closed)
      await eventually(() => a.closed.length === 1)
      assert.deepEqual(a.closed, [source.flow])
    } finally {
      await a.transports.stop()
    }
  }),
)

test(
  'stop closes connections and frees the ports; the layer can start again',
  deadline(10_000, async () => {
    const a = await startHouse(A)
    const { closed } = await phone(localOf(a, 'tcp'))
    const bound = [localOf(a, 'udp'), localOf(a, 'tcp')] as const
    await a.transports.stop()
    await eventually(closed)
    assert.deepEqual([a.transports.listening, a.clock.armed], [[], 0])
    await (await systemNet.udp(bound[0], () => undefined)).close()
    await (await systemNet.listen(bound[1], () => undefined)).close()
    await a.transports.start()
    assert.equal(a.transports.listening.length, 2)
    await a.transports.stop()
  }),
)

test(
  'a start that finds one port taken leaves none of the others open',
  deadline(10_000, async () => {
    const a = await startHouse(A)
    const free = await systemNet.udp({ host: B, port: 0 }, () => undefined)
    await free.close()
    const late = makeHouse(systemNet, {
      listen: [
        { transport: 'udp', ...free.local },
        { transport: 'tcp', ...localOf(a, 'tcp') },
      ],
    })
    await assert.rejects(late.transports.start(), (error) => errorCode(error) === 'NET_ADDRESS_IN_USE')
    await (await systemNet.udp(free.local, () => undefined)).close()
    await a.transports.stop()
  }),
)

test.run()

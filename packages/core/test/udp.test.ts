/** The same for UDP with batched system calls and without. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { type Address, errorCode, systemNet, type UdpListener, type UdpSocket } from '../src/index.ts'
import { plainUdp } from '../src/net.ts'
import { batchedUdp } from '../src/net-batch.ts'
import { addressText, loadLibrary, readAddress, writeAddress } from '../src/net-batch-native.ts'
import { loopRests } from '../src/net-rest.ts'

type Open = (bind: Address, listener: UdpListener) => Promise<UdpSocket>

const test = suite('core udp')
const HOST = '127.5.21.1'
const anywhere: Address = { host: HOST, port: 0 }
const BUFFER_BYTES = 4 * 1024 * 1024

const batchedAs =
  (patient: boolean): Open =>
  async (bind, listener) => {
    const socket = await batchedUdp(bind, listener, BUFFER_BYTES, { patient })
    assert.ok(socket)
    return socket
  }

const kinds: [name: string, open: Open][] = [['plain', plainUdp]]
if (loadLibrary()) kinds.push(['batched', batchedAs(false)], ['patient', batchedAs(true)])
else console.log('SKIP batched system calls: not on this system')

for (const [name, open] of kinds) {
  test(
    `${name}: datagrams of all sizes arrive whole, with their sender; one that is too large is lost alone`,
    deadline(20_000, async () => {
      const got: [number, number, Address][] = []
      const a = await open(anywhere, () => undefined)
      const b = await open(anywhere, (bytes, from) => got.push([bytes.length, bytes.at(-1) ?? 0, from]))
      const sizes = [1, 20, 500, 1_472, 9_000, 65_507]
      for (const size of sizes) a.send(Buffer.alloc(size, size % 251), b.local)
      a.send(Buffer.alloc(65_508), b.local)
      a.send(Buffer.alloc(70_000), b.local)
      a.send(Buffer.from('end'), b.local)
      await eventually(() => got.length === sizes.length + 1)
      assert.deepEqual(
        got.slice(0, sizes.length),
        sizes.map((size) => [size, size % 251, a.local]),
      )
      assert.equal(got.at(-1)?.[0], 3)
      await Promise.all([a.close(), b.close()])
    }),
  )

  test(
    `${name}: what is sent in one turn arrives in order, from several sockets, however much it is`,
    deadline(20_000, async () => {
      const got = new Map<number, number[]>()
      const sink = await open(anywhere, (bytes, { port }) => {
        const list = got.get(port) ?? []
        list.push(bytes.readUInt32BE(0))
        got.set(port, list)
      })
      const senders = await Promise.all(Array.from({ length: 5 }, () => open(anywhere, () => undefined)))
      const count = 300
      for (let n = 0; n < count; n++) {
        for (const sender of senders) {
          const bytes = Buffer.alloc(300)
          bytes.writeUInt32BE(n)
          sender.send(bytes, sink.local)
        }
      }
      const all = Array.from({ length: count }, (_, n) => n)
      await eventually(() => [...got.values()].reduce((sum, list) => sum + list.length, 0) === count * senders.length)
      for (const sender of senders) assert.deepEqual(got.get(sender.local.port), all)
      await Promise.all([sink, ...senders].map((socket) => socket.close()))
    }),
  )

  test(
    `${name}: what was received stays as it was when more comes`,
    deadline(20_000, async () => {
      const kept: Buffer[] = []
      const sink = await open(anywhere, (bytes) => kept.push(bytes))
      const source = await open(anywhere, () => undefined)
      for (let round = 0; round < 4; round++) {
        for (let n = 0; n < 50; n++) source.send(Buffer.alloc(100, round * 50 + n), sink.local)
        await eventually(() => kept.length === (round + 1) * 50)
      }
      for (const [n, bytes] of kept.entries()) assert.deepEqual(bytes, Buffer.alloc(100, n))
      await Promise.all([sink.close(), source.close()])
    }),
  )

  test(
    `${name}: nobody listening, or no such address, harms nothing that is sent beside it`,
    deadline(20_000, async () => {
      let got = 0
      const sink = await open(anywhere, () => got++)
      const closed = await open(anywhere, () => undefined)
      await closed.close()
      const source = await open(anywhere, () => undefined)
      for (let n = 0; n < 10; n++) {
        source.send(Buffer.from('to nobody'), closed.local)
        source.send(Buffer.from('nowhere'), { host: '255.255.255.255', port: 9 })
        source.send(Buffer.from('to port 0'), { host: HOST, port: 0 })
        source.send(Buffer.from('to somebody'), sink.local)
        await eventually(() => got === n + 1)
      }
      await Promise.all([sink.close(), source.close()])
    }),
  )

  test(
    `${name}: a socket that is closed by its listener gets nothing more, and sends nothing more`,
    deadline(20_000, async () => {
      let got = 0
      const closings: Promise<void>[] = []
      const sink = await open(anywhere, () => {
        got++
        closings.push(sink.close())
        sink.send(Buffer.from('ghost'), other.local)
      })
      let ghosts = 0
      const other = await open(anywhere, () => ghosts++)
      for (let n = 0; n < 100; n++) other.send(Buffer.from('x'), sink.local)
      await eventually(() => got > 0)
      await Promise.all(closings)
      const again = await open(sink.local, () => undefined)
      again.send(Buffer.from('x'), other.local)
      await eventually(() => ghosts > 0)
      assert.deepEqual([got, ghosts], [1, 1])
      await Promise.all([again.close(), other.close()])
    }),
  )

  test(
    `${name}: other work goes on in a flood`,
    deadline(20_000, async () => {
      let got = 0
      let turns = 0
      const sink = await open(anywhere, () => got++)
      const source = await open(anywhere, () => undefined)
      const flood = (): void => {
        for (let n = 0; n < 64; n++) source.send(Buffer.alloc(200), sink.local)
        if (++turns < 100) setImmediate(flood)
      }
      flood()
      await eventually(() => turns === 100 && got > 0)
      await Promise.all([sink.close(), source.close()])
    }),
  )
}

/** Sends the next datagram when the one before has come back, in a thread of its own; its answer is how many never came back. */
const PING = `
  const { parentPort, workerData } = require('node:worker_threads')
  const socket = require('node:dgram').createSocket('udp4')
  let [sent, got, stopping] = [0, 0, false]
  const next = () => {
    if (!stopping) socket.send('ping', workerData.port, workerData.host, () => sent++)
    else setTimeout(() => { parentPort.postMessage(sent - got); socket.close(); parentPort.close() }, 100)
  }
  socket.on('message', () => { got++; next() })
  parentPort.on('message', () => { stopping = true })
  next()`

if (loadLibrary()) {
  test(
    'patient: the loop rests while datagrams come fast and one by one, and all are answered',
    deadline(30_000, async () => {
      const echo: UdpSocket = await batchedAs(true)(anywhere, (bytes, from) => echo.send(bytes, from))
      const before = loopRests.restedMs
      const client = new Worker(PING, { eval: true, workerData: echo.local })
      await eventually(() => loopRests.restedMs > before, 25_000)
      const missing = once(client, 'message')
      client.postMessage('stop')
      assert.deepEqual(await missing, [0])
      await echo.close()
    }),
  )
}

test('IPv6 goes without, and where both can be had each is told apart by nobody', async () => {
  assert.equal(await batchedUdp({ host: '::1', port: 0 }, () => undefined, BUFFER_BYTES), undefined)
  const socket = await systemNet.udp({ host: '::1', port: 0 }, () => undefined)
  assert.equal(socket.local.host, '::1')
  await socket.close()
  const taken = await systemNet.udp(anywhere, () => undefined)
  await assert.rejects(
    systemNet.udp(taken.local, () => undefined),
    (error) => errorCode(error) === 'NET_ADDRESS_IN_USE',
  )
  await taken.close()
})

test('IPv4 addresses are read strictly, and written as they were', () => {
  const memory = Buffer.alloc(32)
  for (const host of ['0.0.0.0', '127.0.0.1', '255.255.255.255', '10.20.30.40']) {
    assert.ok(writeAddress(memory, 8, { host, port: 65_535 }))
    const { address, port } = readAddress(memory, 8)
    assert.deepEqual([addressText(address), port], [host, 65_535])
  }
  for (const host of [
    '',
    '1',
    '1.2.3',
    '1.2.3.',
    '.1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.0004',
    'a.b.c.d',
    '::1',
    '1.2.3.4 ',
  ]) {
    assert.equal(writeAddress(memory, 0, { host, port: 1 }), false, host)
  }
})

if (loadLibrary())
  test(
    'batched: a socket takes its share of one turn, and all in the end',
    deadline(20_000, async () => {
      const count = 1_000
      for (const [perTurn, most] of [
        [64, 64 + 32],
        [128, 128 + 32],
      ] as const) {
        let [got, inTurn, highest] = [0, 0, 0]
        const listener = (): void => {
          got++
          if (inTurn++ === 0)
            setImmediate(() => {
              inTurn = 0
            })
          highest = Math.max(highest, inTurn)
        }
        const sink = await batchedUdp(anywhere, listener, BUFFER_BYTES, { perTurn })
        const source = await batchedAs(false)(anywhere, () => undefined)
        assert.ok(sink)
        // All of it waits before anything is read.
        for (let n = 0; n < count; n++) source.send(Buffer.alloc(20), sink.local)
        await source.close()
        await eventually(() => got === count)
        assert.ok(highest > 64 - 1 && highest <= most, `${highest} in one turn`)
        await sink.close()
      }
    }),
  )

test.run()

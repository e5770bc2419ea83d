/** A live stack under everything that an unfriendly network sends: it goes on serving, logs no error and keeps nothing. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  type Address,
  formatAddress,
  type Logger,
  silentLogger,
  systemClock,
  systemNet,
  systemRandom,
  type TcpConnection,
  ThorError,
} from '@thor-node/core'
import { deadline, eventually, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { udpFlow } from '../src/index.ts'
import { SipStack } from '../src/stack.ts'
import { Transports } from '../src/transport/index.ts'
import { mutate, plain, seedMessages } from './mutate.ts'
import { KEY } from './proxy/house.ts'

const test = suite('sip: hostile input')

const CONNECTIONS_MAX = 200
const uncaught: unknown[] = []
process.on('uncaughtException', (error) => uncaught.push(error))
process.on('unhandledRejection', (error) => uncaught.push(error))

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const heapBytes = (): number => {
  collect()
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers
}

/** Everybody is let in; Bob is a device that never answers. */
async function victim(host: string) {
  const errors: string[] = []
  const logger: Logger = {
    ...silentLogger,
    forComponent: () => logger,
    error: (message, fields) => errors.push(`${message} ${String(fields?.error)}`),
  }
  const [clock, random] = [systemClock, systemRandom]
  const transport = new Transports(
    { clock, random, net: systemNet, logger },
    {
      listen: [
        { transport: 'udp', host, port: 0 },
        { transport: 'tcp', host, port: 0 },
      ],
      limits: { connectionsMax: 2 * CONNECTIONS_MAX, connectionsPerSourceMax: CONNECTIONS_MAX },
    },
  )
  const silent = udpFlow(0, { host, port: 9 })
  const stack = new SipStack(
    {
      clock,
      random,
      logger,
      transport,
      home: {
        servesDomain: (domain) => domain === 'example.com',
        admit: async ({ from }) => ({ verdict: 'admit', account: from, identity: from, groups: [], callLimit: 0 }),
        plan: async ({ aor }) => {
          const target = { uri: `sip:bob@${host}:9`, edge: 'self', flow: silent, path: [], q: 1_000 }
          return { verdict: 'ring', account: aor, targets: [target] }
        },
        unbind: async () => undefined,
        keep: async () => 'full',
        kept: async () => [],
        delivered: async () => undefined,
        bind: async () => ({ verdict: 'bound', contacts: [] }),
      },
      media: { rewrite: async ({ sdp }) => sdp },
      calls: {
        refreshed: async () => undefined,
        newCallUuid: () => 'abc-0123456789abcdef01234567',
        answered: async () => undefined,
        ended: async () => undefined,
        failed: async () => undefined,
      },
      ring: {
        self: 'self',
        cookieKey: KEY,
        nodeAt: () => undefined,
        sendOnFlow: async () => {
          throw new ThorError('NODE_EDGE_GONE', 'no other nodes')
        },
        passResponse: async () => undefined,
      },
      resolve: { resolve: async () => [] },
    },
    { timers: { t1: 2, t2: 16, t4: 20, timerC: 200 } },
  )
  await stack.start()
  const [udp, tcp] = stack.listening.map(({ local }) => local) as [Address, Address]
  return { stack, udp, tcp, errors }
}

type Victim = Awaited<ReturnType<typeof victim>>

async function stillServes({ udp, tcp, errors }: Victim, host: string, id: string): Promise<void> {
  const answers: string[] = []
  const socket = await systemNet.udp({ host, port: 0 }, (bytes) => answers.push(bytes.toString('latin1', 0, 30)))
  const connection = await systemNet.connect(tcp, { localHost: host })
  connection.onData((bytes) => answers.push(bytes.toString('latin1', 0, 30)))
  let sent = 0
  await eventually(async () => {
    // Datagrams may be lost while others are thrown at the same socket.
    const options = plain('OPTIONS', `${id}${sent++}`, formatAddress(socket.local), 'sip:example.com')
    if (answers.length === 0) socket.send(options, udp)
    return answers.some((answer) => answer.startsWith('SIP/2.0 200'))
  }, 4_000)
  answers.length = 0
  connection.write(plain('OPTIONS', `${id}t`, formatAddress(connection.local), 'sip:example.com'))
  await eventually(() => answers.some((answer) => answer.startsWith('SIP/2.0 200')), 4_000)
  await socket.close()
  connection.destroy()
  assert.equal(errors, [])
  assert.equal(uncaught, [])
}

const tcpConnections = ({ stack }: Victim): number =>
  (stack.snapshot() as { transport: { streams: { connections: number } } }).transport.streams.connections

/** Until the transactions of all this have timed out. */
const rested = ({ stack }: Victim) =>
  eventually(() => {
    const { transactions, proxy } = stack.snapshot() as Record<string, Record<string, unknown>>
    return transactions?.servers === 0 && transactions.clients === 0 && proxy?.forks === 0
  }, 5_000)

test(
  'datagrams: chance, torture and spoiled messages',
  deadline(40_000, async () => {
    const it = await victim('127.42.10.1')
    const socket = await systemNet.udp({ host: '127.42.10.2', port: 0 }, () => undefined)
    const random = new SimRandom(1)
    const seeds = seedMessages(formatAddress(socket.local))
    const volley = async (): Promise<void> => {
      for (const seed of seeds) socket.send(seed, it.udp)
      for (let i = 0; i < 700; i++) {
        const bytes = i % 7 === 0 ? Buffer.from(random.bytes(random.int(1_500))) : mutate(random, seeds)
        if (bytes.length < 65_000) socket.send(bytes, it.udp)
        if (i % 20 === 0) await new Promise(setImmediate)
      }
      await rested(it)
    }
    await volley()
    await stillServes(it, '127.42.10.3', 'u')
    const before = heapBytes()
    for (let i = 0; i < 3; i++) await volley()
    await stillServes(it, '127.42.10.3', 'v')
    await rested(it)
    const grownBytes = heapBytes() - before
    assert.ok(grownBytes < 8_000_000, `${grownBytes} bytes more after 2,100 more messages`)
    await socket.close()
    await it.stack.stop()
  }),
)

test(
  'streams: half messages, endless heads, spoiled messages in small pieces',
  deadline(40_000, async () => {
    const it = await victim('127.42.10.4')
    const random = new SimRandom(2)
    const seeds = seedMessages('127.42.10.5')
    const open = new Set<TcpConnection>()
    for (let i = 0; i < 150; i++) {
      const connection = await systemNet.connect(it.tcp, { localHost: '127.42.10.5' })
      connection.onData(() => undefined)
      open.add(connection)
      connection.onClose(() => open.delete(connection))
      const whole = mutate(random, seeds)
      if (i % 3 === 0) connection.write(seeds[i % seeds.length]!.subarray(0, 100))
      else if (i % 10 === 1) connection.write(Buffer.alloc(200_000, 'x: y\r\n'))
      else for (let at = 0; at < Math.min(whole.length, 5_000); at += 97) connection.write(whole.subarray(at, at + 97))
    }
    await stillServes(it, '127.42.10.6', 'w')
    for (const connection of open) connection.destroy()
    await eventually(() => tcpConnections(it) === 0, 3_000)
    await rested(it)
    await it.stack.stop()
  }),
)

test(
  'thousands of connections: one source fills its own share only',
  deadline(40_000, async () => {
    const it = await victim('127.42.10.7')
    const before = heapBytes()
    const open: TcpConnection[] = []
    let closed = 0
    for (let wave = 0; wave < 10; wave++) {
      const opened = await Promise.all(
        Array.from({ length: 200 }, () => systemNet.connect(it.tcp, { localHost: '127.42.10.8' })),
      )
      for (const connection of opened) connection.onClose(() => closed++)
      open.push(...opened)
    }
    await eventually(() => closed >= open.length - CONNECTIONS_MAX, 4_000)
    assert.ok(tcpConnections(it) <= CONNECTIONS_MAX)
    await stillServes(it, '127.42.10.9', 'x')
    for (const connection of open) connection.destroy()
    await eventually(() => tcpConnections(it) === 0, 4_000)
    open.length = 0
    const grownBytes = heapBytes() - before
    assert.ok(grownBytes < 10_000_000, `${grownBytes} bytes more after 2,000 connections`)
    await it.stack.stop()
  }),
)

test.run()

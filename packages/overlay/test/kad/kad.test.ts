import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, connect as tcpConnect } from 'node:net'
import { silentLogger, systemClock, systemRandom } from '@thor-node/core'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isConnectionRefused } from '../../src/errors.ts'
import { Libp2pPeerNet } from '../../src/kad/kad.ts'
import { generateNodeKey, nodeIdOf } from '../../src/kad/node-key.ts'
import type { NodeId } from '../../src/peers.ts'
import { PeerRpc } from '../../src/rpc/rpc.ts'

const test = suite('kad: members over libp2p')

const members = new Set<NodeId>()
const running: Libp2pPeerNet[] = []

interface TestNode {
  net: Libp2pPeerNet
  frames: { from: NodeId; text: string }[]
  events: string[]
}

async function node(
  host: string,
  options: { key?: Uint8Array; member?: boolean; port?: number } = {},
): Promise<TestNode> {
  const key = options.key ?? generateNodeKey()
  if (options.member ?? true) members.add(nodeIdOf(key))
  const net = new Libp2pPeerNet(
    { clock: systemClock, random: systemRandom, log: silentLogger },
    { key, listen: { host, port: options.port ?? 0 }, isMember: (id) => members.has(id) },
  )
  const out: TestNode = { net, frames: [], events: [] }
  net.listener = {
    onFrame: (from, frame) => void out.frames.push({ from, text: Buffer.from(frame).toString() }),
    onConnected: (peer) => void out.events.push(`+${peer}`),
    onDisconnected: (peer) => void out.events.push(`-${peer}`),
  }
  await net.start()
  running.push(net)
  return out
}

const bytes = (text: string): Uint8Array => Buffer.from(text)

/** A libp2p node takes half a second to stop: the next test need not wait for that. */
const stopping: Promise<void>[] = []

test.after.each(() => {
  for (const net of running.splice(0)) stopping.push(net.stop())
})

test.after(async () => {
  await Promise.all(stopping)
})

test(
  'two members exchange frames in order in both directions',
  deadline(20_000, async () => {
    const a = await node('127.1.1.1')
    const b = await node('127.1.1.2')
    await a.net.connect(b.net.self, b.net.addresses)
    await eventually(() => b.net.isConnected(a.net.self))
    for (let i = 0; i < 100; i++) {
      assert.ok(a.net.send(b.net.self, bytes(`a${i}`)))
      assert.ok(b.net.send(a.net.self, bytes(`b${i}`)))
    }
    await eventually(() => a.frames.length === 100 && b.frames.length === 100)
    assert.equal(
      b.frames.map((frame) => frame.text),
      Array.from({ length: 100 }, (_, i) => `a${i}`),
    )
    assert.equal(a.frames[99], { from: b.net.self, text: 'b99' })
  }),
)

test(
  'a frame of the largest size passes, a longer one is not taken',
  deadline(20_000, async () => {
    const a = await node('127.1.1.1')
    const b = await node('127.1.1.2')
    await a.net.connect(b.net.self, b.net.addresses)
    const largest = Buffer.alloc(4 * 1024 * 1024, 'x')
    assert.ok(a.net.send(b.net.self, largest))
    assert.ok(a.net.send(b.net.self, bytes('after')))
    assert.not(a.net.send(b.net.self, Buffer.alloc(largest.length + 1)))
    await eventually(() => b.frames.length === 2)
    assert.is(b.frames[0]?.text.length, largest.length)
    assert.is(b.frames[1]?.text, 'after')
  }),
)

test(
  'what waits for one peer has a limit, beyond which send returns false',
  deadline(20_000, async () => {
    const a = await node('127.1.1.1')
    const b = await node('127.1.1.2')
    await a.net.connect(b.net.self, b.net.addresses)
    const frame = Buffer.alloc(1024 * 1024)
    let taken = 0
    while (a.net.send(b.net.self, frame)) taken++
    assert.is(taken, 15)
    await eventually(() => b.frames.length === taken)
    assert.ok(a.net.send(b.net.self, frame))
  }),
)

test(
  'two nodes that dial each other at once keep one stream and lose nothing',
  deadline(30_000, async () => {
    for (let round = 0; round < 5; round++) {
      const a = await node('127.1.1.1')
      const b = await node('127.1.1.2')
      await Promise.all([a.net.connect(b.net.self, b.net.addresses), b.net.connect(a.net.self, a.net.addresses)])
      assert.ok(a.net.send(b.net.self, bytes('from a')))
      assert.ok(b.net.send(a.net.self, bytes('from b')))
      await eventually(() => a.frames.length === 1 && b.frames.length === 1)
      assert.equal(a.events, [`+${b.net.self}`])
      assert.equal(b.events, [`+${a.net.self}`])
    }
  }),
)

test(
  'a dial that hangs does not keep the peer out that dials meanwhile',
  deadline(20_000, async () => {
    const mute = createServer().listen(0, '127.1.1.8').unref()
    await once(mute, 'listening')
    const { port } = mute.address() as { port: number }
    const nodes = [await node('127.1.1.1'), await node('127.1.1.2')].sort((x, y) => (x.net.self < y.net.self ? -1 : 1))
    const [lower, higher] = nodes as [TestNode, TestNode]
    // Ends with the node.
    lower.net.connect(higher.net.self, [`127.1.1.8:${port}`]).catch(() => undefined)
    await higher.net.connect(lower.net.self, lower.net.addresses)
    assert.ok(lower.net.isConnected(higher.net.self))
    assert.ok(lower.net.send(higher.net.self, bytes('here')))
    await eventually(() => higher.frames.length === 1)
    assert.equal(lower.events, [`+${higher.net.self}`])
  }),
)

test(
  'an address where nothing listens is unreachable and known to be refused by the machine',
  deadline(20_000, async () => {
    const a = await node('127.1.1.1')
    const gone = nodeIdOf(generateNodeKey())
    members.add(gone)
    const error = await a.net.connect(gone, ['127.1.1.9:9']).then(
      () => undefined,
      (caught: unknown) => caught,
    )
    assert.is((error as { code: string }).code, 'OVERLAY_UNREACHABLE')
    assert.ok(isConnectionRefused(error))
    assert.not(a.net.isConnected(gone))
  }),
)

test(
  'another node at the address is a refusal',
  deadline(20_000, async () => {
    const a = await node('127.1.1.1')
    const b = await node('127.1.1.2')
    const other = nodeIdOf(generateNodeKey())
    members.add(other)
    const error = await a.net.connect(other, b.net.addresses).catch((caught: unknown) => caught)
    assert.is((error as { code: string }).code, 'OVERLAY_REFUSED')
  }),
)

test(
  'a stranger is cut off and no frame of it arrives',
  deadline(20_000, async () => {
    const a = await node('127.1.1.1')
    // The stranger itself believes that everybody is a member.
    const liar = new Libp2pPeerNet(
      { clock: systemClock, random: systemRandom, log: silentLogger },
      { key: generateNodeKey(), listen: { host: '127.1.1.67', port: 0 }, isMember: () => true },
    )
    await liar.start()
    running.push(liar)
    const error = await liar.connect(a.net.self, a.net.addresses).catch((caught: unknown) => caught)
    assert.is((error as { code: string }).code, 'OVERLAY_REFUSED')
    assert.not(liar.send(a.net.self, bytes('hello')))
    assert.equal(a.events, [])
    assert.equal(a.frames, [])
  }),
)

test(
  'a process that is killed is seen to be gone by its peer, whose calls fail at once',
  deadline(30_000, async () => {
    const a = await node('127.1.1.1')
    const rpc = new PeerRpc({ peers: a.net, clock: systemClock, log: silentLogger })
    const key = generateNodeKey()
    members.add(nodeIdOf(key))
    const child = spawn(
      process.execPath,
      [new URL('./peer.fixture.ts', import.meta.url).pathname, Buffer.from(key).toString('hex'), '127.1.1.2'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    await a.net.connect(nodeIdOf(key), [line.toString().trim()])
    assert.equal(await rpc.call(nodeIdOf(key), 'echo', { n: 1 }), { n: 1 })
    const hanging = rpc.call(nodeIdOf(key), 'hang', {}, { timeoutMs: 20_000 }).catch((error: unknown) => error)
    child.kill('SIGKILL')
    assert.is(((await hanging) as { code: string }).code, 'RPC_NOT_CONNECTED')
    assert.not(a.net.isConnected(nodeIdOf(key)))
    // The kernel closes the process's sockets one by one: the one that listens may outlive the connection by a moment.
    await eventually(async () =>
      isConnectionRefused(
        await a.net.connect(nodeIdOf(key), [line.toString().trim()]).catch((error: unknown) => error),
      ),
    )
  }),
)

test(
  'members find the address of a member that they never met through kad-dht',
  deadline(30_000, async () => {
    const a = await node('127.1.1.1')
    const b = await node('127.1.1.2')
    const c = await node('127.1.1.3')
    await a.net.connect(b.net.self, b.net.addresses)
    await c.net.connect(b.net.self, b.net.addresses)
    const found = await eventually(async () => {
      const addresses = await a.net.findAddresses(c.net.self)
      return addresses.length > 0 && addresses
    }, 20_000)
    assert.equal(found, c.net.addresses)
  }),
)

test(
  'a port that is taken is an error that says so',
  deadline(20_000, async () => {
    const server = createServer().listen(0, '127.1.1.1').unref()
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const error = await node('127.1.1.1', { port }).catch((caught: unknown) => caught)
    assert.is((error as { code: string }).code, 'NET_ADDRESS_IN_USE')
    server.close()
  }),
)

test(
  'noise from a port scanner does no harm',
  deadline(20_000, async () => {
    const a = await node('127.1.1.1')
    const b = await node('127.1.1.2')
    const [host, port] = (a.net.addresses[0] as string).split(':') as [string, string]
    const scanner = tcpConnect(Number(port), host)
    scanner.on('error', () => undefined)
    scanner.write('GET / HTTP/1.1\r\n\r\n')
    await b.net.connect(a.net.self, a.net.addresses)
    assert.ok(b.net.isConnected(a.net.self))
    scanner.destroy()
  }),
)

test.run()

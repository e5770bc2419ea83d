/** What strangers get, counted on the wire. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { silentLogger, systemClock, systemRandom } from '@thor-node/core'
import { deadline, eventually, SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InboundLimit } from '../../src/kad/inbound.ts'
import { Libp2pPeerNet } from '../../src/kad/kad.ts'
import { generateNodeKey, nodeIdOf } from '../../src/kad/node-key.ts'
import { netLimits } from '../../src/limits.ts'
import type { NodeId } from '../../src/peers.ts'

const test = suite('kad: the gate, on the wire')

const members = new Set<NodeId>()
const stops: (() => unknown)[] = []

async function node(host: string, init: { key?: Uint8Array; open?: boolean; handshakeTimeoutMs?: number } = {}) {
  const key = init.key ?? generateNodeKey()
  if (!init.open) members.add(nodeIdOf(key))
  const net = new Libp2pPeerNet(
    { clock: systemClock, random: systemRandom, log: silentLogger },
    {
      key,
      listen: { host, port: 0 },
      // A stranger lets everybody in.
      isMember: (id) => init.open === true || members.has(id),
      handshakeTimeoutMs: init.handshakeTimeoutMs,
    },
  )
  const events: string[] = []
  net.listener = {
    onFrame: (from) => void events.push(`frame of ${from}`),
    onConnected: (peer) => void events.push(`+${peer}`),
    onDisconnected: (peer) => void events.push(`-${peer}`),
  }
  await net.start()
  stops.push(() => net.stop())
  return { net, events }
}

/** Stands between, and keeps what the node says on each connection. */
async function tap(
  target: string,
  host: string,
): Promise<{ address: string; said: Buffer[]; closed: boolean[]; freeze(): void }> {
  const [targetHost, targetPort] = target.split(':') as [string, string]
  const said: Buffer[] = []
  const closed: boolean[] = []
  const nears: Socket[] = []
  const server: Server = createServer((near) => {
    nears.push(near)
    const index = said.push(Buffer.alloc(0)) - 1
    closed.push(false)
    const far = connect(Number(targetPort), targetHost)
    near.pipe(far)
    far.on('data', (chunk: Buffer) => {
      said[index] = Buffer.concat([said[index] as Buffer, chunk])
      near.write(chunk)
    })
    far.on('close', () => {
      closed[index] = true
      near.destroy()
    })
    near.on('close', () => far.destroy())
    for (const socket of [near, far]) socket.on('error', () => undefined)
  }).listen(0, host)
  await once(server, 'listening')
  stops.push(() => server.close())
  // Nothing of the dialler passes any more, not even that it closes.
  const freeze = (): void => {
    for (const near of nears) near.unpipe().pause()
  }
  return { address: `${host}:${(server.address() as { port: number }).port}`, said, closed, freeze }
}

/**
 * What a responder has said beyond the handshake: two lines of multistream-select (length, text), then the one Noise message
 * that is its part (XX: `e, ee, s, es`; length as u16).
 */
function beyondHandshake(said: Buffer): number {
  let at = 0
  for (const line of ['/multistream/1.0.0\n', '/noise\n']) {
    assert.is(said.subarray(at + 1, at + 1 + line.length).toString(), line)
    at += 1 + line.length
  }
  at += 2 + said.readUInt16BE(at)
  assert.ok(said.length >= at, 'the handshake is whole')
  return said.length - at
}

test.after.each(async () => {
  members.clear()
  await Promise.all(stops.splice(0).map((stop) => stop()))
})

test(
  'a stranger gets the handshake and then not one byte; a member gets more',
  deadline(20_000, async () => {
    const a = await node('127.1.8.1')
    const { address, said, closed } = await tap(a.net.addresses[0] as string, '127.1.8.9')
    const member = await node('127.1.8.2')
    await member.net.connect(a.net.self, [address])
    await eventually(() => a.net.isConnected(member.net.self))
    assert.ok(beyondHandshake(said[0] as Buffer) > 0, 'this test sees what passes')

    const stranger = await node('127.1.8.3', { open: true })
    const error = await stranger.net.connect(a.net.self, [address]).catch((caught: unknown) => caught)
    assert.is((error as { code: string }).code, 'OVERLAY_REFUSED')
    await eventually(() => closed[1])
    assert.is(beyondHandshake(said[1] as Buffer), 0)
    assert.not(a.events.some((event) => event.includes(stranger.net.self)))
    // Nor does the member dial the stranger.
    const dialled = await a.net.connect(stranger.net.self, stranger.net.addresses).catch((caught: unknown) => caught)
    assert.is((dialled as { code: string }).code, 'OVERLAY_REFUSED')
    assert.equal(stranger.events, [])
  }),
)

test(
  'a member that is revoked while it is connected is cut, and gets not one byte when it comes back',
  deadline(20_000, async () => {
    const a = await node('127.1.8.1')
    const { address, said, closed } = await tap(a.net.addresses[0] as string, '127.1.8.9')
    const key = generateNodeKey()
    members.add(nodeIdOf(key))
    // What it lets in itself is its own affair.
    const bad = await node('127.1.8.2', { key, open: true })
    await bad.net.connect(a.net.self, [address])
    await eventually(() => a.net.isConnected(bad.net.self))
    members.delete(bad.net.self)
    await a.net.disconnect(bad.net.self)
    await eventually(() => closed[0], 5_000, 'the connection to be cut')
    await bad.net.connect(a.net.self, [address]).catch(() => undefined)
    await eventually(() => closed.length > 1 && closed.at(-1))
    for (const each of said.slice(1)) assert.is(beyondHandshake(each), 0)
    assert.not(a.net.isConnected(bad.net.self))
  }),
)

test(
  'a peer that does not take part in closing is cut all the same',
  deadline(20_000, async () => {
    const a = await node('127.1.8.1')
    const b = await node('127.1.8.2')
    const { address, closed, freeze } = await tap(a.net.addresses[0] as string, '127.1.8.9')
    await b.net.connect(a.net.self, [address])
    await eventually(() => a.net.isConnected(b.net.self))
    freeze()
    members.delete(b.net.self)
    const leaving = a.net.disconnect(b.net.self)
    assert.not(a.net.isConnected(b.net.self), 'no frame is taken or sent from now on')
    await eventually(() => closed[0], 5_000, 'the connection to be cut')
    await leaving
  }),
)

test(
  'who connects and says nothing is cut when its time is over',
  deadline(20_000, async () => {
    const a = await node('127.1.8.1', { handshakeTimeoutMs: 300 })
    const [host, port] = (a.net.addresses[0] as string).split(':') as [string, string]
    const mute = connect(Number(port), host)
    mute.on('error', () => undefined)
    mute.resume()
    await new Promise((resolve) => mute.once('close', resolve))
    const b = await node('127.1.8.2')
    await b.net.connect(a.net.self, a.net.addresses)
  }),
)

test(
  'more inbound connections in a second than are taken are closed before they can say anything',
  deadline(30_000, async () => {
    const a = await node('127.1.8.1')
    const [host, port] = (a.net.addresses[0] as string).split(':') as [string, string]
    const count = 4 * netLimits.inboundPerSecondMax
    let cut = 0
    const sockets: Socket[] = Array.from({ length: count }, () => {
      const socket = connect(Number(port), host)
      socket.on('error', () => undefined)
      socket.on('close', () => cut++)
      return socket.resume()
    })
    // The burst may straddle the end of a second.
    await eventually(() => cut >= count - 2 * netLimits.inboundPerSecondMax)
    for (const socket of sockets) socket.destroy()
    const b = await node('127.1.8.2')
    await eventually(() =>
      b.net.connect(a.net.self, a.net.addresses).then(
        () => true,
        () => false,
      ),
    )
  }),
)

test('a flood from elsewhere does not use up the share of hosts where members are', async () => {
  const clock = new SimClock()
  const limit = new InboundLimit({ clock }, { isMember: (id) => id !== 'gone' })
  limit.note('a', ['10.0.0.1:7400', '[2001:db8::1]:7400'])
  limit.note('gone', ['10.0.0.9:7400'])
  const max = netLimits.inboundPerSecondMax
  const taken = (remote: string | undefined, times: number): number =>
    Array.from({ length: times }, () => limit.isTooMany(remote)).filter((tooMany) => !tooMany).length
  assert.is(taken('192.0.2.1:5555', 3 * max), max)
  assert.is(taken(undefined, 5), 0)
  assert.is(taken('10.0.0.9:6', 5), 0, 'who was revoked is a stranger')
  assert.is(taken('10.0.0.1:6', 5) + taken('[2001:db8::1]:9', 5), 10)
  assert.is(taken('10.0.0.1:6', 2 * max), max - 10, 'members have a limit too')
  await clock.advance(1_000)
  assert.is(taken('192.0.2.1:5555', 2), 2)
})

test.run()

import { errorCode } from '@thor-node/core'
import { deadline, SimClock, SimRandom } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isConnectionRefused } from '../../src/errors.ts'
import { MemoryNetwork, type MemoryPeerNet } from '../../src/kad/memory.ts'

const test = suite('overlay: network in memory')

interface Peer {
  net: MemoryPeerNet
  seen: string[]
}

function world(names: readonly string[], seed = 1): { clock: SimClock; network: MemoryNetwork; peers: Peer[] } {
  const clock = new SimClock()
  const network = new MemoryNetwork({ clock, random: new SimRandom(seed) })
  return { clock, network, peers: names.map((name) => addPeer(network, name)) }
}

function addPeer(network: MemoryNetwork, name: string): Peer {
  const net = network.mint(name)
  const seen: string[] = []
  net.listener = {
    onFrame: (from, frame) => seen.push(`${from}:${Buffer.from(frame).toString()}`),
    onConnected: (peer) => seen.push(`+${peer}`),
    onDisconnected: (peer) => seen.push(`-${peer}`),
  }
  return { net, seen }
}

async function finish<T>(clock: SimClock, promise: Promise<T>): Promise<T> {
  let done = false
  const mark = () => {
    done = true
  }
  promise.then(mark, mark)
  for (let i = 0; i < 10_000 && !done; i++) if (!(await clock.step())) await clock.advance(1)
  return promise
}

const codeOf = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => undefined,
    (error) => errorCode(error),
  )

test(
  'frames of a pair arrive once, in order, on both sides of one connection',
  deadline(5_000, async () => {
    const { clock, peers } = world(['a', 'b'])
    const [a, b] = peers as [Peer, Peer]
    await Promise.all(peers.map((peer) => peer.net.start()))
    await finish(clock, a.net.connect('b', []))
    await a.net.connect('b', [])
    for (let i = 0; i < 50; i++) assert.ok(a.net.send('b', Buffer.from(`${i}`)))
    b.net.send('a', Buffer.from('back'))
    await clock.advance(100)
    assert.equal(b.seen, ['+a', ...Array.from({ length: 50 }, (_, i) => `a:${i}`)])
    assert.equal(a.seen, ['+b', 'b:back'])
    await a.net.stop()
    await clock.advance(100)
    assert.equal(b.seen.at(-1), '-a')
    assert.is(a.net.send('b', Buffer.from('late')), false)
    assert.is(clock.armed, 0)
  }),
)

test(
  'a dial to a process that is gone is refused, to a machine that is gone times out, to a gate is refused',
  deadline(5_000, async () => {
    const { clock, network, peers } = world(['a', 'b', 'c', 'd'])
    const [a] = peers as [Peer]
    await Promise.all(peers.map((peer) => peer.net.start()))
    network.crash('b')
    network.crash('c', { power: true })
    network.refuse('d', 'a')
    const gone = await finish(
      clock,
      a.net.connect('b', []).catch((error) => error),
    )
    assert.is(errorCode(gone), 'OVERLAY_UNREACHABLE')
    assert.ok(isConnectionRefused(gone))
    const silent = await finish(
      clock,
      a.net.connect('c', []).catch((error) => error),
    )
    assert.is(errorCode(silent), 'OVERLAY_UNREACHABLE')
    assert.not(isConnectionRefused(silent))
    assert.is(await finish(clock, codeOf(a.net.connect('d', []))), 'OVERLAY_REFUSED')
  }),
)

test(
  'a crash shows at the peers, and a new process is a new connection',
  deadline(5_000, async () => {
    const { clock, network, peers } = world(['a', 'b'])
    const [a] = peers as [Peer]
    await Promise.all(peers.map((peer) => peer.net.start()))
    await finish(clock, a.net.connect('b', []))
    a.net.send('b', Buffer.from('lost'))
    network.crash('b')
    await clock.advance(100)
    assert.equal(a.seen, ['+b', '-b'])
    const again = addPeer(network, 'b')
    await again.net.start()
    await finish(clock, a.net.connect('b', []))
    a.net.send('b', Buffer.from('hello'))
    await clock.advance(100)
    assert.equal(again.seen, ['+a', 'a:hello'])
  }),
)

test(
  'a partition swallows frames and breaks the connection in the end; healing lets it be made anew',
  deadline(5_000, async () => {
    const { clock, network, peers } = world(['a', 'b', 'c'])
    const [a, b, c] = peers as [Peer, Peer, Peer]
    await Promise.all(peers.map((peer) => peer.net.start()))
    await finish(clock, Promise.all([a.net.connect('b', []), a.net.connect('c', [])]))
    network.partition([['a', 'c'], ['b']])
    assert.ok(a.net.send('b', Buffer.from('x')), 'TCP takes it')
    a.net.send('c', Buffer.from('y'))
    await clock.advance(9_000)
    assert.equal(b.seen, ['+a'])
    assert.equal(c.seen, ['+a', 'a:y'])
    await clock.advance(2_000)
    assert.equal(b.seen, ['+a', '-a'])
    network.heal()
    await finish(clock, b.net.connect('a', []))
    b.net.send('a', Buffer.from('z'))
    await clock.advance(10)
    assert.is(a.seen.at(-1), 'b:z')
  }),
)

test(
  'a cut of one direction lets the other pass',
  deadline(5_000, async () => {
    const { clock, network, peers } = world(['a', 'b'])
    const [a, b] = peers as [Peer, Peer]
    await Promise.all(peers.map((peer) => peer.net.start()))
    await finish(clock, a.net.connect('b', []))
    network.cut('a', 'b')
    a.net.send('b', Buffer.from('x'))
    b.net.send('a', Buffer.from('y'))
    await clock.advance(10)
    assert.equal(b.seen, ['+a'])
    assert.is(a.seen.at(-1), 'b:y')
  }),
)

test(
  'a paused node hears everything when it goes on',
  deadline(5_000, async () => {
    const { clock, network, peers } = world(['a', 'b'])
    const [a, b] = peers as [Peer, Peer]
    await Promise.all(peers.map((peer) => peer.net.start()))
    await finish(clock, a.net.connect('b', []))
    network.pause('b')
    a.net.send('b', Buffer.from('1'))
    a.net.send('b', Buffer.from('2'))
    b.net.send('a', Buffer.from('3'))
    await clock.advance(5_000)
    assert.equal(b.seen, ['+a'])
    assert.equal(a.seen, ['+b'])
    network.resume('b')
    await clock.advance(10)
    assert.equal(b.seen, ['+a', 'a:1', 'a:2'])
    assert.equal(a.seen, ['+b', 'b:3'])
  }),
)

test(
  'what waits for one peer is limited',
  deadline(5_000, async () => {
    const { clock, network, peers } = world(['a', 'b'])
    const [a] = peers as [Peer]
    await Promise.all(peers.map((peer) => peer.net.start()))
    await finish(clock, a.net.connect('b', []))
    network.pause('b')
    const frame = new Uint8Array(4 * 1024 * 1024)
    assert.equal(
      [1, 2, 3, 4, 5].map(() => a.net.send('b', frame)),
      [true, true, true, true, false],
    )
    assert.is(a.net.send('b', new Uint8Array(frame.length + 1)), false)
  }),
)

test(
  'the same seed gives the same delays and losses',
  deadline(5_000, async () => {
    const run = async (seed: number): Promise<string[]> => {
      const { clock, network, peers } = world(['a', 'b'], seed)
      const [a, b] = peers as [Peer, Peer]
      await Promise.all(peers.map((peer) => peer.net.start()))
      await finish(clock, a.net.connect('b', []))
      network.links.lossRate = 0.3
      for (let i = 0; i < 40; i++) a.net.send('b', Buffer.from(`${i}`))
      await clock.advance(1_000)
      return b.seen
    }
    const one = await run(7)
    assert.equal(one, await run(7))
    assert.not.equal(one, await run(8))
    assert.ok(one.length < 41)
  }),
)

test.run()

import { silentLogger, ThorError } from '@thor-node/core'
import { deadline, SimClock, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { NodeId, PeerListener, PeerNet } from '../../src/peers.ts'
import { decode, encode, WIRE_VERSION } from '../../src/rpc/messages.ts'
import { PeerRpc, type PeerRpcInit } from '../../src/rpc/rpc.ts'

const test = suite('rpc: requests between members')

/** Two peers, joined by a wire that can be cut and clogged. */
class Wire implements PeerNet {
  readonly self: NodeId
  listener: PeerListener | undefined
  other: Wire | undefined
  isUp = true
  isClogged = false

  constructor(self: NodeId) {
    this.self = self
  }

  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async connect(): Promise<void> {}
  async disconnect(): Promise<void> {}
  isConnected(): boolean {
    return this.isUp
  }

  send(_to: NodeId, frame: Uint8Array): boolean {
    if (!this.isUp || this.isClogged) return false
    const copy = frame.slice()
    queueMicrotask(() => this.other?.listener?.onFrame(this.self, copy))
    return true
  }

  cut(): void {
    this.isUp = false
    this.listener?.onDisconnected(this.other?.self ?? '')
  }
}

function pair(init: PeerRpcInit = {}) {
  const clock = new SimClock()
  const [wireA, wireB] = [new Wire('a'), new Wire('b')]
  wireA.other = wireB
  wireB.other = wireA
  const a = new PeerRpc({ peers: wireA, clock, log: silentLogger }, init)
  const b = new PeerRpc({ peers: wireB, clock, log: silentLogger }, init)
  return { clock, wireA, wireB, a, b }
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: { code: string }) => error.code,
  )

const bodies: unknown[] = [
  undefined,
  null,
  0,
  -1.5,
  2 ** 50,
  true,
  '',
  'ü',
  [],
  {},
  { a: [1, { b: undefined }], c: Buffer.from([1, 2]) },
]

test(
  'a body arrives as it was sent, at another node and at the own one',
  deadline(5_000, async () => {
    const { a, b } = pair()
    a.serve('echo', (body) => body)
    b.serve('echo', (body) => body)
    for (const body of bodies) {
      assert.equal(await a.call('b', 'echo', body), body)
      assert.equal(await a.call('a', 'echo', body), body)
    }
  }),
)

test(
  'the handler knows who asks, and shares no object with the caller',
  deadline(5_000, async () => {
    const { a } = pair()
    const sent = { list: [1] }
    a.serve('change', (body: { list: number[] }, from) => {
      body.list.push(2)
      return from
    })
    assert.is(await a.call('a', 'change', sent), 'a')
    assert.equal(sent, { list: [1] })
  }),
)

test(
  'codes travel; what has no code becomes RPC_FAILED',
  deadline(5_000, async () => {
    const { a, b } = pair()
    b.serve('coded', () => {
      throw new ThorError('STORE_CONFLICT', 'lost')
    })
    b.serve('broken', async () => {
      throw new TypeError('oops')
    })
    b.serve('unpackable', () => () => 1)
    assert.is(await codeOf(a.call('b', 'coded', 1)), 'STORE_CONFLICT')
    assert.is(await codeOf(a.call('b', 'broken', 1)), 'RPC_FAILED')
    assert.is(await codeOf(a.call('b', 'nothing', 1)), 'RPC_UNKNOWN_METHOD')
    assert.is(await codeOf(a.call('a', 'nothing', 1)), 'RPC_UNKNOWN_METHOD')
  }),
)

test(
  'no answer in time is RPC_TIMEOUT, and a late answer is dropped',
  deadline(5_000, async () => {
    const { clock, a, b } = pair()
    const { promise, resolve: finish } = Promise.withResolvers<number>()
    b.serve('slow', () => promise)
    const code = codeOf(a.call('b', 'slow', 1, { timeoutMs: 500 }))
    await clock.advance(499)
    assert.is(a.snapshot()[0]?.calls, 1)
    await clock.advance(1)
    assert.is(await code, 'RPC_TIMEOUT')
    finish(1)
    await settle()
    assert.is(a.snapshot()[0]?.calls, 0)
    assert.is(clock.armed, 0)
  }),
)

test(
  'a lost connection fails the calls that wait, at once',
  deadline(5_000, async () => {
    const { clock, wireA, a, b } = pair()
    b.serve('hang', () => new Promise(() => undefined))
    const codes = Promise.all([codeOf(a.call('b', 'hang', 1)), codeOf(a.call('b', 'hang', 2))])
    await settle()
    wireA.cut()
    assert.equal(await codes, ['RPC_NOT_CONNECTED', 'RPC_NOT_CONNECTED'])
    assert.is(await codeOf(a.call('b', 'hang', 3)), 'RPC_NOT_CONNECTED')
    assert.is(clock.armed, 0)
  }),
)

test(
  'calls, handlers, queues and bodies have limits with an answer each',
  deadline(5_000, async () => {
    const { wireA, a, b } = pair({ callsPerPeerMax: 3, handlersPerPeerMax: 2, frameBytesMax: 1_000 })
    b.serve('hang', () => new Promise(() => undefined))
    b.serve('long', () => 'x'.repeat(2_000))
    void a.call('b', 'hang', 1).catch(() => undefined)
    await settle()
    assert.is(await codeOf(a.call('b', 'long', 1)), 'RPC_TOO_LARGE')
    assert.is(await codeOf(a.call('b', 'hang', 'x'.repeat(2_000))), 'RPC_TOO_LARGE')
    void a.call('b', 'hang', 2).catch(() => undefined)
    await settle()
    assert.is(await codeOf(a.call('b', 'hang', 3)), 'RPC_OVERLOADED')
    wireA.isClogged = true
    assert.is(await codeOf(a.call('b', 'hang', 4)), 'RPC_OVERLOADED')
    wireA.isClogged = false
    assert.is(a.snapshot()[0]?.calls, 2)
    void a.call('b', 'hang', 5).catch(() => undefined)
    assert.is(await codeOf(a.call('b', 'hang', 6)), 'RPC_OVERLOADED')
  }),
)

test(
  'requests that run may hold so many bytes; one more is refused, and taken again when they have ended',
  deadline(5_000, async () => {
    const { a, b } = pair({ handlerBytesPerPeerMax: 2_000 })
    const ends: (() => void)[] = []
    b.serve('hold', () => new Promise<void>((resolve) => ends.push(resolve)))
    const held = [a.call('b', 'hold', 'x'.repeat(1_500)), a.call('b', 'hold', 'x'.repeat(1_500))]
    await settle()
    assert.is(await codeOf(a.call('b', 'hold', 'x')), 'RPC_OVERLOADED')
    a.notify('b', 'hold', 'x')
    await settle()
    assert.is(ends.length, 2, 'a notification is dropped')
    for (const end of ends.splice(0)) end()
    await Promise.all(held)
    const again = a.call('b', 'hold', 'x')
    await settle()
    assert.is(ends.length, 1)
    ends[0]?.()
    await again
    assert.equal(b.snapshot(), [])
  }),
)

test(
  'a notification asks for nothing, whatever happens to it',
  deadline(5_000, async () => {
    const { wireA, a, b } = pair()
    const heard: unknown[] = []
    b.serve('news', (body) => void heard.push(body))
    b.serve('bad', () => {
      throw new Error('no')
    })
    a.notify('b', 'news', { n: 1 })
    a.notify('b', 'bad', {})
    a.notify('b', 'unknown', {})
    await settle()
    assert.equal(heard, [{ n: 1 }])
    wireA.cut()
    a.notify('b', 'news', { n: 2 })
    await settle()
    assert.is(heard.length, 1)
  }),
)

test(
  'frames that are no messages are dropped and harm nobody',
  deadline(5_000, async () => {
    const { wireA, wireB, a, b } = pair()
    b.serve('echo', (body) => body)
    const valid = encode({ type: 'request', id: 1, method: 'echo', body: 'x' })
    const otherVersion: Uint8Array = Uint8Array.from(valid)
    otherVersion[0] = WIRE_VERSION + 1
    const frames = [
      new Uint8Array(0),
      Uint8Array.of(1),
      Uint8Array.of(1, 0xc1),
      Uint8Array.of(1, 0x91, 9),
      otherVersion,
    ]
    for (let end = 1; end < valid.length; end++) frames.push(valid.subarray(0, end))
    for (const frame of frames) {
      assert.is(decode(frame), undefined)
      wireA.send('b', frame)
    }
    wireB.send('a', encode({ type: 'answer', id: 999, body: 1 }))
    await settle()
    assert.is(await a.call('b', 'echo', 'still here'), 'still here')
  }),
)

test('serving a method twice is a mistake', () => {
  const { a } = pair()
  a.serve('one', () => 1)
  assert.throws(() => a.serve('one', () => 2))
})

test(
  'listeners of connections are told, and one that fails stops no other',
  deadline(5_000, async () => {
    const { wireA, a } = pair()
    const seen: string[] = []
    a.onDisconnected(() => {
      throw new Error('mine')
    })
    const end = a.onDisconnected((peer) => void seen.push(`-${peer}`))
    a.onConnected((peer) => void seen.push(`+${peer}`))
    wireA.listener?.onConnected('b')
    wireA.cut()
    end()
    wireA.cut()
    assert.equal(seen, ['+b', '-b'])
  }),
)

test.run()

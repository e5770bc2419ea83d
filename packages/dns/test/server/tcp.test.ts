/** One connection over TCP, seen from inside: what it does between two looks at what has come in. */
import type { TcpConnection } from '@thor-node/core'
import { Slices, systemClock } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { TRANSFER_SLICE_MS } from '../../src/limits.ts'
import { TcpQueries } from '../../src/server/tcp.ts'
import { TYPE } from '../../src/wire/codes.ts'
import { queryBytes } from '../fixtures.ts'

const test = suite('dns: queries over tcp')
const TRANSFER = 200
const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

/** A peer that takes everything, or nothing when it is `full`, and a clock on which each look takes a millisecond. */
function scene() {
  let now = 0
  const slices = new Slices({ clock: { now: () => now++ } }, { sliceMs: TRANSFER_SLICE_MS })
  const open = () => {
    const peer = { written: 0, full: false, paused: false, running: 0 }
    const on: Record<string, (bytes?: Buffer) => void> = {}
    const connection = {
      remote: { host: '192.0.2.1', port: 1 },
      write: () => {
        peer.written++
        return !peer.full
      },
      pause: () => {
        peer.paused = true
      },
      resume: () => {
        peer.paused = false
      },
      destroy: () => on.close?.(),
      onData: (fn: () => void) => Object.assign(on, { data: fn }),
      onDrain: (fn: () => void) => Object.assign(on, { drain: fn }),
      onClose: (fn: () => void) => Object.assign(on, { close: fn }),
    } as unknown as TcpConnection
    const transfer = () => {
      peer.running++
      const done = (): void => {
        peer.running--
      }
      return { messages: Array.from({ length: TRANSFER }, () => Buffer.alloc(8)).values(), done }
    }
    const handler = { answer: () => Buffer.alloc(8), transfer }
    new TcpQueries({ connection, handler, clock: systemClock, slices }, () => undefined)
    const query = queryBytes('big.example', TYPE.AXFR)
    const ask = (): void => on.data?.(Buffer.concat([Buffer.of(0, query.length), query]))
    return { peer, ask, drain: () => on.drain?.(), close: () => on.close?.() }
  }
  return { open }
}

test(
  'transfers together take one slice between two looks at what has come in',
  deadline(5_000, async () => {
    const { open } = scene()
    const all = Array.from({ length: 4 }, open)
    for (const { ask } of all) ask()
    const sum = (): number => all.reduce((total, { peer }) => total + peer.written, 0)
    let before = sum()
    let turns = 0
    while (all.some(({ peer }) => peer.running > 0)) {
      await turn()
      turns++
      assert.ok(sum() - before <= TRANSFER_SLICE_MS + 1, `${sum() - before} messages in one turn`)
      before = sum()
    }
    assert.is(sum(), all.length * TRANSFER)
    assert.ok(turns >= (all.length * TRANSFER) / (TRANSFER_SLICE_MS + 1) - all.length)
    for (const { close } of all) close()
  }),
)

test(
  'what is asked during a transfer waits outside until it is over, also when the peer takes something between two slices',
  deadline(5_000, async () => {
    const { peer, ask, drain, close } = scene().open()
    ask()
    const begun = peer.written
    assert.ok(peer.paused && begun > 0 && begun < TRANSFER)
    drain()
    assert.ok(peer.paused)
    assert.is(peer.written, begun, 'it is not its turn')
    while (peer.running > 0) await turn()
    assert.is(peer.written, TRANSFER)
    assert.not(peer.paused)
    close()
  }),
)

test(
  'a peer that takes nothing is not written to until it does, and one that goes ends its transfer',
  deadline(5_000, async () => {
    const { peer, ask, drain, close } = scene().open()
    peer.full = true
    ask()
    for (let turns = 0; turns < 20; turns++) await turn()
    assert.is(peer.written, 1)
    peer.full = false
    drain()
    await turn()
    assert.ok(peer.written > 1 && peer.running === 1)
    close()
    const after = peer.written
    for (let turns = 0; turns < 20; turns++) await turn()
    assert.equal([peer.written, peer.running], [after, 0])
  }),
)

test.run()

import { errorCode, ThorError } from '@thor-node/core'
import { SimClock, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Rpc } from '../../src/rpc/contract.ts'
import { transferLimits } from '../../src/store/limits.ts'
import { sizeOf, Transfer } from '../../src/store/transfer.ts'

const test = suite('overlay: transfer of chunks')

const { chunkBytesMax, windowChunks, chunksAskedMax, backlogBytesMax, chunkTimeoutMs } = transferLimits

/** An RPC whose calls end when the test says so. */
class HeldRpc implements Rpc {
  readonly open: { to: string; body: unknown; end(answer: unknown): void; fail(error: Error): void }[] = []
  call<A>(to: string, _method: string, body: unknown): Promise<A> {
    return new Promise<A>((resolve, reject) => {
      this.open.push({ to, body, end: (answer) => resolve(answer as A), fail: reject })
    })
  }
  notify(): void {}
  serve(): void {}
}

test('at most four chunks are asked for at one sender; each answer or failure lets the next one go', async () => {
  const clock = new SimClock()
  const rpc = new HeldRpc()
  const transfer = new Transfer({ clock, rpc })
  const outcomes: string[] = []
  for (let i = 0; i < 7; i++) {
    transfer.fetch('a', 'x', { i }, false).then(
      () => outcomes.push('ok'),
      () => outcomes.push('failed'),
    )
  }
  void transfer.fetch('b', 'x', {}, true)
  await clock.advance(1_000)
  assert.is(rpc.open.filter(({ to }) => to === 'a').length, windowChunks)
  assert.equal(
    rpc.open.filter(({ to }) => to === 'b').map(({ body }) => body),
    [{ urgent: true }],
  )
  rpc.open[0]?.end(new Uint8Array(10))
  rpc.open[1]?.fail(new ThorError('RPC_TIMEOUT', 'x'))
  await clock.advance(1_000)
  assert.equal(outcomes, ['ok', 'failed'])
  assert.is(rpc.open.filter(({ to }) => to === 'a').length, windowChunks + 2)
})

test('both ways are paced: half a second for 4 MB, whatever is asked at once', async () => {
  const clock = new SimClock()
  const transfer = new Transfer({ clock, rpc: new HeldRpc() })
  let given = 0
  const count = Math.ceil(4_000_000 / chunkBytesMax)
  for (let i = 0; i < count; i++) {
    void transfer.give(`n${i}`, false, () => new Uint8Array(chunkBytesMax)).then(() => given++)
  }
  await clock.advance(250)
  assert.ok(given > count * 0.4 && given < count * 0.65, `${given} of ${count}`)
  await clock.advance(300)
  assert.is(given, count)
  assert.ok(transfer.snapshot().outBytes >= 4_000_000)
})

test('nothing is read for a receiver that takes nothing; others go on; in the end the request is refused', async () => {
  const clock = new SimClock()
  const backlog = new Map([['slow', backlogBytesMax + 1]])
  const transfer = new Transfer({ clock, rpc: new HeldRpc(), backlogBytes: (to) => backlog.get(to) ?? 0 })
  let reads = 0
  const read = () => {
    reads++
    return 'chunk'
  }
  const held = transfer.give('slow', false, read)
  let outcome: unknown
  held.catch((error: unknown) => {
    outcome = errorCode(error)
  })
  const quick = transfer.give('quick', false, () => 'chunk')
  await clock.advance(100)
  assert.is(await quick, 'chunk')
  assert.is(reads, 0)
  await clock.advance(chunkTimeoutMs)
  assert.is(outcome, 'STORE_OVERLOADED')
  const again = transfer.give('slow', false, read)
  await clock.advance(50)
  backlog.set('slow', 0)
  await clock.advance(50)
  assert.is(await again, 'chunk')
  assert.is(reads, 1)
})

test('requests of one receiver beyond the limit are refused with nothing read, and one chunk is built at a time', async () => {
  const clock = new SimClock()
  const transfer = new Transfer({ clock, rpc: new HeldRpc() })
  let building = 0
  let most = 0
  const gates: (() => void)[] = []
  const read = async () => {
    building++
    most = Math.max(most, building)
    await new Promise<void>((resolve) => gates.push(resolve))
    building--
    return new Uint8Array(chunkBytesMax)
  }
  const all = Array.from({ length: chunksAskedMax + 3 }, () => transfer.give('a', false, read).catch(errorCode))
  await clock.advance(100)
  for (let i = 0; i < chunksAskedMax; i++) {
    gates[i]?.()
    await settle()
    await clock.advance(100)
  }
  const answers = await Promise.all(all)
  assert.is(answers.filter((answer) => answer === 'STORE_OVERLOADED').length, 3)
  assert.is(most, 1)
  const { buildingMost, building: now, refused } = transfer.snapshot()
  assert.ok(buildingMost <= chunkBytesMax + 16, `${buildingMost}`)
  assert.is(now, 0)
  assert.is(refused, 3)
})

test('sizes are counted about as they are packed', () => {
  assert.ok(Math.abs(sizeOf(new Uint8Array(1_000)) - 1_000) < 10)
  const records = Array.from({ length: 100 }, (_, i) => [i, `name${i}`, [['sub', 1, 2, 3, new Uint8Array(100), 0]]])
  assert.ok(Math.abs(sizeOf({ records }) - 13_500) < 2_000, `${sizeOf({ records })}`)
})

test.run()

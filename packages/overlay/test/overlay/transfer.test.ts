import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { transferLimits } from '../../src/store/limits.ts'
import { OverlayRing, placeIn, type RingNode, ringKey } from './ring.fixture.ts'

const test = suite('overlay: moving a large range')

/** As many at once as a copy works on. */
const LARGE = [9, 10, 11, 12]
const RECORDS = 1_500
const BODY = 'x'.repeat(600)
/** The link of the slow node. */
const SLOW = 1_000_000

interface Copies {
  transfer: { inBytes: number; outBytes: number; building: number; buildingMost: number }
}

const copies = ({ overlay }: RingNode): Copies['transfer'] => (overlay.snapshot() as unknown as Copies).transfer

/** As many records of each kind, all in a few ranges. */
async function fill(ring: OverlayRing, node: RingNode): Promise<void> {
  const { reg, set, soft } = node.overlay.store
  const places = LARGE.map((range) => placeIn(range))
  const key = (kind: string, i: number) => {
    const place = places[i % places.length] as string
    return { ...ringKey(kind, place), name: `${kind}/${place}/${i}` }
  }
  const writes = Array.from({ length: RECORDS }, (_, i) => [
    () => reg.change(key('acct', i), 'x', () => ({ body: BODY, result: 0 })),
    () => set.put(key('note', i), BODY),
    () => soft.put(key('loc', i), { sub: 's', body: BODY, ttlMs: 86_400_000 }),
  ]).flat()
  for (let at = 0; at < writes.length; at += 300) {
    await ring.run(Promise.all(writes.slice(at, at + 300).map((write) => write())))
  }
}

/** Round trips of a small request, milliseconds of simulated time. */
function watch(ring: OverlayRing, from: RingNode, to: RingNode): { worst: number; failed: number; stop(): void } {
  const seen = { worst: 0, failed: 0, stop: () => {} }
  let on = true
  const loop = async (): Promise<void> => {
    while (on) {
      const began = ring.clock.now()
      await from.overlay.rpc.call(to.id, 'range.get', { ranges: [1] }).catch(() => seen.failed++)
      seen.worst = Math.max(seen.worst, ring.clock.now() - began)
      await new Promise<void>((resolve) => ring.clock.after(20, resolve))
    }
  }
  void loop()
  seen.stop = () => {
    on = false
  }
  return seen
}

test(
  'a node behind a slow line fills a large range: nobody else waits, nothing piles up, and killed midway it goes on',
  deadline(120_000, async () => {
    const ring = new OverlayRing(5, { changes: { deadNodeAfterMs: 3_600_000, newNodeAfterMs: 3_600_000 } })
    const nodes = await ring.form(3)
    const [a, b, c] = nodes as [RingNode, RingNode, RingNode]
    const { gone: others, left: slow } = { gone: [a, b], left: c }
    // The slow one misses everything: its copy must be filled afterwards.
    ring.kill(slow)
    await ring.clock.advance(15_000)
    await fill(ring, a)
    const setBandwidth = (): void => {
      for (const node of others) ring.network.links.setBandwidth(node.id, slow.id, SLOW)
    }
    setBandwidth()
    const backlog = { most: 0 }
    const look = (): void => {
      for (const node of others) {
        backlog.most = Math.max(backlog.most, ring.network.links.waitingBytes(node.id, slow.id))
      }
    }
    await ring.run(ring.boot(slow))
    const [among, toSlow] = [watch(ring, a, b), watch(ring, a, slow)]
    const digests = async (node: RingNode): Promise<string[]> => {
      const kinds = ['reg', 'set', 'soft'] as const
      return ring.run(Promise.all(LARGE.flatMap((range) => kinds.map((kind) => node.overlay.digest(kind, range)))))
    }
    const until = ring.clock.now() + 120_000
    // About a third of it.
    while (copies(slow).inBytes < RECORDS * 600 && ring.clock.now() < until) {
      await ring.clock.advance(5)
      look()
    }
    toSlow.stop()
    const first = copies(slow).inBytes
    assert.ok(toSlow.worst < 300, `a request to the slow node took ${toSlow.worst} ms`)
    ring.kill(slow)
    await ring.clock.advance(1_000)
    await ring.run(ring.boot(slow))
    setBandwidth()
    const wanted = await digests(a)
    let equal = false
    while (!equal && ring.clock.now() < until) {
      for (let i = 0; i < 40; i++) {
        await ring.clock.advance(5)
        look()
      }
      equal = slow.overlay.caughtUp && String(await digests(slow)) === String(wanted)
    }
    assert.ok(equal, 'the copy became complete')
    among.stop()
    assert.is(among.failed, 0)
    assert.ok(among.worst < 50, `a request between the others took ${among.worst} ms`)
    const { chunkBytesMax, backlogBytesMax } = transferLimits
    assert.ok(backlog.most < 2 * chunkBytesMax + backlogBytesMax, `${backlog.most} bytes waited on one line`)
    for (const node of others) {
      const { building, buildingMost } = copies(node)
      assert.is(building, 0)
      assert.ok(buildingMost < 2 * chunkBytesMax, `${buildingMost} bytes of chunks at once`)
    }
    // What had come was not fetched again: expiring entries alone live in memory, and the disk has them 10 s late.
    const whole = RECORDS * 3 * 660
    assert.ok(first + copies(slow).inBytes < whole * 1.5, `${first} + ${copies(slow).inBytes} of about ${whole}`)
    await ring.stop()
  }),
)

test.run()

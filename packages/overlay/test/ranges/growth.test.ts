import type { RecordKey } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { voters } from '../../src/ranges/config.ts'
import { RANGES, ringKey, TestRing } from './ring.fixture.ts'

const test = suite('overlay: growth of a ring')

const keys: RecordKey[] = Array.from({ length: 12 }, (_, i) => ringKey('count', `k${i}@example.com`))

interface Count {
  n: number
}

/** Adds 1 to random registers through random nodes, one after the other, and remembers what was acknowledged. */
class Counter {
  readonly acknowledged = new Map<RecordKey, number>()
  readonly unknown = new Map<RecordKey, number>()
  refused = 0
  #running = true
  #loops: Promise<void>[] = []

  constructor(ring: TestRing, workers: number) {
    for (let worker = 0; worker < workers; worker++) this.#loops.push(this.#loop(ring, worker))
  }

  async #loop(ring: TestRing, worker: number): Promise<void> {
    for (let op = 0; this.#running; op++) {
      const nodes = [...ring.nodes.values()].filter((node) => node.configs.unknown === 0)
      const node = nodes[ring.random.int(nodes.length)]
      const key = keys[ring.random.int(keys.length)] as RecordKey
      if (!node) throw new Error('no node')
      try {
        await node.reg.change<Count, number>(key, `${worker}-${op}`, (current) => {
          const n = (current?.body.n ?? 0) + 1
          return { body: { n }, result: n }
        })
        this.acknowledged.set(key, (this.acknowledged.get(key) ?? 0) + 1)
      } catch (error) {
        const { code } = error as { code: string }
        if (code === 'STORE_UNKNOWN') this.unknown.set(key, (this.unknown.get(key) ?? 0) + 1)
        else if (code === 'STORE_UNAVAILABLE') this.refused++
        else throw error
      }
      await new Promise<void>((resolve) => ring.clock.after(1 + ring.random.int(10), resolve))
    }
  }

  async stop(ring: TestRing): Promise<void> {
    this.#running = false
    // Operations of a process that was killed never end.
    await ring.run(
      Promise.race([Promise.all(this.#loops), new Promise((end) => ring.clock.after(5_000, () => end(0)))]),
    )
  }

  get total(): number {
    return [...this.acknowledged.values()].reduce((sum, n) => sum + n, 0)
  }

  /** Every acknowledged change is there once, seen from every node. */
  async check(ring: TestRing): Promise<void> {
    for (const node of ring.nodes.values())
      for (const key of keys) {
        const value = await ring.run(node.reg.read<Count>(key, 'strict'))
        const n = value?.body.n ?? 0
        const least = this.acknowledged.get(key) ?? 0
        const most = least + (this.unknown.get(key) ?? 0)
        assert.ok(
          n >= least && n <= most,
          `${key.name} at ${node.id}: ${n}, acknowledged ${least}, unknown ${most - least}`,
        )
        assert.is(value?.rev ?? 0, n)
      }
  }
}

test(
  'no acknowledged change is lost while a ring grows from one to four nodes and one leaves',
  deadline(60_000, async () => {
    const ring = new TestRing(7, { limits: { newNodeAfterMs: 500 } })
    await ring.start('a', { genesis: true })
    const counter = new Counter(ring, 4)
    for (const [id, copies] of [
      ['b', 2],
      ['c', 3],
    ] as const) {
      await ring.start(id)
      const took = await ring.until(() => ring.isStable(copies), 20_000, `${copies} copies`)
      assert.ok(took < 5_000, `${copies} copies after ${took} ms`)
    }
    await ring.start('d')
    await ring.until(
      () => ring.isStable(3) && (ring.nodes.get('d')?.view.counts().held ?? 0) > RANGES * 0.6,
      60_000,
      'a fair share for the fourth node',
    )
    const b = ring.nodes.get('b')
    await ring.run(b?.balancer.leave() ?? Promise.reject(new Error('no b')))
    assert.is(b?.view.counts().held, 0)
    await counter.stop(ring)
    assert.ok(ring.isStable(3))
    assert.ok([...ring.nodes.values()].every(({ configs }) => configs.all().every((c) => !voters(c).includes('b'))))
    assert.ok(counter.total > 300, `${counter.total} changes`)
    await counter.check(ring)
    await ring.stop()
  }),
)

test(
  'one of three may die and come back; nothing is lost, nothing is doubled',
  deadline(60_000, async () => {
    // More than one page of configs.
    const ring = new TestRing(8, { ranges: 1_500 })
    for (const id of ['a', 'b', 'c']) await ring.start(id, { genesis: id === 'a' })
    await ring.until(() => ring.isStable(3), 20_000, 'three copies')
    const counter = new Counter(ring, 4)
    await ring.clock.advance(500)
    await ring.kill('c')
    const before = counter.total
    await ring.clock.advance(2_000)
    assert.ok(counter.total > before + 50, 'two of three go on')
    const c = await ring.start('c')
    assert.not.ok(c.balancer.caughtUp)
    await ring.until(() => c.balancer.caughtUp, 20_000, 'copies made good')
    await ring.clock.advance(500)
    await counter.stop(ring)
    await counter.check(ring)
    for (const key of keys) {
      const near = await ring.run(c.reg.read<Count>(key, 'near'))
      assert.ok((near?.body.n ?? 0) >= (counter.acknowledged.get(key) ?? 0), 'a near read at the node that was away')
    }
    await ring.stop()
  }),
)

test.run()

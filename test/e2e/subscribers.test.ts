/** A node is killed while it makes and deletes subscribers: none is half made, none that was told is lost. */
import assert from 'node:assert/strict'
import { deadline, eventually } from '@thor-node/core/testing'
import { suite } from 'uvu'
import { startCluster } from '../support/cluster.ts'
import { addSubscriber, deleteSubscriber, lookAtSubscribers, prepareSubscribers } from '../support/subscribers.ts'

const test = suite('e2e: subscribers')
const COUNT = 60
const WIDTH = 12

test(
  'kill -9 in the middle leaves whole subscribers or none',
  deadline(120_000, async () => {
    const cluster = await startCluster({ net: '127.47.1', nodes: 3 })
    const [first, , third] = cluster.nodes
    try {
      assert.ok(first && third)
      await prepareSubscribers(first.operations)
      const all = Array.from({ length: COUNT }, (_, index) => index)
      const told: number[] = []
      const work = all.values()
      let killed: Promise<void> | undefined
      const add = async (): Promise<void> => {
        for (const index of work) {
          if (await addSubscriber(third.operations, index)) told.push(index)
          if (told.length >= COUNT / 3) killed ??= cluster.kill(third)
        }
      }
      await Promise.all(Array.from({ length: WIDTH }, add))
      await killed
      assert.ok(told.length >= COUNT / 3 && told.length < COUNT, `${told.length} were told`)
      // What the dead node began is ended by who meets it, once it is known to be dead.
      const { whole, absent } = await eventually(
        async () => {
          const found = await lookAtSubscribers(first.operations, all)
          return found.half.length === 0 ? found : undefined
        },
        30_000,
        'no half subscriber',
      )
      assert.equal(whole + absent, COUNT)
      assert.ok(whole >= told.length, `${whole} are there of ${told.length} that were told`)
      const kept = await lookAtSubscribers(first.operations, told)
      assert.equal(kept.whole, told.length)
      await Promise.all(told.map((index) => deleteSubscriber(first.operations, index)))
      assert.equal((await lookAtSubscribers(first.operations, told)).absent, told.length)
    } finally {
      await cluster.stop()
    }
  }),
)

test.run()

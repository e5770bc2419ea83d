import { type Disk, type DiskOperation, silentLogger } from '@thor-node/core'
import { deadline, SimClock, settle } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Spool } from '../../src/adapters/spool.ts'
import { MemorySet } from '../support/memory-ring.ts'

const test = suite('nodes: spool')

class MapDisk implements Disk {
  readonly values = new Map<string, Uint8Array>()
  readonly syncs: boolean[] = []
  async open(): Promise<void> {}
  async close(): Promise<void> {}
  async get(key: string): Promise<Uint8Array | undefined> {
    return this.values.get(key)
  }
  async batch(operations: readonly DiskOperation[], { sync }: { sync: boolean }): Promise<void> {
    this.syncs.push(sync)
    for (const operation of operations) {
      if (operation.type === 'put') this.values.set(operation.key, operation.value)
      else this.values.delete(operation.key)
    }
  }
  async *entries({ from, to }: { from: string; to: string }): AsyncIterable<readonly [string, Uint8Array]> {
    for (const [key, value] of [...this.values].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (key >= from && key < to) yield [key, value]
    }
  }
}

function scene() {
  const clock = new SimClock()
  const [disk, set] = [new MapDisk(), new MemorySet()]
  return { clock, disk, set, spool: new Spool({ disk, set, clock, logger: silentLogger }) }
}

test(
  'a record is on disk with fsync, and pushed until it is stored',
  deadline(2_000, async () => {
    const { clock, disk, set, spool } = scene()
    set.broken.add(1)
    await spool.add({ range: 1, name: 'cdr/x/a/open' }, { callUuid: 'x' })
    assert.equal(disk.syncs, [true])
    await spool.start()
    await spool.start()
    await clock.advance(11_000)
    assert.is(set.puts.length, 2)
    assert.is(disk.values.size, 1)
    set.broken.clear()
    await clock.advance(5_000)
    assert.equal(set.records.get('cdr/x/a/open')?.body, { callUuid: 'x' })
    assert.is(disk.values.size, 0)
    await clock.advance(5_000)
    assert.is(set.puts.length, 3)
    await spool.stop()
    await settle()
    assert.is(clock.armed, 0)
  }),
)

test(
  'a range without a quorum is asked once and keeps no other waiting',
  deadline(2_000, async () => {
    const { disk, set, spool } = scene()
    set.broken.add(1)
    for (const [range, name] of [
      [1, 'a'],
      [1, 'b'],
      [2, 'c'],
    ] as const) {
      await spool.add({ range, name }, { name })
    }
    await spool.push().then(
      () => assert.unreachable(),
      (error) => assert.is(error.code, 'STORE_UNAVAILABLE'),
    )
    assert.equal(set.puts, ['a', 'c'])
    assert.equal([...disk.values.keys()], ['spool/a', 'spool/b'])
  }),
)

test(
  'a record that cannot be read stops no other',
  deadline(2_000, async () => {
    const { disk, set, spool } = scene()
    disk.values.set('spool/a', Buffer.from([0xc1, 0xff]))
    await spool.add({ range: 1, name: 'b' }, {})
    await spool.push()
    assert.equal(set.puts, ['b'])
  }),
)

test.run()

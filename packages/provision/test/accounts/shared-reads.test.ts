import { deadline, SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { SharedReads } from '../../src/accounts/shared-reads.ts'
import { limits } from '../../src/limits.ts'

const test = suite('provision: shared reads')

/** Reads that end when they are told to, with the value that was there when they began. */
function make() {
  const clock = new SimClock()
  const shared = new SharedReads({ clock })
  const state = { value: 'old' }
  const begun: { end(): void; fail(): void }[] = []
  const read = (name = 'a'): Promise<string> =>
    shared.read(name, () => {
      const { value } = state
      return new Promise((resolve, reject) =>
        begun.push({ end: () => resolve(value), fail: () => reject(new Error('no quorum')) }),
      )
    })
  const turn = async (): Promise<void> => {
    for (let n = 0; n < 10; n++) await Promise.resolve()
  }
  return { clock, shared, state, begun, read, turn }
}

test(
  'who asks while a read is under way gets a later one, which all who wait share',
  deadline(5_000, async () => {
    const { state, begun, read, turn, shared } = make()
    const first = read()
    state.value = 'new'
    const later = [read(), read(), read()]
    assert.is(begun.length, 1)
    begun[0]?.end()
    assert.is(await first, 'old')
    await turn()
    assert.is(begun.length, 2)
    begun[1]?.end()
    assert.equal(await Promise.all(later), ['new', 'new', 'new'])
    await turn()
    assert.is(shared.size, 0)
  }),
)

test(
  'names do not wait for each other, and a read after all have ended is one of its own',
  deadline(5_000, async () => {
    const { begun, read, turn } = make()
    const both = [read('a'), read('b')]
    assert.is(begun.length, 2)
    for (const { end } of begun) end()
    await Promise.all(both)
    await turn()
    void read('a')
    assert.is(begun.length, 3)
  }),
)

test(
  'a read that fails fails for those who share it, and those who come after it read again',
  deadline(5_000, async () => {
    const { begun, read, turn } = make()
    const failed = (promise: Promise<string>): Promise<string> => promise.catch((error: Error) => error.message)
    const first = failed(read())
    const second = [failed(read()), failed(read())]
    begun[0]?.fail()
    assert.is(await first, 'no quorum')
    await turn()
    begun[1]?.fail()
    assert.equal(await Promise.all(second), ['no quorum', 'no quorum'])
    await turn()
    const third = read()
    begun[2]?.end()
    assert.is(await third, 'old')
  }),
)

test(
  'a read that takes long is not waited for',
  deadline(5_000, async () => {
    const { clock, state, begun, read } = make()
    const first = read()
    const waiting = read()
    await clock.advance(limits.sharedReadMs)
    state.value = 'new'
    const own = read()
    assert.is(begun.length, 2)
    begun[1]?.end()
    assert.is(await own, 'new')
    begun[0]?.end()
    assert.is(await first, 'old')
    await clock.advance(1)
    begun[2]?.end()
    assert.is(await waiting, 'new')
  }),
)

test.run()

import { SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Member } from '../../src/membership/contract.ts'
import type { RangeConfig, RangeConfigs, RangeRecords } from '../../src/ranges/contract.ts'
import { softLimits } from '../../src/store/limits.ts'
import { refill } from '../../src/store/refill.ts'

const test = suite('overlay refill')

/** A node `self` that knows one range of `voters`, and sees whom it is told. */
function scene(voters: string[]) {
  const clock = new SimClock()
  const live = new Set<string>()
  const pulled: string[] = []
  const config = { range: 0, epoch: 3, old: voters.map((nodeId) => ({ nodeId, since: 1 })) } as unknown as RangeConfig
  const configs = { all: () => [config] } as unknown as RangeConfigs
  const members = { self: { nodeId: 'self' } as Member, isLive: (nodeId: string) => live.has(nodeId) }
  const records = {
    pull: async (_ranges: readonly number[], [source]: readonly string[]) => void pulled.push(source as string),
  } as unknown as RangeRecords
  const state = { ended: false }
  const run = refill({ clock, members, configs }, records, new AbortController().signal)
  run.then(() => {
    state.ended = true
  })
  return { clock, live, pulled, state }
}

test('who holds nothing is not filled before it sees those who do: what it does not find may be there', async () => {
  const { clock, live, pulled, state } = scene(['a', 'b', 'c'])
  await clock.advance(200)
  assert.not(state.ended)
  live.add('a').add('b')
  await clock.advance(200)
  assert.not(state.ended)
  live.add('c')
  await clock.advance(softLimits.refillRetryMs + 50)
  assert.ok(state.ended)
  assert.equal(pulled, [], 'it shares no range')
})

test('those who stay away are not waited for longer than it takes to see that', async () => {
  const { clock, live, state } = scene(['a', 'b', 'c'])
  live.add('a')
  await clock.advance(softLimits.refillMs - 200)
  assert.not(state.ended)
  await clock.advance(200 + softLimits.refillRetryMs)
  assert.ok(state.ended)
})

test('what is shared is fetched from everybody, as they come', async () => {
  const { clock, live, pulled, state } = scene(['self', 'a', 'b'])
  live.add('b')
  await clock.advance(100)
  assert.equal(pulled, ['b'])
  live.add('a')
  await clock.advance(softLimits.refillRetryMs + 50)
  assert.equal(pulled, ['b', 'a'])
  assert.ok(state.ended)
})

test('a node alone in its ring is filled at once', async () => {
  const { clock, state } = scene(['self'])
  await clock.advance(1)
  assert.ok(state.ended)
})

test.run()

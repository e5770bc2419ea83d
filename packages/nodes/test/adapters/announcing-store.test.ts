import { recordKey, ThorError } from '@thor-node/core'
import { deadline, SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { announcingStore } from '../../src/adapters/announcing-store.ts'
import { MemoryRing } from '../support/memory-ring.ts'

const test = suite('nodes: announcing store')

const change = { body: 1, result: 'done' }

test(
  'every live node hears of a changed account or domain, and of nothing else',
  deadline(2_000, async () => {
    const ring = new MemoryRing({ clock: new SimClock() })
    ring.nodes.set('n2', { state: 'suspect' })
    ring.nodes.set('n3', { state: 'dead' })
    const { reg, set, soft } = announcingStore(ring)
    assert.is(await reg.change(recordKey('acct', 'alice@example.com'), 'op', () => change), 'done')
    assert.equal(ring.calls, ['self store.changed', 'n2 store.changed'])
    await reg.change(recordKey('domain', 'example.com'), 'op', () => change)
    assert.is(ring.calls.length, 4)
    await reg.change(recordKey('invite', 'x'), 'op', () => change)
    assert.is(ring.calls.length, 4)
    assert.is((await reg.read(recordKey('acct', 'alice@example.com'), 'strict'))?.body, 1)
    assert.is((await reg.list('acct/')).length, 1)
    assert.ok(set === ring.set && soft === ring.soft)
  }),
)

test(
  'a change of unknown outcome is announced too',
  deadline(2_000, async () => {
    const ring = new MemoryRing({ clock: new SimClock() })
    ring.reg.before = () => {
      throw new ThorError('STORE_UNKNOWN', 'nobody answered')
    }
    const changing = announcingStore(ring).reg.change(recordKey('acct', 'a@example.com'), 'op', () => change)
    await changing.then(assert.unreachable, (error) => assert.is(error.code, 'STORE_UNKNOWN'))
    assert.equal(ring.calls, ['self store.changed'])
  }),
)

test.run()

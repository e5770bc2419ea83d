import { recordKey, ThorError } from '@thor-node/core'
import { deadline, SimClock } from '@thor-node/core/testing'
import type { AliasRecord } from '@thor-node/provision'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { AccountsCache } from '../../src/adapters/accounts-cache.ts'
import { MemoryReg } from '../support/memory-ring.ts'

const test = suite('nodes: accounts cache')

const AOR = 'sales@example.com'
const alias = (target: string): AliasRecord => ({ kind: 'alias', aor: AOR, target, owner: 1, changedAt: 0 })

function scene() {
  const clock = new SimClock()
  const reg = new MemoryReg()
  const put = (target: string): void => reg.put(recordKey('acct', AOR), alias(target))
  const cache = new AccountsCache({ clock, reg })
  const target = async (): Promise<string | undefined> => {
    const record = await cache.get(AOR)
    return record?.kind === 'alias' ? record.target : undefined
  }
  return { clock, reg, put, cache, target }
}

test(
  'a record is read again after ten seconds, or at once when its change was announced',
  deadline(2_000, async () => {
    const { clock, reg, put, target } = scene()
    put('a@example.com')
    assert.is(await target(), 'a@example.com')
    put('b@example.com')
    assert.is(await target(), 'a@example.com')
    assert.is(reg.reads, 1)
    await clock.advance(10_000)
    assert.is(await target(), 'b@example.com')
    put('c@example.com')
    reg.tell(`acct/${AOR}`)
    assert.is(await target(), 'c@example.com')
  }),
)

test(
  'what does not exist is not remembered',
  deadline(2_000, async () => {
    const { put, target } = scene()
    assert.is(await target(), undefined)
    put('a@example.com')
    assert.is(await target(), 'a@example.com')
  }),
)

test(
  'without a quorum the last copy serves for a quarter of an hour, unless it is known to be old',
  deadline(2_000, async () => {
    const { clock, reg, put, target } = scene()
    put('a@example.com')
    await target()
    reg.before = () => {
      throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    await clock.advance(14 * 60_000)
    assert.is(await target(), 'a@example.com')
    await clock.advance(61_000)
    await target().then(assert.unreachable, (error) => assert.is(error.code, 'STORE_UNAVAILABLE'))
    reg.before = () => undefined
    await target()
    reg.tell(`acct/${AOR}`)
    reg.before = () => {
      throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    await target().then(assert.unreachable, (error) => assert.is(error.code, 'STORE_UNAVAILABLE'))
  }),
)

test(
  'a range without a quorum is asked once in a while, and nobody waits for it',
  deadline(2_000, async () => {
    const { clock, reg, put, target } = scene()
    put('a@example.com')
    await target()
    await clock.advance(10_000)
    let asked = 0
    reg.before = (operation) => {
      if (operation === 'near') return
      asked++
      return new Promise((_, reject) => {
        clock.after(2_000, () => reject(new ThorError('STORE_UNAVAILABLE', 'no quorum')))
      })
    }
    const first = target()
    await clock.advance(300)
    assert.is(await first, 'a@example.com', 'not even the first')
    await clock.advance(1_700)
    for (let i = 0; i < 20; i++) {
      await clock.advance(100)
      assert.is(await target(), 'a@example.com')
    }
    assert.ok(asked <= 4, `asked ${asked} times`)
    reg.before = () => undefined
    put('b@example.com')
    await clock.advance(3_000)
    await target()
    await clock.advance(1)
    assert.is(await target(), 'b@example.com')
  }),
)

test(
  'what was announced to have changed is waited for',
  deadline(2_000, async () => {
    const { clock, reg, put, target } = scene()
    put('a@example.com')
    await target()
    put('b@example.com')
    reg.tell(`acct/${AOR}`)
    reg.before = () => new Promise((resolve) => void clock.after(1_000, resolve))
    const slow = target()
    await clock.advance(1_000)
    assert.is(await slow, 'b@example.com')
  }),
)

test(
  "what this node never read is served from its replica's copy, and what that lacks is not said to be missing",
  deadline(2_000, async () => {
    const { reg, put, cache, target } = scene()
    put('a@example.com')
    // Another account of the same range was read: a quorum was heard.
    await cache.get(AOR)
    reg.tell(`acct/${AOR}`)
    reg.before = (operation) => {
      if (operation === 'read') throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    assert.is(await target(), 'a@example.com')
    reg.remove(recordKey('acct', AOR))
    await target().then(assert.unreachable, (error) => assert.is(error.code, 'STORE_UNAVAILABLE'))
  }),
)

test(
  'a read that a change overtook is not kept',
  deadline(2_000, async () => {
    const { reg, put, target } = scene()
    put('old@example.com')
    const { promise, resolve } = Promise.withResolvers<void>()
    reg.before = () => promise
    const reading = target()
    put('new@example.com')
    reg.tell(`acct/${AOR}`)
    resolve()
    assert.is(await reading, 'old@example.com')
    assert.is(await target(), 'new@example.com')
  }),
)

test(
  'when any account may have changed, all are read again, and serve on without a quorum',
  deadline(2_000, async () => {
    const { clock, reg, put, target } = scene()
    put('a@example.com')
    await clock.advance(1)
    assert.is(await target(), 'a@example.com')
    put('b@example.com')
    reg.tell()
    assert.is(await target(), 'b@example.com')
    reg.tell()
    reg.before = () => {
      throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    assert.is(await target(), 'b@example.com')
  }),
)

test(
  'a record that is not fresh any more is kept packed, and serves unchanged without a quorum',
  deadline(2_000, async () => {
    const { clock, reg, cache } = scene()
    const record = { ...alias('a@example.com'), sealedCredentials: Uint8Array.from({ length: 256 }, (_, i) => i) }
    reg.put(recordKey('acct', AOR), record)
    const first = await cache.get(AOR)
    assert.is(await cache.get(AOR), first, 'the same object while it is fresh')
    await clock.advance(11_000)
    // A read of another one is the occasion.
    reg.put(recordKey('acct', 'b@example.com'), alias('c@example.com'))
    await cache.get('b@example.com' as typeof AOR)
    reg.before = () => {
      throw new ThorError('STORE_UNAVAILABLE', 'no quorum')
    }
    const later = await cache.get(AOR)
    assert.is.not(later, first)
    assert.equal(Buffer.from((later as typeof record).sealedCredentials), Buffer.from(record.sealedCredentials))
    assert.equal({ ...later, sealedCredentials: undefined }, { ...record, sealedCredentials: undefined })
  }),
)

test.run()

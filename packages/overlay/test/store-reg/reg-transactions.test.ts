import { type KeyChange, ThorError } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { finalConfig, jointConfig } from '../../src/ranges/config.ts'
import { regLimits } from '../../src/store/reg-limits.ts'
import { type TxRecord, verdictOf } from '../../src/store/reg-tx-record.ts'
import type { TestNode, TestRing } from '../ranges/ring.fixture.ts'
import { all, append, bodies, codeOf, keyOf, NAMES, ringOf } from './transactions.fixture.ts'

const test = suite('overlay: transactions')

test(
  'all registers change, everybody sees it, and a repetition from anywhere answers the same',
  deadline(20_000, async () => {
    const { ring, nodes } = await ringOf(1)
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
    await ring.run(a.reg.change(keyOf('m'), 'before', append('old')))
    const results = ['t1 is 1', 't1 is 2', 't1 is 1']
    assert.equal(await ring.run(a.reg.transact('op1', all(NAMES, 't1'))), results)
    for (const node of nodes) {
      assert.equal(await bodies(ring, node), [['t1'], ['old', 't1'], ['t1']])
      assert.equal(await ring.run(node.reg.transact('op1', all(NAMES, 't1'))), results)
    }
    const near = await ring.run(b.reg.list<string[]>('acct/'))
    assert.equal(
      near.map(({ value }) => value.body),
      [['old', 't1'], ['t1'], ['t1']],
    )
    assert.is((await ring.run(c.reg.read(keyOf('m'), 'strict')))?.rev, 2)
    assert.equal(await ring.run(b.reg.transact('op2', all(['x'], 'alone'))), ['alone is 2'], 'of one register')
  }),
)

test(
  'deleting and keeping are parts of a transaction; a throw ends all of it',
  deadline(20_000, async () => {
    const { ring, nodes } = await ringOf(2)
    const [a, b] = nodes as [TestNode, TestNode]
    await ring.run(a.reg.transact('make', all(NAMES, 'one')))
    const mixed: KeyChange<string>[] = [
      { key: keyOf('x'), fn: () => ({ body: undefined, result: 'gone' }) },
      { key: keyOf('m'), fn: (current) => ({ keep: true, result: `kept ${current?.rev}` }) },
      { key: keyOf('p'), fn: append('two') },
    ]
    assert.equal(await ring.run(b.reg.transact('mixed', mixed)), ['gone', 'kept 1', 'two is 2'])
    assert.equal(await bodies(ring, a), [undefined, ['one'], ['one', 'two']])
    assert.equal(await ring.run(a.reg.transact('mixed', mixed)), ['gone', 'kept 1', 'two is 2'])
    assert.is((await ring.run(a.reg.read(keyOf('m'), 'strict')))?.rev, 1)
    for (const thrower of NAMES) {
      const changes = all(NAMES, 'three').map((change) =>
        change.key.name === `acct/${thrower}`
          ? {
              ...change,
              fn: () => {
                throw new ThorError('STORE_CONFLICT', 'taken')
              },
            }
          : change,
      )
      assert.is(await ring.run(codeOf(a.reg.transact(`no ${thrower}`, changes))), 'STORE_CONFLICT')
      assert.equal(await bodies(ring, b), [undefined, ['one'], ['one', 'two']])
    }
    assert.is(await ring.run(b.reg.change(keyOf('m'), 'after', append('four'))), 'four is 2')
  }),
)

test(
  'a transaction of too many, of no or of the same registers is refused, and so is one of too many at once',
  deadline(20_000, async () => {
    const { ring, nodes } = await ringOf(3)
    const a = nodes[0] as TestNode
    const many = Array.from({ length: regLimits.transactionKeysMax + 1 }, (_, i) => `m${i}`)
    assert.is(await ring.run(codeOf(a.reg.transact('o1', all(many, 'x')))), 'STORE_BAD_REQUEST')
    assert.is(await ring.run(codeOf(a.reg.transact('o2', []))), 'STORE_BAD_REQUEST')
    assert.is(await ring.run(codeOf(a.reg.transact('o3', all(['x', 'x'], 'x')))), 'STORE_BAD_REQUEST')
    const most = regLimits.transactionsMax
    const codes = await ring.run(
      Promise.all(
        Array.from({ length: most + 1 }, (_, i) => codeOf(a.reg.transact(`n${i}`, all([`q${i}`, `r${i}`], 'x')))),
      ),
    )
    assert.is(codes.filter((code) => code === 'none').length, most)
    assert.is(codes[most], 'STORE_UNAVAILABLE')
    const tx = await ring.run(a.reg.list('tx/'))
    assert.is(tx.length, most, 'its registers are used again')
    await ring.run(a.reg.transact('again', all(NAMES, 'x')))
    assert.is((await ring.run(a.reg.list('tx/'))).length, most)
  }),
)

test(
  'the same operation twice at once is one',
  deadline(20_000, async () => {
    const { ring, nodes } = await ringOf(4)
    const [a, b] = nodes as [TestNode, TestNode]
    const run = (node: TestNode) => node.reg.transact('op1', all(NAMES, 't'))
    const [one, two, three] = await ring.run(Promise.all([run(a), run(a), run(b)]))
    assert.equal(one, two)
    assert.equal(one, three)
    assert.equal(await bodies(ring, b), [['t'], ['t'], ['t']])
  }),
)

/** Runs a transaction of `a` up to its commit, which is lost with the node. */
async function leaveIntents(ring: TestRing, a: TestNode, item: string): Promise<void> {
  const call = a.rpc.call.bind(a.rpc)
  let placed = 0
  a.rpc.call = (to, method, body, options) => {
    const { name, value } = body as { name: string; value?: Uint8Array }
    if (name.startsWith('tx/') && placed >= 9) return new Promise(() => undefined)
    if (method === 'reg.accept' && value && name.startsWith('acct/')) placed++
    return call(to, method, body, options)
  }
  void codeOf(a.reg.transact(item, all(NAMES, item)))
  await ring.clock.advance(200)
  assert.is(placed, 9)
}

test(
  'while a transaction is open, readers see what was; changes wait and are refused; after 10 s anybody ends it',
  deadline(60_000, async () => {
    const { ring, nodes } = await ringOf(5)
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode]
    await ring.run(a.reg.transact('first', all(NAMES, 'first')))
    await leaveIntents(ring, a, 't1')
    const before = [['first'], ['first'], ['first']]
    assert.equal(await bodies(ring, b), before)
    assert.is((await ring.run(b.reg.list('acct/'))).length, 3)
    assert.equal((await ring.run(b.reg.read<string[]>(keyOf('x'), 'near')))?.body, ['first'])
    const from = ring.clock.now()
    assert.is(await ring.run(codeOf(b.reg.change(keyOf('x'), 'wait', append('w')))), 'STORE_UNAVAILABLE')
    assert.is(await ring.run(codeOf(c.reg.transact('t2', all(NAMES, 't2')))), 'STORE_UNAVAILABLE')
    assert.ok(ring.clock.now() - from < 5_000)
    assert.equal(await bodies(ring, b), before)
    await ring.clock.advance(regLimits.transactionPendingMs)
    assert.is(await ring.run(b.reg.change(keyOf('x'), 'now', append('n'))), 'n is 2')
    assert.equal(await ring.run(c.reg.transact('t3', all(NAMES, 't3'))), ['t3 is 3', 't3 is 2', 't3 is 2'])
  }),
)

test(
  'a transaction of a node that is gone is ended at once',
  deadline(60_000, async () => {
    const { ring, nodes } = await ringOf(6)
    const [a, b] = nodes as [TestNode, TestNode]
    await leaveIntents(ring, a, 't1')
    await ring.kill('a')
    const from = ring.clock.now()
    assert.is(await ring.run(b.reg.change(keyOf('x'), 'now', append('n'))), 'n is 1')
    assert.ok(ring.clock.now() - from < 1_500)
  }),
)

test(
  'a node that is taken for dead while it commits finds its transaction taken back',
  deadline(60_000, async () => {
    const { ring, nodes } = await ringOf(10)
    const [a, b] = nodes as [TestNode, TestNode]
    const call = a.rpc.call.bind(a.rpc)
    const held: (() => void)[] = []
    let placed = 0
    a.rpc.call = async (to, method, body, options) => {
      const { name } = body as { name: string }
      if (method === 'reg.accept' && name.startsWith('acct/')) placed++
      if (name.startsWith('tx/') && placed === 9) await new Promise<void>((resolve) => held.push(resolve))
      return call(to, method, body, options)
    }
    const attempt = codeOf(a.reg.transact('t1', all(NAMES, 't1')))
    while (held.length === 0) await ring.clock.advance(1)
    ring.setState('a', { state: 'dead' })
    assert.is(await ring.run(b.reg.change(keyOf('x'), 'now', append('n'))), 'n is 1')
    ring.setState('a', { state: 'alive' })
    placed = 0
    for (const release of held) release()
    assert.is(await ring.run(attempt), 'STORE_UNAVAILABLE')
    assert.equal(await bodies(ring, b), [['n'], undefined, undefined])
  }),
)

test(
  'a tx register whose range has no quorum is left aside for a while',
  deadline(60_000, async () => {
    const { ring, nodes } = await ringOf(11)
    const a = nodes[0] as TestNode
    await ring.run(a.reg.transact('t1', all(NAMES, 't1')))
    const [first] = await ring.run(a.reg.list('tx/'))
    const range = first?.key.range as number
    const dead = ['d', 'e', 'f'].map((nodeId) => ({ nodeId, since: 9 }))
    await ring.run(a.configs.adopt({ range, epoch: 9, old: dead }))
    const names = ['x', 'm', 'q'].filter((name) => keyOf(name).range !== range)
    assert.is(await ring.run(codeOf(a.reg.transact('t2', all(names, 't2')))), 'STORE_UNAVAILABLE')
    assert.is(await ring.run(codeOf(a.reg.transact('t3', all(names, 't3')))), 'none')
  }),
)

test('what became of a transaction is told by its register', () => {
  const record = (seq: number, state: TxRecord['state']): TxRecord => ({ seq, state, at: 1, keys: [] })
  assert.is(verdictOf(undefined, 1), 'aborted')
  for (const state of ['pending', 'committed', 'aborted'] as const) {
    assert.is(verdictOf(record(2, state), 2), state)
    assert.is(verdictOf(record(3, state), 2), 'aborted')
    assert.is(verdictOf(record(1, state), 2), 'pending', 'a copy that is behind')
  }
})

test(
  'a node that starts again goes on after what it had committed, and never mixes the two',
  deadline(60_000, async () => {
    for (const stop of ['settling', 'committing'] as const) {
      const { ring, nodes } = await ringOf(7)
      const a = nodes[0] as TestNode
      const call = a.rpc.call.bind(a.rpc)
      let committed = false
      a.rpc.call = (to, method, body, options) => {
        const { name, value } = body as { name: string; value?: Uint8Array }
        const commits =
          method === 'reg.accept' && name.startsWith('tx/') && Buffer.from(value ?? []).includes('committed')
        if (commits && stop === 'committing') return new Promise(() => undefined)
        if (committed && name.startsWith('acct/')) return new Promise(() => undefined)
        if (commits) committed = true
        return call(to, method, body, options)
      }
      void codeOf(a.reg.transact('t1', all(NAMES, 't1')))
      await ring.clock.advance(200)
      await ring.kill('a')
      const again = await ring.start('a', { manual: true })
      assert.equal(await ring.run(again.reg.transact('t2', all(['q', 'r'], 't2'))), ['t2 is 1', 't2 is 1'])
      const expected = stop === 'settling' ? ['t1'] : undefined
      assert.equal(await bodies(ring, nodes[1] as TestNode), [expected, expected, expected])
      assert.equal(await ring.run(again.reg.transact('t1', all(NAMES, 't1'))), ['t1 is 1', 't1 is 1', 't1 is 1'])
    }
  }),
)

test(
  'intents move with their range',
  deadline(60_000, async () => {
    const { ring, nodes } = await ringOf(8, ['a', 'b', 'c', 'd'])
    const [a, b, c, d] = nodes as [TestNode, TestNode, TestNode, TestNode]
    await leaveIntents(ring, a, 't1')
    const { range } = keyOf('x')
    const joint = jointConfig(b.configs.get(range), ['b', 'c', 'd'])
    for (const node of [b, c, d]) await ring.run(node.configs.adopt(joint))
    assert.equal(await ring.run(b.reg.redecide([joint])), { done: new Set([range]) })
    const after = finalConfig(joint)
    for (const node of [b, c, d]) await ring.run(node.configs.adopt(after))
    await ring.run(d.configs.markFilled([after]))
    await ring.kill('a')
    assert.is(await ring.run(codeOf(d.reg.transact('t2', all(NAMES, 't2')))), 'none')
    assert.equal(await bodies(ring, c), [['t2'], ['t2'], ['t2']])
  }),
)

test(
  'a transaction whose results are forgotten is too old, and is not done again',
  deadline(60_000, async () => {
    const { ring, nodes } = await ringOf(9)
    const [a, b] = nodes as [TestNode, TestNode]
    const issuedAt = ring.clock.wall()
    const run = (node: TestNode) => node.reg.transact('t1', all(NAMES, 't1'), { issuedAt, step: true })
    await ring.run(run(a))
    await ring.clock.advance(regLimits.stepKeepMs)
    await ring.run(b.reg.change(keyOf('m'), 'later', append('later')))
    assert.is(await ring.run(codeOf(run(b))), 'STORE_TOO_OLD')
    assert.equal(await bodies(ring, a), [['t1'], ['t1', 'later'], ['t1']])
  }),
)

test.run()

import { SimClock } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { StoredEntry } from '../../src/store/soft-record.ts'
import { SoftTable } from '../../src/store/soft-table.ts'

const test = suite('overlay: table of expiring entries')

const NAME = 'loc/alice@example.com'
const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, i) => i)

function scene() {
  const clock = new SimClock()
  const table = new SoftTable({ clock })
  const entry = (sub: string, seq: number, rest: Partial<StoredEntry> = {}): StoredEntry => ({
    ...{ sub, seq, hlc: 1.5, expiresAt: clock.now() + 60_000, body: EVERY_BYTE, dead: false },
    ...rest,
  })
  const subs = (): string[] => table.get(7, NAME).map(({ sub }) => sub)
  return { clock, table, entry, subs }
}

test('an entry comes back as it was given, every byte of it', () => {
  const { table, entry } = scene()
  const given = entry('ä\u{1f600}', 3)
  table.merge(7, NAME, given)
  const [kept] = table.get(7, NAME)
  assert.equal({ ...kept, body: Uint8Array.from(kept?.body ?? []) }, given)
  assert.equal(table.find(7, NAME, given.sub), { seq: 3, hlc: 1.5, dead: false })
})

test('what was given and what was read are not what is kept', () => {
  const { table, entry } = scene()
  const body = Uint8Array.of(1, 2, 3)
  table.merge(7, NAME, entry('a', 1, { body }))
  body.fill(9)
  const [before] = table.get(7, NAME)
  table.merge(7, NAME, entry('a', 2, { body: Uint8Array.of(4) }))
  assert.equal([before?.seq, [...(before?.body ?? [])]], [1, [1, 2, 3]])
  table.get(7, NAME)[0]?.body.fill(9)
  assert.equal([...(table.get(7, NAME)[0]?.body ?? [])], [4])
})

test('one entry under a name, then several, then none', () => {
  const { table, entry, subs } = scene()
  const empty = table.digest(7)
  table.merge(7, NAME, entry('b', 1))
  const one = table.digest(7)
  for (const sub of ['c', 'a']) table.merge(7, NAME, entry(sub, 1))
  table.merge(7, NAME, entry('b', 1))
  assert.equal([subs(), table.size], [['a', 'b', 'c'], 3])
  for (const sub of ['a', 'c']) table.drop(7, NAME, entry(sub, 1))
  assert.equal([subs(), table.size, table.digest(7)], [['b'], 1, one])
  table.drop(7, NAME, entry('b', 1))
  assert.equal([subs(), table.size, table.digest(7), table.ranges()], [[], 0, empty, []])
  table.merge(7, NAME, entry('b', 1))
  assert.equal([subs(), table.digest(7)], [['b'], one])
})

test('another version than the one that is named is not dropped', () => {
  const { table, entry, subs } = scene()
  table.merge(7, NAME, entry('a', 2))
  for (const other of [entry('a', 1), entry('a', 2, { hlc: 1 }), entry('a', 2, { dead: true }), entry('b', 2)]) {
    table.drop(7, NAME, other)
  }
  assert.equal(subs(), ['a'])
})

test('a name that is no Unicode is one name', async () => {
  const { clock, table, entry } = scene()
  for (const seq of [1, 2]) table.merge(7, 'loc/\ud800', entry('\ud800', seq))
  assert.equal([table.size, table.get(7, 'loc/\ud800').map(({ seq }) => seq)], [1, [2]])
  await clock.advance(61_000)
  table.turn()
  assert.is(table.size, 0)
})

test.run()

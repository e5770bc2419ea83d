import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { checkAppends } from './checkers/append-list.ts'
import { checkBindings } from './checkers/binding-found.ts'
import { OneConfig } from './checkers/one-config.ts'
import { checkSets } from './checkers/set-found.ts'
import type { Append, Bind } from './history.ts'

const test = suite('sim: judges')

const append = (opId: string, invokedAt: number, endedAt: number, position?: number): Append => ({
  key: 'k',
  opId,
  invokedAt,
  endedAt,
  position,
})
const read = (list: string[], invokedAt = 100) => ({ key: 'k', invokedAt, endedAt: invokedAt + 1, list })
const unanswered = append('c', 3, Number.POSITIVE_INFINITY)

const appendCases: [name: string, list: string[], appends: Append[], reads: string[][], wrong: RegExp | undefined][] = [
  ['a good history', ['a', 'b'], [append('a', 0, 1, 0), append('b', 2, 3, 1)], [['a', 'b']], undefined],
  ['an unanswered one may be there', ['a', 'c'], [append('a', 0, 1, 0), unanswered], [['a']], undefined],
  ['an unanswered one may be missing', ['a'], [append('a', 0, 1, 0), unanswered], [], undefined],
  ['a lost one', [], [append('a', 0, 1, 0)], [], /acknowledged a is lost/],
  ['one twice', ['a', 'a'], [append('a', 0, 1, 0)], [], /twice/],
  ['one elsewhere', ['b', 'a'], [append('a', 0, 5, 0), append('b', 0, 5, 1)], [], /acknowledged at 0 and is at 1/],
  ['one of nobody', ['x'], [], [], /nobody asked for x/],
  ['the wrong order', ['a', 'b'], [append('a', 4, 5, 0), append('b', 0, 1, 1)], [], /stands before it/],
  ['a read of another history', ['a'], [append('a', 0, 1, 0)], [['b']], /no beginning/],
  ['a stale read', ['a', 'b'], [append('a', 0, 1, 0), append('b', 2, 3, 1)], [['a']], /missed b/],
]
for (const [name, list, appends, reads, wrong] of appendCases) {
  test(`appends: ${name}`, () => {
    const found = checkAppends(
      new Map([['k', list]]),
      appends,
      reads.map((one) => read(one)),
    ).join('\n')
    if (wrong) assert.match(found, wrong)
    else assert.is(found, '')
  })
}

test('records: lost ones and changed ones are found, unacknowledged ones may be anywhere', () => {
  const write = (name: string, acknowledged: boolean) => ({ name, range: 1, body: name, acknowledged })
  const sets = [write('a', true), write('b', false), write('c', true)]
  const node = (held: Record<string, string>) => ({ name: 'n', found: (name: string) => held[name] })
  assert.equal(checkSets(sets, [node({ a: 'a', c: 'c' }), node({ a: 'a', b: 'b', c: 'c' })]), [])
  assert.match(checkSets(sets, [node({ a: 'a' })]).join(), /acknowledged record c is lost/)
  assert.match(checkSets(sets, [node({ a: 'x', c: 'c' })]).join(), /record a has another body/)
})

const bind = (seq: number, invokedAt: number, change: Partial<Bind> = {}): Bind => ({
  name: 'l',
  seq,
  gone: false,
  invokedAt,
  acknowledgedAt: invokedAt + 1,
  expiresAt: 1_000,
  ...change,
})
const unsure = { acknowledgedAt: undefined }
const bindCases: [name: string, binds: Bind[], seqs: number[], wrong: RegExp | undefined][] = [
  ['found', [bind(1, 0)], [1], undefined],
  ['missed', [bind(1, 0)], [], /did not find 1/],
  ['an older one', [bind(1, 0), bind(2, 5)], [1], /saw 1, though 2/],
  ['an unsure newer one instead', [bind(1, 0), bind(2, 5, unsure)], [2], undefined],
  ['an unsure removal', [bind(1, 0), bind(2, 5, { ...unsure, gone: true })], [], undefined],
  ['removed', [bind(1, 0), bind(2, 5, { gone: true })], [], undefined],
  ['back after its removal', [bind(1, 0), bind(2, 5, { gone: true })], [1], /after its removal/],
  ['expired', [bind(1, 0, { expiresAt: 9 })], [], undefined],
]
for (const [name, binds, seqs, wrong] of bindCases) {
  test(`bindings: ${name}`, () => {
    const found = checkBindings(binds, [{ name: 'l', invokedAt: 10, endedAt: 11, seqs }]).join('\n')
    if (wrong) assert.match(found, wrong)
    else assert.is(found, '')
  })
}

test('configs: one per range and epoch', () => {
  const judge = new OneConfig()
  const member = (nodeId: string) => ({ nodeId, since: 1 })
  judge.see({ range: 1, epoch: 2, old: [member('a'), member('b')] })
  judge.see({ range: 1, epoch: 2, old: [member('b'), member('a')] })
  judge.see({ range: 2, epoch: 2, old: [member('c')] })
  assert.equal(judge.wrong, [])
  judge.see({ range: 1, epoch: 2, old: [member('a'), member('c')] })
  assert.is(judge.wrong.length, 1)
})

test.run()

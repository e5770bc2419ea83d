import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type AcceptorInput, type AcceptorState, emptyAcceptor, step } from '../../src/store/acceptor.ts'
import { decodeRecord, encodeRecord, rangeEndKey, recordKeyOf, splitKey } from '../../src/store/acceptor-record.ts'
import { type Ballot, ballotAbove, compareBallots, NO_BALLOT, parseBallot } from '../../src/store/ballot.ts'

const test = suite('overlay: acceptor')

const b = (counter: number, node = 'n', epoch = 1): Ballot => [epoch, counter, node]

test('ballots compare by epoch, then counter, then node', () => {
  const sorted = [NO_BALLOT, b(1, 'a'), b(1, 'b'), b(2, 'a'), b(1, 'a', 2)]
  for (const [i, one] of sorted.entries())
    for (const [j, other] of sorted.entries()) assert.is(Math.sign(compareBallots(one, other)), Math.sign(i - j))
  assert.equal(ballotAbove(2, 'me', b(7), b(4, 'x', 2), b(3, 'y', 2)), [2, 5, 'me'])
  assert.is(parseBallot([1, 2]), undefined)
  assert.is(parseBallot([1, 2.5, 'a']), undefined)
  assert.is(parseBallot('abc'), undefined)
})

test('every input in every state', () => {
  const promised: AcceptorState<string> = { promised: b(5), accepted: b(3), value: 'x' }
  for (const [what, state, input, expected, after] of [
    ['prepare at none', emptyAcceptor, { type: 'prepare', ballot: b(1) }, 'promised', [b(1), NO_BALLOT, undefined]],
    ['prepare above', promised, { type: 'prepare', ballot: b(6) }, 'promised', [b(6), b(3), 'x']],
    ['prepare equal', promised, { type: 'prepare', ballot: b(5) }, 'refused', [b(5), b(3), 'x']],
    ['prepare below', promised, { type: 'prepare', ballot: b(4) }, 'refused', [b(5), b(3), 'x']],
    [
      'prepare of a later epoch',
      promised,
      { type: 'prepare', ballot: b(1, 'n', 2) },
      'promised',
      [b(1, 'n', 2), b(3), 'x'],
    ],
    ['accept at none', emptyAcceptor, { type: 'accept', ballot: b(1), value: 'y' }, 'accepted', [b(1), b(1), 'y']],
    ['accept equal', promised, { type: 'accept', ballot: b(5), value: 'y' }, 'accepted', [b(5), b(5), 'y']],
    ['accept above', promised, { type: 'accept', ballot: b(9), value: 'y' }, 'accepted', [b(9), b(9), 'y']],
    ['accept below', promised, { type: 'accept', ballot: b(4), value: 'y' }, 'refused', [b(5), b(3), 'x']],
    [
      'accept, promise riding',
      promised,
      { type: 'accept', ballot: b(5), value: 'y', promise: b(6) },
      'accepted',
      [b(6), b(5), 'y'],
    ],
    [
      'a promise below its ballot',
      promised,
      { type: 'accept', ballot: b(5), value: 'y', promise: b(2) },
      'accepted',
      [b(5), b(5), 'y'],
    ],
  ] as [string, AcceptorState<string>, AcceptorInput<string>, string, [Ballot, Ballot, string | undefined]][]) {
    const outcome = step(state, input)
    assert.is(outcome.reply.type, expected, what)
    assert.equal([outcome.state.promised, outcome.state.accepted, outcome.state.value], after, what)
    if (expected === 'refused') assert.is(outcome.state, state, what)
  }
})

const ballots = fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 4 }), fc.constantFrom('a', 'b'))
const inputs: fc.Arbitrary<AcceptorInput<string>> = fc.oneof(
  ballots.map((ballot) => ({ type: 'prepare', ballot }) as const),
  fc
    .tuple(ballots, ballots)
    .map(([ballot, promise]) => ({ type: 'accept', ballot, value: String(ballot), promise }) as const),
)

test('promised and accepted never go back, and accepted is never above promised', () => {
  fc.assert(
    fc.property(fc.array(inputs, { maxLength: 30 }), (list) => {
      let state: AcceptorState<string> = emptyAcceptor
      for (const input of list) {
        const next = step(state, input).state
        assert.ok(compareBallots(next.promised, state.promised) >= 0)
        assert.ok(compareBallots(next.accepted, state.accepted) >= 0)
        assert.ok(compareBallots(next.accepted, next.promised) <= 0)
        state = next
      }
    }),
  )
})

test('records on the disk come back, and a flipped bit is noticed', () => {
  const state: AcceptorState<Uint8Array> = { promised: b(5), accepted: b(3), value: Buffer.from('the value') }
  const bytes = encodeRecord('R000x', state)
  assert.equal(decodeRecord('R000x', bytes), state)
  assert.equal(decodeRecord('R000x', encodeRecord('R000x', emptyAcceptor)), emptyAcceptor)
  const at = Buffer.from(bytes).indexOf('value')
  const flipped = Uint8Array.from(bytes)
  flipped[at] = (flipped[at] as number) ^ 4
  assert.throws(
    () => decodeRecord('R000x', flipped),
    (error: { code: string }) => error.code === 'STORE_CORRUPT',
  )
  assert.throws(
    () => decodeRecord('R000x', bytes.slice(0, 4)),
    (error: { code: string }) => error.code === 'STORE_CORRUPT',
  )
})

test('keys sort by range and come apart again', () => {
  assert.is(recordKeyOf(10, 'acct/x'), 'R00aacct/x')
  assert.equal(splitKey('R00aacct/x'), { range: 10, name: 'acct/x' })
  assert.ok(recordKeyOf(10, '\u{10ffff}') < rangeEndKey(10))
  assert.is(rangeEndKey(4095), 'S')
})

test.run()

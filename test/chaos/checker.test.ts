/** The checker of chaos runs finds what it is there for: small histories, right and spoiled. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { check } from './checker.ts'
import type { Binding, Call, Claim, Entry, Fault, Final, Lookup, Operation, Register, Write } from './history.ts'
import { gapsOf, measure } from './measure.ts'

const test = suite('chaos: checker')

let wish = 0
const at = (from: number, to: number, node = 1) => ({ wish: wish++, node, from, to, outcome: 'ok' as const })
const write = (value: number, from: number, to: number, more: Partial<Write> = {}): Write => ({
  type: 'write',
  subject: 'u0',
  value,
  ...at(from, to),
  ...more,
})
const lookup = (value: number, from: number, to: number, more: Partial<Lookup> = {}): Lookup => ({
  type: 'lookup',
  subject: 'u0',
  value,
  ...at(from, to),
  ...more,
})
const register = (value: number, from: number, to: number, more: Partial<Register> = {}): Register => ({
  type: 'register',
  subject: 'p0',
  value,
  ...at(from, to),
  ...more,
})
const binding = (values: number[], from: number, to: number): Binding => ({
  type: 'binding',
  subject: 'p0',
  values,
  ...at(from, to),
})
const claim = (by: string, outcome: Claim['outcome'] = 'ok'): Claim => ({
  type: 'claim',
  subject: 'k0',
  by,
  ...at(0, 10),
  outcome,
})
const call = (callId: string): Call => ({ type: 'call', callId, ...at(0, 10) })
const final = (more: Partial<Final>): Final => ({ type: 'final', node: 2, accounts: [], calls: [], ...more })
const named = (aor: string, displayName: string): Final => final({ accounts: [{ aor, displayName }] })
const found = (...entries: Entry[]): string[] => check(entries).map(({ kind }) => kind)

test('a read may show what is being written, and nothing else that is not acknowledged yet', () => {
  assert.equal(found(write(1, 0, 10), lookup(0, 5, 8), lookup(1, 5, 9), lookup(1, 11, 12)), [])
  assert.equal(found(write(1, 0, 10), lookup(2, 5, 8)), ['invented'])
})

test('a read that began after an acknowledgement and is older finds a lost write', () => {
  assert.equal(found(write(1, 0, 10), write(2, 11, 20), lookup(1, 21, 22)), ['lost'])
  assert.equal(found(write(1, 0, 10), lookup(-1, 21, 22)), ['lost'])
})

test('an open outcome may show or not, but not go once it was read', () => {
  const open = write(2, 11, 20, { outcome: 'unknown' })
  assert.equal(found(write(1, 0, 10), open, lookup(1, 21, 22), lookup(2, 30, 31)), [])
  assert.equal(found(write(1, 0, 10), open, lookup(2, 21, 22), lookup(1, 30, 31)), ['stale'])
})

test('what stands in the end is what was acknowledged, or later, and once', () => {
  assert.equal(found(write(3, 0, 10), named('u0', 'c3')), [])
  assert.equal(found(write(3, 0, 10), write(4, 11, 20, { outcome: 'unknown' }), named('u0', 'c4')), [])
  assert.equal(found(write(3, 0, 10), named('u0', 'c2')), ['lost'])
  assert.equal(found(write(3, 0, 10), final({})), ['lost'])
  const twice = { aor: 'u0', displayName: 'c3' }
  assert.equal(found(write(3, 0, 10), final({ accounts: [twice, twice] })), ['doubled'])
})

test('a binding that was acknowledged is found, as new as that, and once', () => {
  assert.equal(found(register(1, 0, 10), binding([1], 11, 12), register(2, 11, 20), binding([2], 15, 16)), [])
  assert.equal(found(register(1, 0, 10), binding([], 11, 12)), ['lost'])
  assert.equal(found(register(1, 0, 10), register(2, 11, 20), binding([1], 21, 22)), ['stale'])
  assert.equal(found(register(1, 0, 10), binding([1, 1], 11, 12)), ['doubled'])
  const late = { type: 'lenient', of: 'reads', from: 15, to: 25, forgetMs: 11 } as const
  assert.equal(found(register(1, 0, 5), register(2, 11, 20), binding([1], 21, 22), late), [])
  assert.equal(found(register(1, 0, 5), register(2, 11, 20), binding([1], 41, 42), late), ['stale'])
  const forgotten = { type: 'lenient', of: 'registers', from: 15, to: 25, forgetMs: 0 } as const
  assert.equal(found(register(1, 0, 5), register(2, 11, 20), binding([1], 41, 42), forgotten), [])
  assert.equal(found(register(1, 0, 5), register(2, 11, 20), binding([], 41, 42), forgotten), ['lost'])
})

test('copies that differ at last are told', () => {
  assert.equal(found(final({ differing: ['range 7: reg'] })), ['unequal'])
})

test('a new account goes to one of two who want it, and stays with that one', () => {
  assert.equal(found(claim('a'), claim('b', 'refused'), named('k0', 'a')), [])
  assert.equal(found(claim('a'), claim('b')), ['doubled'])
  assert.equal(found(claim('a'), claim('b', 'unknown'), named('k0', 'b')), ['lost'])
})

test('an answered call has one record with an end', () => {
  assert.equal(found(call('x'), final({ calls: [{ callId: 'x', closed: true }] })), [])
  assert.equal(found(call('x'), final({})), ['lost'])
  assert.equal(found(call('x'), final({ calls: [{ callId: 'x', closed: false }] })), ['lost'])
  const record = { callId: 'x', closed: true }
  assert.equal(found(call('x'), final({ calls: [record, record] })), ['doubled'])
})

test('gaps count from the fault to the end of the last failure, by the part of the victim', () => {
  const places = { u0: { home: 3, replicas: [3, 1, 2] }, u1: { home: 1, replicas: [1, 2, 3] } }
  const fault: Fault = { type: 'fault', name: 'kill', at: 100, until: 2_000, victims: [3], places }
  const ops: Operation[] = [
    // Under way when it struck, and one attempt more.
    write(1, 95, 400, { wish: 9_001, outcome: 'unknown' }),
    write(1, 430, 450, { wish: 9_001 }),
    // Later, no trouble: its own time.
    write(2, 1_000, 1_020, { subject: 'u1' }),
    // The client of the victim comes later and goes elsewhere.
    write(3, 1_500, 1_501, { wish: 9_002, node: 3, outcome: 'unreachable' }),
    write(3, 1_530, 1_540, { wish: 9_002 }),
  ]
  const gaps = gapsOf(fault, ops).map(({ position, ms, inFlight }) => [position, ms, inFlight])
  assert.equal(gaps, [
    ['home', 350, 1],
    ['replica', 20, 0],
    ['edge', 40, 0],
  ])
  const { gaps: rows } = measure([fault, ...ops])
  assert.is(rows.find(({ position }) => position === 'home')?.max, 350)
})

test.run()

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import { suite } from 'uvu'
import {
  archived,
  available,
  type Balance,
  checkBalance,
  dueBlock,
  expire,
  extend,
  hold,
  accountingLimits as limits,
  refund,
  setLimit,
  settle,
  topup,
} from '../src/index.ts'

const test = suite('accounting: balance, whatever comes')

const packr = new Packr({ useRecords: false })
const functions = { hold, extend, settle, expire, topup, refund, setLimit }
type Name = keyof typeof functions
type Op = { name: Name; request: Record<string, unknown> }

const amount = fc.oneof(fc.nat(5_000), fc.constantFrom(0, 1, 60, 2 ** 52))
const step = { resId: fc.constantFrom('r1', 'r2', 'r3', 'r4', 'r5'), seq: fc.nat(6) }
const small = fc.nat(3_000)
const op: fc.Arbitrary<Op> = fc.oneof(
  fc
    .record({
      ...step,
      ask: small,
      need: small,
      callUuid: fc.constant('c'),
      node: fc.constant('n'),
      callsMax: fc.nat(5),
    })
    .map((request) => ({ name: 'hold' as const, request: { ...request, need: Math.min(request.ask, request.need) } })),
  fc.record({ ...step, used: amount, more: small }).map((request) => ({ name: 'extend' as const, request })),
  fc.record({ ...step, used: amount }).map((request) => ({ name: 'settle' as const, request })),
  fc.record({ ...step, used: amount }).map((request) => ({ name: 'expire' as const, request })),
  fc
    .record({ opId: fc.string({ minLength: 3, maxLength: 3, unit: fc.constantFrom('a', 'b', 'c') }), amount })
    .map((request) => ({ name: 'topup' as const, request })),
  fc
    .record({ opId: fc.string({ minLength: 3, maxLength: 3, unit: fc.constantFrom('d', 'e', 'f') }), amount: small })
    .map((request) => ({ name: 'refund' as const, request })),
  fc.record({ limit: small }).map((request) => ({ name: 'setLimit' as const, request })),
)

/** Each operation, some of them again and later: duplicates and reordered ones. */
const history = fc.array(fc.tuple(op, fc.option(fc.nat(40), { nil: undefined })), { maxLength: 120 }).map((items) =>
  items
    .flatMap(([item, again], index) => [
      { at: index, item },
      ...(again === undefined ? [] : [{ at: index + again + 0.5, item }]),
    ])
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item),
)

/** Applies one operation; a request that is refused by a throw changes nothing. */
function apply(
  body: Balance | undefined,
  { name, request }: Op,
  now: number,
): { body: Balance | undefined; result: Record<string, unknown> } {
  try {
    const decision = functions[name](body, request as never, now)
    return { body: 'keep' in decision ? body : decision.body, result: decision.result as Record<string, unknown> }
  } catch (error) {
    assert.equal((error as { code: string }).code, 'ACCOUNTING_AMOUNT')
    return { body, result: { type: 'threw' } }
  }
}

test('available is never negative, the ledger adds up, nobody pays more than was granted', () => {
  fc.assert(
    fc.property(history, fc.boolean(), (operations, archives) => {
      let body: Balance | undefined
      let now = 1_000_000
      const everything: number[] = []
      const granted = new Map<string, number>()
      const billed = new Map<string, number>()
      for (const operation of operations) {
        now += 1
        const after = apply(body, operation, now)
        if (after.body && after.body !== body) {
          checkBalance(after.body)
          const news = after.body.tail.filter(({ n }) => n > (body?.lines ?? 0))
          for (const line of news) {
            everything.push(line.amount)
            if (line.kind === 'call') billed.set(line.ref, (billed.get(line.ref) ?? 0) - line.amount)
          }
          for (const [resId, { amt }] of Object.entries(after.body.holds)) granted.set(resId, amt)
          assert.equal(
            after.body.bal,
            everything.reduce((sum, one) => sum + one, 0),
            'bal = opening + Σ ledger',
          )
        }
        assert.ok(available(after.body) >= 0)
        for (const [resId, paid] of billed) assert.ok(paid >= 0 && paid <= (granted.get(resId) ?? 0), resId)
        if (after.result.type === 'settled') {
          assert.equal(after.result.billed, billed.get(operation.request.resId as string) ?? 0)
        }
        body = after.body
        const due = archives ? dueBlock(body) : undefined
        if (due) {
          const cut = archived(body, due, now)
          assert.ok(!('keep' in cut))
          body = cut.body as Balance
          checkBalance(body)
        }
      }
    }),
    { numRuns: 300 },
  )
})

test('what was done answers the same when it is repeated at once, and changes nothing', () => {
  fc.assert(
    fc.property(history, (operations) => {
      let body: Balance | undefined
      for (const [now, operation] of operations.entries()) {
        const once = apply(body, operation, now)
        const twice = apply(once.body, operation, now)
        if (once.body !== body && operation.name !== 'setLimit') {
          assert.equal(twice.body, once.body)
          // A step of a hold that settles answers later steps of any kind with its end.
          assert.deepEqual(twice.result, once.result)
        }
        body = once.body
      }
    }),
    { numRuns: 200 },
  )
})

test('steps of one call bill the same whatever order late duplicates come in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(100), { minLength: 1, maxLength: 6 }),
      fc.array(fc.tuple(fc.nat(7), fc.nat(7)), { maxLength: 20 }),
      (uses, duplicates) => {
        const used = uses.map((_, index) => uses.slice(0, index + 1).reduce((sum, one) => sum + one, 0))
        const steps: Op[] = [
          { name: 'hold', request: { resId: 'r1', seq: 0, ask: 100, need: 0, callUuid: 'c', node: 'n' } },
          ...used.map((sum, index) => ({
            name: 'extend' as const,
            request: { resId: 'r1', seq: index + 1, used: sum, more: 100 },
          })),
          { name: 'settle', request: { resId: 'r1', seq: used.length + 1, used: used.at(-1) } },
        ]
        const run = (again: readonly (readonly [number, number])[]): Balance => {
          let current = apply(undefined, { name: 'topup', request: { opId: 'money', amount: 1_000_000 } }, 1).body
          for (const [index, step] of steps.entries()) {
            current = apply(current, step, 2).body
            for (const [after, which] of again) {
              if (after === index && which <= index) current = apply(current, steps[which] as Op, 2).body
            }
          }
          return current as Balance
        }
        assert.deepEqual(run(duplicates), run([]))
      },
    ),
  )
})

test('a balance with everything full is below 64 KiB', () => {
  const id = (prefix: string, index: number): string => `${prefix}${index}`.padEnd(limits.idBytesMax, 'x')
  const now = Date.UTC(2030, 0, 1)
  let body: Balance | undefined
  const run = (name: Name, request: Record<string, unknown>): void => {
    body = apply(body, { name, request }, now).body
  }
  run('topup', { opId: id('t', 0), amount: 2 ** 53 - 2 ** 40, about: id('v', 0) })
  const make = (index: number): void =>
    run('hold', {
      resId: id('r', index),
      seq: 2 ** 50,
      ask: 2 ** 34,
      need: 0,
      callUuid: id('c', index),
      node: 'n'.repeat(limits.nodeBytesMax),
    })
  for (let i = 0; i < limits.reservationsMax - limits.holdsMax; i++) {
    make(i)
    run('settle', { resId: id('r', i), seq: 2 ** 51, used: 0 })
  }
  for (let i = 0; i < limits.holdsMax; i++) make(1_000 + i)
  for (let i = 0; i < limits.holdsMax; i++)
    run('extend', { resId: id('r', 1_000 + i), seq: 2 ** 50 + 1, used: 2 ** 33, more: 1 })
  const text = '\u{1f4de}'.repeat(limits.textCharsMax)
  for (let i = 1; i < limits.tailRefuseAt; i++)
    run('topup', { opId: id('t', i), amount: 2 ** 33, about: id('v', i), text })
  const full = body as Balance
  assert.equal(Object.keys(full.holds).length, limits.holdsMax)
  assert.equal(Object.keys(full.settled).length, limits.reservationsMax - limits.holdsMax)
  assert.equal(full.tail.length, limits.tailRefuseAt)
  const sizes = [packr.pack(full).length]
  for (let i = 0; i < limits.holdsMax; i++) {
    run('settle', { resId: id('r', 1_000 + i), seq: 2 ** 51, used: 2 ** 52 })
    sizes.push(packr.pack(body).length)
  }
  assert.equal(body?.tail.length, limits.tailRefuseAt + limits.holdsMax)
  checkBalance(body as Balance)
  const most = Math.max(...sizes)
  assert.ok(most < limits.bodyBytesMax, `${most} bytes`)
})

test.run()

import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RangeConfig } from '../../src/ranges/contract.ts'
import { judge, type MemberDigests, type RangeVerdict } from '../../src/ranges/verify.ts'
import { OverlayRing, placeIn, RANGES, type RingNode, ringKey } from './ring.fixture.ts'

const test = suite('overlay: verify')

const all = Array.from({ length: RANGES }, (_, range) => range)
const counts = (verdicts: readonly RangeVerdict[]): Record<string, number> => {
  const sums: Record<string, number> = {}
  for (const { verdict } of verdicts) sums[verdict] = (sums[verdict] ?? 0) + 1
  return sums
}

const config: RangeConfig = { range: 1, epoch: 3, old: ['a', 'b', 'c'].map((nodeId) => ({ nodeId, since: 1 })) }
const seen = (nodeId: string, reg: string, rest: Partial<MemberDigests> = {}): MemberDigests => ({
  nodeId,
  epoch: 3,
  standing: 'member',
  digests: { reg, set: 's', soft: 't' },
  ...rest,
})
const same = ['a', 'b', 'c'].map((id) => seen(id, 'x'))
const odd = [...same.slice(0, 2), seen('c', 'y')]
const cases: [string, RangeConfig, MemberDigests[], MemberDigests[] | undefined, RangeVerdict['verdict']][] = [
  ['all the same', config, same, undefined, 'equal'],
  ['differ at the first look', config, odd, undefined, 'busy'],
  ['differ at two looks, and stood still', config, odd, odd, 'differs'],
  ['differ, but the odd one moved', config, odd, [...same.slice(0, 2), seen('c', 'z')], 'busy'],
  ['one silent, the others equal', config, [...same.slice(0, 2), { nodeId: 'c' }], undefined, 'unreachable'],
  ['one silent, the others differ', config, [seen('a', 'x'), seen('b', 'y'), { nodeId: 'c' }], undefined, 'busy'],
  ['all silent', config, ['a', 'b', 'c'].map((nodeId) => ({ nodeId })), undefined, 'unreachable'],
  ['one warming', config, [...same.slice(0, 2), seen('c', 'x', { standing: 'warming' })], undefined, 'busy'],
  ['one at another epoch', config, [...same.slice(0, 2), seen('c', 'x', { epoch: 4 })], undefined, 'busy'],
  ['a change under way', { ...config, next: config.old }, same, same, 'busy'],
]
for (const [name, given, now, before, verdict] of cases) {
  test(`${name}: ${verdict}`, () => {
    assert.is(judge(given, now, before && judge(given, before)).verdict, verdict)
  })
}

test(
  'copies that are equal are said to be; one record more at one member is found, named, and repaired',
  deadline(60_000, async () => {
    const ring = new OverlayRing(6)
    const nodes = await ring.form(4)
    const [a] = nodes as [RingNode]
    for (const range of [3, 4, 5, 6]) {
      const { reg, set, soft } = a.overlay.store
      const place = placeIn(range)
      await ring.run(reg.change(ringKey('acct', place), 'x', () => ({ body: 1, result: 0 })))
      await ring.run(set.put(ringKey('note', place), 1))
      await ring.run(soft.put(ringKey('loc', place), { sub: 's', body: 1, ttlMs: 600_000 }))
    }
    await ring.clock.advance(1_000)
    assert.equal(counts(await ring.run(a.overlay.verifier.verify(all))), { equal: RANGES })

    // As by a write that reached one member alone; no comparison has come by since.
    const bytes = new Uint8Array([1])
    const odd: [number, string, string, object][] = [
      [
        3,
        'reg',
        'reg.accept',
        { ballot: (e: number) => [e, 9, 'x'], value: bytes, promise: (e: number) => [e, 10, 'x'] },
      ],
      [4, 'set', 'set.put', { bytes }],
      [5, 'soft', 'soft.put', { entry: ['s', 9, 9, 60_000, bytes, 0], newest: false }],
    ]
    const members = new Map<number, string>()
    for (const [range, , method, rest] of odd) {
      const { epoch, old } = a.overlay.configs.get(range)
      const nodeId = old[1]?.nodeId as string
      members.set(range, nodeId)
      const body = Object.fromEntries(
        Object.entries(rest).map(([key, value]) => [key, typeof value === 'function' ? value(epoch) : value]),
      )
      await ring.run(a.overlay.rpc.call(nodeId, method, { range, epoch, name: 'odd', ...body }))
    }
    const verdicts = await ring.run(a.overlay.verifier.verify(all))
    assert.equal(counts(verdicts), { equal: RANGES - 3, differs: 3 })
    for (const [range, kind] of odd) {
      const found = verdicts[range] as RangeVerdict
      assert.equal(found.kinds, [kind])
      const digests = found.members.map(({ digests: of }) => of?.[kind as 'reg'])
      const [first, second, third] = digests
      assert.ok(first === third && first !== second, `the second member of range ${range} has more`)
      assert.is(found.members[1]?.nodeId, members.get(range))
    }
    await ring.run(a.overlay.verifier.repair([3, 4, 5]))
    assert.equal(counts(await ring.run(a.overlay.verifier.verify(all))), { equal: RANGES })
    await ring.stop()
  }),
)

test(
  'a member that does not answer is told apart from one that differs; ranges that change all the time are not called different',
  deadline(60_000, async () => {
    const ring = new OverlayRing(7, { changes: { deadNodeAfterMs: 3_600_000 } })
    const nodes = await ring.form(3)
    const [a, , c] = nodes as [RingNode, RingNode, RingNode]
    ring.kill(c)
    assert.equal(counts(await ring.run(a.overlay.verifier.verify(all))), { unreachable: RANGES })
    await ring.run(ring.boot(c))
    await ring.until(() => ring.isStable(3), 60_000, 'complete copies')
    let on = true
    const { reg } = a.overlay.store
    const busy = (async () => {
      for (let i = 0; on; i++) {
        await reg.change(ringKey('acct', placeIn(8)), `${i}`, () => ({ body: i, result: 0 })).catch(() => undefined)
        await new Promise<void>((resolve) => ring.clock.after(1, resolve))
      }
    })()
    const verdicts = await ring.run(a.overlay.verifier.verify(all))
    on = false
    await ring.run(busy)
    assert.is(counts(verdicts).differs, undefined)
    assert.ok(['busy', 'equal'].includes(verdicts[8]?.verdict ?? ''))
    await ring.stop()
  }),
)

test.run()

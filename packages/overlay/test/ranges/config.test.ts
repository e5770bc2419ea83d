import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  decides,
  finalConfig,
  genesisConfig,
  hasQuorum,
  jointConfig,
  mustWipe,
  newMembers,
  parseConfig,
  standingOf,
  undoneConfig,
  unknownConfig,
  voters,
} from '../../src/ranges/config.ts'
import { decodeSlot, encodeSlot, slotKey } from '../../src/ranges/config-slot.ts'
import { packConfigs, unpackConfigs } from '../../src/ranges/config-wire.ts'
import type { RangeConfig } from '../../src/ranges/contract.ts'

const test = suite('overlay: range config')

const config = (old: string, next?: string, epoch = 5): RangeConfig => {
  const members = (names: string) => [...names].map((nodeId) => ({ nodeId, since: 1 }))
  return next === undefined
    ? { range: 3, epoch, old: members(old) }
    : { range: 3, epoch, old: members(old), next: members(next) }
}

test('a quorum is more than half of old and, during a change, of next', () => {
  for (const [old, next, votes, expected] of [
    ['a', undefined, 'a', true],
    ['a', undefined, '', false],
    ['ab', undefined, 'a', false],
    ['ab', undefined, 'ab', true],
    ['abc', undefined, 'ac', true],
    ['abc', undefined, 'axyz', false],
    ['abc', 'abd', 'ab', true],
    ['abc', 'abd', 'ac', false],
    ['abc', 'abd', 'acd', true],
    ['a', 'ab', 'a', false],
    ['a', 'ab', 'ab', true],
    ['abc', 'def', 'abc', false],
    ['abc', 'def', 'abde', true],
  ] as const) {
    assert.is(hasQuorum(config(old, next), new Set(votes)), expected, `${old}|${next}: ${votes}`)
  }
  assert.not.ok(hasQuorum(unknownConfig(3), new Set(['a', 'b', 'c'])))
})

const names = fc
  .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { minLength: 1, maxLength: 4 })
  .map((l) => l.join(''))
const someOf = (text: string) => fc.subarray([...text]).map((list) => new Set(list))

test('a change is ended by majorities of both sides, and taken back by one of the old members', () => {
  const joint = jointConfig(config('abc'), ['a', 'd', 'e'])
  for (const [votes, ends, undoes] of [
    ['abd', true, true],
    ['bcde', true, true],
    ['bc', false, true],
    ['abc', false, true],
    ['ade', false, false],
    ['a', false, false],
  ] as const) {
    assert.is(decides(joint, finalConfig(joint), new Set(votes)), ends, `end: ${votes}`)
    assert.is(decides(joint, undoneConfig(joint), new Set(votes)), undoes, `back: ${votes}`)
  }
  assert.equal(undoneConfig(joint), config('abc', undefined, 7))
  const again = { ...undoneConfig(joint), old: joint.old.map((member) => ({ ...member, since: 6 })) }
  assert.not.ok(decides(joint, again, new Set('bc')), 'the same nodes with empty copies are others')
  assert.not.ok(decides(config('abc'), joint, new Set('a')))
  assert.ok(decides(config('abc'), joint, new Set('ab')))
})

test('quorums of neighbouring configs always share a node', () => {
  fc.assert(
    fc.property(
      names.chain((s) =>
        names.chain((t) => fc.tuple(fc.constant(s), fc.constant(t), someOf('abcdef'), someOf('abcdef'))),
      ),
      ([s, t, one, other]) => {
        const stable = config(s)
        const joint = jointConfig(stable, [...t])
        const final = finalConfig(joint)
        const undone = undoneConfig(joint)
        for (const [x, y] of [
          [stable, stable],
          [stable, joint],
          [joint, joint],
          [joint, final],
          [stable, undone],
          [joint, undone],
        ] as const) {
          if (hasQuorum(x, one) && hasQuorum(y, other)) assert.ok([...one].some((node) => other.has(node)))
        }
        if (decides(joint, undone, one) && decides(joint, final, other)) {
          assert.ok([...one].some((node) => other.has(node)))
        }
      },
    ),
  )
})

test('members who stay keep their entry, new ones get the epoch of the joint config', () => {
  const joint = jointConfig(config('abc'), ['d', 'a'])
  assert.equal(joint, {
    range: 3,
    epoch: 6,
    old: config('abc').old,
    next: [
      { nodeId: 'd', since: 6 },
      { nodeId: 'a', since: 1 },
    ],
  })
  assert.equal(newMembers(joint), ['d'])
  assert.equal(voters(joint), ['a', 'b', 'c', 'd'])
  assert.equal(finalConfig(joint), { range: 3, epoch: 7, old: joint.next })
})

test('a copy of another membership is wiped, one of the same is kept', () => {
  const before = config('abc')
  const joint = jointConfig(before, ['b', 'c', 'd'])
  const without = finalConfig(joint)
  const back = jointConfig(without, ['b', 'c', 'a'])
  assert.not.ok(mustWipe(before, joint, 'a'))
  assert.ok(mustWipe(before, joint, 'd'), 'new')
  assert.not.ok(mustWipe(joint, without, 'd'))
  assert.not.ok(mustWipe(before, without, 'a'), 'outsiders wait for a confirmation')
  assert.ok(mustWipe(before, back, 'a'), 'slept through leaving and joining again')
  assert.not.ok(mustWipe(before, back, 'b'))
  assert.ok(mustWipe(unknownConfig(3), genesisConfig(3, 'a'), 'a'))
})

test('standing follows the config and the state of the copy', () => {
  const joint = config('ab', 'bc')
  assert.is(standingOf(joint, 'a', true), 'member')
  assert.is(standingOf(joint, 'b', false), 'warming')
  assert.is(standingOf(joint, 'c', true), 'warming')
  assert.is(standingOf(joint, 'd', true), 'outsider')
})

test('what is no config is refused, and never throws', () => {
  const good = config('ab', 'bc')
  assert.equal(parseConfig(good), good)
  assert.equal(parseConfig({ ...config('a'), next: null }), config('a'))
  for (const bad of [
    undefined,
    null,
    3,
    [],
    { ...good, range: 4096 },
    { ...good, range: -1 },
    { ...good, epoch: 0 },
    { ...good, epoch: 1.5 },
    { ...good, old: [] },
    { ...good, old: [null] },
    {
      ...good,
      old: [
        { nodeId: 'a', since: 1 },
        { nodeId: 'a', since: 2 },
      ],
    },
    { ...good, next: [] },
    { ...good, next: [{ nodeId: 1, since: 1 }] },
  ]) {
    assert.is(parseConfig(bad), undefined, JSON.stringify(bad))
  }
  fc.assert(fc.property(fc.anything(), (data) => void parseConfig(data)))
  fc.assert(fc.property(fc.anything(), (data) => assert.instance(unpackConfigs(data), Array)))
})

test('packed configs and slots on the disk come back as they were', () => {
  const configs = [config('abc'), config('ab', 'bcd', 9), { ...config('c'), range: 4095 }]
  assert.equal(unpackConfigs(JSON.parse(JSON.stringify(packConfigs(configs)))), configs)
  const slot = {
    config: config('ab', 'bc'),
    acceptor: { promised: [6, 2, 'b'], accepted: [6, 1, 'a'], value: config('bc', undefined, 6) },
    filled: true,
    holds: true,
    mute: false,
  } as const
  const key = slotKey(slot.config.range)
  const bytes = encodeSlot(slot)
  assert.equal(decodeSlot(key, bytes, 'a'), { ...slot, filled: false })
  assert.ok(
    decodeSlot(key, encodeSlot({ ...slot, config: config('a') }), 'a')?.filled,
    'nobody can have outrun a sole member',
  )
  assert.ok(decodeSlot(key, encodeSlot({ ...slot, mute: true }), 'a')?.mute)
  assert.is(decodeSlot(key, Uint8Array.of(0x90), 'a'), undefined)
  assert.is(decodeSlot(slotKey(77), bytes, 'a'), undefined, 'the slot of another range')
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const bad = bytes.slice()
    bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.is(decodeSlot(key, bad, 'a'), undefined, `bit ${bit}`)
  }
})

test.run()

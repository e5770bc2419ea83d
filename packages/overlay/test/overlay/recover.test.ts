import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { errorCode, type RangeId } from '@thor-node/core'
import { deadline } from '@thor-node/core/testing'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { entryOf, hasQuorum, jointConfig, recoveredConfig, voters } from '../../src/ranges/config.ts'
import { decideConfigs } from '../../src/ranges/config-paxos.ts'
import type { RangeConfig } from '../../src/ranges/contract.ts'
import { OverlayRing, placeIn, type RingNode, ringKey } from './ring.fixture.ts'

const test = suite('overlay: recover')

const codeOf = (error: unknown): string => errorCode(error) ?? String(error)
const at = ({ overlay }: RingNode, range: RangeId): RangeConfig => overlay.configs.get(range)

async function write(ring: OverlayRing, node: RingNode, place: string, text: string): Promise<void> {
  const { reg, set } = node.overlay.store
  await ring.run(reg.change(ringKey('acct', place), text, () => ({ body: text, result: 0 })))
  await ring.run(set.put(ringKey('note', `${place}`), text))
}

/** Two of the three voters of a range, by the configs, and the one that is left. */
function split(nodes: readonly RingNode[], range: RangeId): { gone: RingNode[]; left: RingNode; others: RingNode[] } {
  const ids = voters(at(nodes[0] as RingNode, range))
  const members = ids.map((id) => nodes.find((node) => node.id === id) as RingNode)
  return {
    gone: members.slice(0, 2),
    left: members[2] as RingNode,
    others: nodes.filter((node) => !ids.includes(node.id)),
  }
}

test('a recovered config is above whatever the lost ones can have decided, and differs by who starts', () => {
  const lost: RangeConfig = { range: 7, epoch: 9, old: ['a', 'b', 'c'].map((nodeId) => ({ nodeId, since: 3 })) }
  const a = recoveredConfig(lost, 'a') as RangeConfig
  const d = recoveredConfig(lost, 'd') as RangeConfig
  assert.ok(a.epoch > lost.epoch + 500_000)
  assert.is.not(a.epoch, d.epoch)
  assert.equal(a.old, [{ nodeId: 'a', since: 3 }], 'keeps its copy')
  assert.equal(d.old, [{ nodeId: 'd', since: d.epoch }], 'begins empty')
  let config: RangeConfig | undefined = a
  let count = 0
  for (; config; count++) config = recoveredConfig(config, 'a')
  assert.ok(count > 4_000 && count < 4_096, `${count} recoveries, then no more`)
})

test(
  'no recovery while a majority answers, and none of members that are gone for less than a minute',
  deadline(60_000, async () => {
    const ring = new OverlayRing(1)
    const nodes = await ring.form(3)
    const [n1] = nodes as [RingNode, RingNode, RingNode]
    assert.is(await ring.run(n1.overlay.recover(0).catch(codeOf)), 'RANGES_NOT_LOST')
    const { gone, left } = split(nodes, 0)
    ring.kill(gone[0] as RingNode)
    await ring.clock.advance(120_000)
    assert.is(await ring.run(left.overlay.recover(0).catch(codeOf)), 'RANGES_NOT_LOST', 'two of three are enough')
    const before = at(left, 0)
    ring.kill(gone[1] as RingNode)
    await ring.clock.advance(40_000)
    assert.is(await ring.run(left.overlay.recover(0).catch(codeOf)), 'RANGES_LOST_LATELY')
    assert.equal(at(left, 0), before)
    await ring.stop()
  }),
)

test(
  'a survivor starts the range anew: what it has is kept, put on record, and copied to others; who returns is wiped',
  deadline(60_000, async () => {
    const ring = new OverlayRing(2)
    const nodes = await ring.form(5)
    const range = 11
    const place = placeIn(range)
    await write(ring, nodes[0] as RingNode, place, 'kept')
    const { gone, left, others } = split(nodes, range)
    for (const node of gone) ring.kill(node)
    await ring.clock.advance(90_000)
    const lost = at(left, range)
    assert.ok(!hasQuorum(lost, new Set([left.id])))
    const refused = (outcome: unknown) => ['STORE_UNAVAILABLE', 'STORE_UNKNOWN'].includes(codeOf(outcome))
    // Not by who wrote before: its accept, sent with a promise of then, may be what the survivor goes on with.
    const attempt = others
      .at(-1)
      ?.overlay.store.reg.change(ringKey('acct', place), 'no', () => ({ body: 'no', result: 0 }))
    assert.ok(refused(await ring.run((attempt as Promise<unknown>).catch((error: unknown) => error))))

    // Asked of a node that is no member: the survivor starts.
    const { before, after } = await ring.run((others[0] as RingNode).overlay.recover(range, 'ada'))
    assert.equal(before, lost)
    assert.equal(
      after.old.map(({ nodeId }) => nodeId),
      [left.id],
    )
    const reads = (node: RingNode) => node.overlay.store.reg.read<string>(ringKey('acct', place), 'strict')
    assert.is((await ring.run(reads(others[0] as RingNode)))?.body, 'kept')
    assert.is(await ring.run(left.overlay.store.set.get(ringKey('note', place))), 'kept')
    await write(ring, others[1] as RingNode, placeIn(range, 1_000), 'new')

    const [record, ...more] = await ring.run(left.overlay.store.set.list<Record<string, unknown>>(range, 'audit/'))
    assert.is(more.length, 0)
    assert.is(record?.name, `audit/recover/${range}/${after.epoch}`)
    assert.is(record?.body.by, 'ada')
    assert.equal(record?.body.before, before)
    assert.equal(record?.body.after, after)
    assert.ok(Math.abs(ring.clock.wall() - (record?.body.at as number)) < 60_000)

    await ring.until(() => at(left, range).old.length === 3 && !at(left, range).next, 120_000, 'three copies again')
    assert.ok(at(left, range).epoch > after.epoch)
    for (const node of gone) await ring.run(ring.boot(node))
    const returned = gone[0] as RingNode
    assert.is((await ring.run(reads(returned)))?.body, 'kept')
    await ring.until(
      () => gone.every(({ overlay }) => !overlay.configs.holds(range) || entryOf(at(returned, range), returned.id)),
      120_000,
      'the old copies deleted',
    )
    await ring.until(() => ring.isStable(3), 300_000, 'calm')
    for (const node of ring.nodes) assert.is((await ring.run(reads(node)))?.body, 'kept', node.name)
    await ring.stop()
  }),
)

test(
  'a range of which nobody is left starts empty; all that are lost are recovered at once, the others not touched',
  deadline(60_000, async () => {
    const ring = new OverlayRing(3)
    const nodes = await ring.form(6)
    const names = new Map<RangeId, string>()
    for (let range = 0; range < 12; range++) {
      names.set(range, placeIn(range))
      await write(ring, nodes[0] as RingNode, names.get(range) as string, 'old')
    }
    const all = voters(at(nodes[0] as RingNode, 0))
    for (const node of nodes) if (all.includes(node.id)) ring.kill(node)
    await ring.clock.advance(90_000)
    const asked = nodes.find((node) => node.up) as RingNode
    const live = new Set(nodes.filter((node) => node.up).map(({ id }) => id))
    const before = asked.overlay.configs.all()
    const lost = before.filter((config) => !hasQuorum(config, live)).map(({ range }) => range)
    const { losses, refused } = await ring.run(asked.overlay.recovery.assess('all-lost'))
    assert.equal(refused, [])
    assert.equal(
      losses.map(({ config }) => config.range),
      lost,
    )
    assert.is(losses.find(({ config }) => config.range === 0)?.copy, 'none')
    for (const loss of losses) assert.is(loss.copy === 'none', loss.survivors.length === 0)
    const done = await ring.run(asked.overlay.recovery.recover('all-lost', 'ada'))
    assert.equal(
      done.map(({ after }) => after.range).sort((a, b) => a - b),
      lost,
    )
    const untouched = before.filter(({ range }) => !lost.includes(range))
    assert.ok(untouched.length > 0)
    for (const config of untouched) assert.ok(at(asked, config.range).epoch < 1_000)
    await ring.until(() => ring.isStable(3), 120_000, 'three copies of everything')
    for (const [range, place] of names) {
      const value = await ring.run(asked.overlay.store.reg.read<string>(ringKey('acct', place), 'strict'))
      const loss = losses.find(({ config }) => config.range === range)
      assert.is(value?.body, loss?.copy === 'none' ? undefined : 'old', `range ${range}`)
      await write(ring, asked, placeIn(range, 5_000), 'new')
    }
    await ring.stop()
  }),
)

test(
  'nothing but recovery makes a config without the old majority: not time, restarts, a leave, a drain, or asking',
  deadline(60_000, async () => {
    const ring = new OverlayRing(4, { changes: { deadNodeAfterMs: 2_000, newNodeAfterMs: 500 } })
    const nodes = await ring.form(5)
    const range = 5
    const { gone, left, others } = split(nodes, range)
    for (const node of gone) ring.kill(node)
    const same = (): void => {
      for (const node of ring.nodes) if (node.up) assert.equal(at(node, range), before)
    }
    const before = at(left, range)
    await ring.clock.advance(180_000)
    same()
    ring.kill(left)
    await ring.run(ring.boot(left))
    await ring.clock.advance(30_000)
    same()
    await ring.add()
    left.overlay.setServing(false)
    await ring.clock.advance(30_000)
    left.overlay.setServing(true)
    same()
    const leaving = new AbortController()
    const leave = left.overlay.handOver(leaving.signal).catch(codeOf)
    await ring.clock.advance(60_000)
    leaving.abort()
    await ring.run(leave)
    same()
    // Straight to the votes, by everybody who is left and for every target.
    for (const node of [left, ...others]) {
      for (const target of [[left.id], [node.id], [left.id, ...others.map(({ id }) => id)]]) {
        const { overlay } = node
        const components = { rpc: overlay.rpc, clock: ring.clock, random: ring.random, configs: overlay.configs }
        const proposal = { config: before, value: jointConfig(before, target) }
        const decided = await ring.run(decideConfigs(components, { self: node.id, graceMs: 10 }, [proposal]))
        assert.is(decided.size, 0)
      }
    }
    same()
    await ring.run(left.overlay.recover(range))
    assert.ok(at(left, range).epoch > before.epoch)
    await ring.stop()
  }),
)

test('configs are made in five places, and the one that needs no vote is called by recovery alone', () => {
  const src = resolve(import.meta.dirname, '../../src')
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  const users = (name: string): string[] =>
    files
      .filter((path) => new RegExp(`(?<!function )\\b${name}\\(`).test(readFileSync(join(src, path), 'utf8')))
      .filter((path) => path !== join('ranges', 'config.ts'))
      .map((path) => path.replaceAll('\\', '/'))
      .sort()
  assert.equal(users('jointConfig'), ['ranges/change.ts'])
  assert.equal(users('finalConfig'), ['ranges/change.ts'])
  assert.equal(users('undoneConfig'), ['ranges/change.ts'])
  assert.equal(users('genesisConfig'), ['ranges/config-table.ts'])
  assert.equal(users('recoveredConfig'), ['ranges/config-table.ts'])
  assert.equal(users('startAnew'), ['ranges/config-table.ts', 'ranges/recover.ts'])
})

test.run()

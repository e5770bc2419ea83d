import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { RANGE_COUNT } from '@thor-node/core'
import { SimRandom } from '@thor-node/core/testing'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { distance, IdTree } from '../../src/ranges/id-tree.ts'
import {
  type Placement,
  type PlacementNode,
  Placer,
  rangeKey,
  virtualId,
  virtualIdCount,
} from '../../src/ranges/placement.ts'
import { boundsOf } from '../../src/ranges/shares.ts'
import { placeByDefinition, ring } from './placement.fixture.ts'

const test = suite('overlay: placement')

const hex = (id: number): string => id.toString(16).padStart(12, '0')

test('agrees with the published vectors', () => {
  const vectors = JSON.parse(readFileSync(resolve(import.meta.dirname, 'placement.vectors.json'), 'utf8')) as {
    hashes: { rangeKey: Record<string, string>; virtualId: { placementId: string; index: number; id: string }[] }
    rings: { nodes: PlacementNode[]; replicas: Record<string, string[]> }[]
  }
  for (const [range, key] of Object.entries(vectors.hashes.rangeKey)) assert.is(hex(rangeKey(Number(range))), key)
  for (const { placementId, index, id } of vectors.hashes.virtualId) assert.is(hex(virtualId(placementId, index)), id)
  for (const { nodes, replicas } of vectors.rings) {
    const placement = new Placer().place(nodes)
    for (const [range, expected] of Object.entries(replicas)) assert.equal(placement[Number(range)], expected)
  }
})

test('ids are visited from the closest on', () => {
  const random = new SimRandom(3)
  const draw = () => Buffer.from(random.bytes(6)).readUIntBE(0, 6)
  const points = Array.from({ length: 300 }, (_, node) => ({ id: draw(), node }))
  // The same twice, and neighbours.
  points.push(
    { id: points[7]?.id ?? 0, node: 300 },
    { id: 0, node: 301 },
    { id: 1, node: 302 },
    { id: 2 ** 48 - 1, node: 303 },
  )
  const tree = new IdTree(points)
  for (const key of [0, 1, 2 ** 47, 2 ** 48 - 1, points[7]?.id ?? 0, draw(), draw(), draw()]) {
    const seen: [number, number][] = []
    tree.closest(key, (node, apart) => {
      seen.push([node, apart])
      return seen.length === points.length
    })
    const expected = points.map(({ id, node }): [number, number] => [node, Number(BigInt(id) ^ BigInt(key))])
    expected.sort((a, b) => a[1] - b[1] || a[0] - b[0])
    assert.equal(seen, expected)
    for (const { id } of points) assert.is(distance(id, key), Number(BigInt(id) ^ BigInt(key)))
  }
  new IdTree([]).closest(1, () => {
    throw new Error('nobody is there')
  })
})

test('is what the definition says, in whatever order nodes and ranges come', () => {
  for (const [count, zones] of [
    [1, 1],
    [2, 1],
    [5, 1],
    [6, 2],
    [7, 3],
    [9, 4],
    [25, 1],
  ] as const) {
    const nodes = ring(count, count).map((node, i) => ({ ...node, zone: `z${i % zones}`, weight: i % 3 === 2 ? 2 : 1 }))
    const placement = new Placer({ rangeCount: 256 }).place(nodes)
    assert.equal(placement, placeByDefinition(nodes, 256, count), `${count} nodes in ${zones} zones`)
    assert.equal(new Placer({ rangeCount: 256 }).place(nodes.toReversed()), placement)
  }
})

/** Smallest and largest of what nodes hold, in shares. */
function spread(placement: Placement, nodes: readonly PlacementNode[], copies: number): [number, number] {
  const held = new Map<string, number>(nodes.map(({ nodeId }) => [nodeId, 0]))
  for (const replicas of placement) {
    for (const nodeId of replicas.slice(0, copies)) held.set(nodeId, (held.get(nodeId) ?? 0) + 1)
  }
  const shares = [...held.values()].map(
    (ranges) => (ranges * nodes.length) / (RANGE_COUNT * Math.min(copies, nodes.length)),
  )
  return [Math.min(...shares), Math.max(...shares)]
}

test('homes and copies are within a tenth of an even share, in rings of up to ten nodes', () => {
  const placer = new Placer()
  for (const count of [1, 2, 3, 4, 5, 7, 10]) {
    for (let seed = 1; seed <= 6; seed++) {
      const nodes = ring(count, seed)
      const placement = placer.place(nodes)
      for (const copies of [1, 2, 3]) {
        const [least, most] = spread(placement, nodes, copies)
        assert.ok(least >= 0.9 && most <= 1.1, `${count} nodes, seed ${seed}, ${copies} copies: ${least} … ${most}`)
      }
    }
  }
})

test('follows weights and zones, as far as they can be followed', () => {
  for (const [what, takers, slots, byZone, fair] of [
    ['even', [[1], [1], [1], [1]], 3, false, [75, 75, 75, 75]],
    ['weights', [[1], [2], [1]], 1, false, [25, 50, 25]],
    ['nobody holds a range twice', [[8], [1], [1], [1]], 3, false, [100, 66.7, 66.7, 66.7]],
    ['three of three', [[9], [1], [1]], 3, false, [100, 100, 100]],
    [
      'zones share alike when each must have a copy',
      [
        [1, 'a'],
        [1, 'a'],
        [1, 'b'],
        [1, 'c'],
      ],
      3,
      true,
      [50, 50, 100, 100],
    ],
    [
      'homes are not bound to zones',
      [
        [1, 'a'],
        [1, 'a'],
        [1, 'b'],
        [1, 'c'],
      ],
      1,
      true,
      [25, 25, 25, 25],
    ],
  ] as [string, [number, string?][], number, boolean, number[]][]) {
    const shares = takers.map(([weight, zone = '']) => ({ weight, zone }))
    const bounds = boundsOf(shares, 100, slots, byZone)
    assert.equal(
      bounds.map((one) => Math.round(one.fair * 10) / 10),
      fair,
      what,
    )
    for (const { floor, ceiling } of bounds) assert.ok(floor >= 0 && floor < ceiling && ceiling <= 100, what)
  }
  const nodes = ring(6, 9).map((node, i) => ({ ...node, weight: i === 0 ? 2 : i === 1 ? 0 : 1 }))
  const homes = new Map<string, number>()
  for (const [home] of new Placer().place(nodes)) homes.set(home as string, (homes.get(home as string) ?? 0) + 1)
  const heavy = homes.get('node0') as number
  assert.ok(heavy > (RANGE_COUNT / 6) * 2 * 0.9 && heavy < (RANGE_COUNT / 6) * 2 * 1.1, `${heavy}`)
  assert.is(homes.get('node1'), undefined)
  assert.equal([-1, 0, Number.NaN, 0.001, 1, 1.5, 1e9].map(virtualIdCount), [0, 0, 0, 1, 256, 384, 16384])
})

test('a join moves what the new node gets, a leave what the old one had, and hardly more', () => {
  fc.assert(
    fc.property(fc.integer({ min: 3, max: 10 }), fc.integer(), fc.nat(), (count, seed, pick) => {
      const nodes = ring(count + 1, seed)
      const leaver = nodes[pick % nodes.length] as PlacementNode
      const placer = new Placer()
      const all = placer.place(nodes)
      const less = placer.place(nodes.filter((node) => node !== leaver))
      let needed = 0
      let joining = 0
      let leaving = 0
      for (let range = 0; range < RANGE_COUNT; range++) {
        const [more, fewer] = [all[range] ?? [], less[range] ?? []]
        assert.is(new Set(fewer).size, 3)
        assert.is(new Set(more).size, 3)
        if (more.includes(leaver.nodeId)) needed++
        joining += more.filter((nodeId) => !fewer.includes(nodeId)).length
        leaving += fewer.filter((nodeId) => !more.includes(nodeId)).length
      }
      assert.is(joining, leaving)
      const ideal = (RANGE_COUNT * 3) / (count + 1)
      assert.ok(joining - needed <= 0.06 * ideal, `${count} → ${count + 1}: ${joining} moved, ${needed} needed`)
    }),
    { numRuns: 12 },
  )
})

test('nobody there means no replicas', () => {
  assert.equal(new Placer().place([])[17], [])
  assert.equal(new Placer().place(ring(1, 1).map((node) => ({ ...node, weight: 0 })))[17], [])
})

test.run()
